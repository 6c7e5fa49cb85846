# SPDX-License-Identifier: MIT
"""An Application Load Balancer of AWS, played by HAProxy: `lab.kinds.aws` makes its hosts and writes its settings."""

from __future__ import annotations

from pathlib import Path

from lab.core import images
from lab.core.podman import Podman
from lab.core.settings import Settings
from lab.kinds import debian
from lab.kinds.aws import MadeByEndpoint

DIRECTORY = Path(__file__).parent


class Balancer(MadeByEndpoint):
    """A host with HAProxy."""

    def ensure_image(self, settings: Settings, podman: Podman, suite: str) -> str:
        """See `Kind`: the image of an empty host, with HAProxy."""
        base = debian.ensure_image(settings, podman, suite)
        image = images.name("balancer", suite, [base.encode(), (DIRECTORY / "Containerfile").read_bytes()])
        if not images.exists(podman, image):
            settings.say(f"Building the {suite} image of load balancers (half a minute, once)")
            images.build(podman, image, base, DIRECTORY, seconds=600)
        return image


KIND = Balancer()
