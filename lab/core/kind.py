# SPDX-License-Identifier: MIT
"""What a kind of host is: the one thing that a package below ``lab/kinds/`` brings.

A host of the inventory asks for a kind with ``lab_kind: NAME``; without it, it is a ``debian``. The package
``lab/kinds/NAME`` has a ``KIND``, an object of a class that derives from `Kind` and says what differs. The life cycle of
hosts (``lab/core/hosts.py``) calls it in this order:

1. ``ensure_image``  before anything of the lab changes
2. ``run_words``     when the container is made
3. ``after_boot``    each time that a host of it was brought up, once systemd says `running`
4. ``resolver``      whenever the names of the lab are written: after 3, and before a host is removed
5. ``files``         when the host is removed
6. ``end``           when the lab is removed, before its hosts
"""

from __future__ import annotations

import ipaddress
from pathlib import Path

from lab.core.model import Machine
from lab.core.podman import Podman
from lab.core.settings import Settings


class Kind:
    """A kind of host. Only the image has no default: a host without more is empty and waits for Ansible."""

    def ensure_image(self, settings: Settings, podman: Podman, suite: str) -> str:
        """The name of the image for a suite; built first where it is missing.

        Its tag follows the recipe, so that a changed recipe makes a new image (``lab.core.images.name``).
        """
        raise NotImplementedError

    def run_words(self, settings: Settings, machine: Machine) -> list[str]:
        """Further words for ``podman run``: a published port, a volume."""
        return []

    def after_boot(self, settings: Settings, podman: Podman, machine: Machine, network: ipaddress.IPv4Network) -> None:
        """Make the host one of its kind, and write what an operator is told about it; nothing where that is done."""

    def resolver(self, machine: Machine) -> str:
        """The address where the host answers for names that Podman doesn't know, or "".

        All hosts of the lab ask there first. It has to pass on what it doesn't know to the network's first address.
        """
        return ""

    def signs(self, settings: Settings, machine: Machine) -> str:
        """How an operator is told that the host signs the certificates of the sites, or ""; the lab's own CA does by default."""
        return ""

    def files(self, settings: Settings, machine: Machine) -> list[Path]:
        """The files below ``.lab/<name>/`` that ``after_boot`` wrote; they go with the host."""
        return []

    def end(self, settings: Settings) -> None:
        """End what the kind runs on this machine for a lab that is removed; nothing where it runs nothing."""

    def clear(self, settings: Settings) -> None:
        """Remove what the kind keeps in Podman for a lab whose hosts are gone; nothing where it keeps nothing."""
