# SPDX-License-Identifier: MIT
"""An Application Load Balancer of AWS, played by HAProxy: `lab.kinds.aws` makes its hosts and writes its settings."""

from __future__ import annotations

from pathlib import Path

from lab.core import images
from lab.core.kind import Kind
from lab.core.model import Machine
from lab.core.podman import Podman
from lab.core.settings import LabError, Settings
from lab.kinds import debian

DIRECTORY = Path(__file__).parent


class Balancer(Kind):
    """A host with HAProxy."""

    def ensure_image(self, settings: Settings, podman: Podman, suite: str) -> str:
        """See `Kind`: the image of an empty host, with HAProxy."""
        base = debian.ensure_image(settings, podman, suite)
        image = images.name("balancer", suite, [base.encode(), (DIRECTORY / "Containerfile").read_bytes()])
        if not images.exists(podman, image):
            settings.say(f"Building the {suite} image of load balancers (half a minute, once)")
            images.build(podman, image, base, DIRECTORY, seconds=600)
        return image

    def run_words(self, settings: Settings, machine: Machine) -> list[str]:
        """See `Kind`; only an inventory leads here.

        Raises:
            LabError: always.
        """
        raise LabError(
            f"{machine.name} asks for lab_kind balancer: such hosts are made by the AWS endpoint, leave lab_kind out."
        )


KIND = Balancer()
