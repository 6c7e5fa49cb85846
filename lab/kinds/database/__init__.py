# SPDX-License-Identifier: MIT
"""An instance of Amazon RDS behind the AWS endpoint: one PostgreSQL in a host, which `lab.kinds.aws` makes and changes.

What a client meets is what the kind ``rds`` plays: TLS alone, a master user who is no superuser, roles of RDS. What is in the
host is in ``server/``.
"""

from __future__ import annotations

from pathlib import Path

from lab.core import images
from lab.core.podman import Podman
from lab.core.settings import Settings
from lab.kinds import rds
from lab.kinds.aws import MadeByEndpoint

DIRECTORY = Path(__file__).parent


class Database(MadeByEndpoint):
    """A host with one PostgreSQL."""

    def ensure_image(self, settings: Settings, podman: Podman, suite: str) -> str:
        """See `Kind`: the image of a host that imitates RDS, with what makes one instance of it."""
        base = rds.KIND.ensure_image(settings, podman, suite)
        files = [DIRECTORY / "Containerfile", *sorted((DIRECTORY / "server").iterdir())]
        image = images.name("database", suite, [base.encode(), *(path.read_bytes() for path in files)])
        if not images.exists(podman, image):
            settings.say(f"Building the {suite} image of RDS instances (some seconds, once)")
            images.build(podman, image, base, DIRECTORY, seconds=600)
        return image

    def clear(self, settings: Settings) -> None:
        """See `Kind`: the volume with the instances' backups."""
        Podman(settings)("volume", "rm", "--force", volume(settings))


def volume(settings: Settings) -> str:
    """The name of the volume where the lab's instances keep their log and their snapshots."""
    return f"lab-{settings.name}-rds"


KIND = Database()
