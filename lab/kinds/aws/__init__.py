# SPDX-License-Identifier: MIT
"""AWS on one machine: an endpoint on the loopback, and hosts of the lab behind its instances.

``endpoint/`` is the process that answers (moto, corrected), ``hosts.py`` the loop in it that makes the lab's hosts what the instances
are, ``control.py`` starts and ends it, ``guest/`` is what a host has of EC2.
"""

from __future__ import annotations

from pathlib import Path

from lab.core import images
from lab.core.kind import Kind
from lab.core.model import Machine
from lab.core.podman import Podman
from lab.core.settings import LabError, Settings
from lab.kinds import debian

DIRECTORY = Path(__file__).parent


class MadeByEndpoint(Kind):
    """A kind whose hosts are made by the endpoint, not by an inventory."""

    def run_words(self, settings: Settings, machine: Machine) -> list[str]:
        """See `Kind`; only an inventory leads here.

        Raises:
            LabError: always.
        """
        raise LabError(
            f"{machine.name} asks for lab_kind {machine.kind}: such hosts are made by the AWS endpoint, leave lab_kind out."
        )


class Aws(MadeByEndpoint):
    """An instance of EC2."""

    def ensure_image(self, settings: Settings, podman: Podman, suite: str) -> str:
        """See `Kind`: the image of an empty host, with what cloud-init does there."""
        from lab.kinds.aws.hosts import image_name  # noqa: PLC0415 - moto takes seconds to import, and other labs do without

        base = debian.ensure_image(settings, podman, suite)
        image = image_name(suite, base)
        if not images.exists(podman, image):
            settings.say(f"Building the {suite} image of EC2 instances (half a minute, once)")
            images.build(podman, image, base, DIRECTORY, seconds=600)
        return image

    def end(self, settings: Settings) -> None:
        """See `Kind`: the endpoint of the lab ends with it."""
        from lab.kinds.aws import control  # noqa: PLC0415

        control.stop(control.directory(settings))

    def clear(self, settings: Settings) -> None:
        """See `Kind`: images that were made of the lab's instances."""
        from lab.kinds.aws import snapshots  # noqa: PLC0415

        snapshots.remove(settings, Podman(settings))


KIND = Aws()
