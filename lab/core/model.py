# SPDX-License-Identifier: MIT
"""What a host of the lab is, as the inventory describes it and as it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lab.core.settings import Settings

DEFAULT_KIND = "debian"
# Where applications with `media_storage: shared` keep their files: plugin_utils/applications/storage.py.
SHARED_MOUNT = "/mnt/applications"


def container_name(settings: Settings, host: str) -> str:
    """The name of a host's container."""
    return f"{settings.name}-{host}"


@dataclass(frozen=True)
class Host:
    """One host of the lab, as the inventory describes it.

    Attributes:
        name: its name in the inventory.
        suite: its Debian (``lab_suite``).
        groups: the groups that it is in.
        kind: its kind (``lab_kind``): a package below ``lab/kinds/``.
    """

    name: str
    suite: str
    groups: tuple[str, ...]
    kind: str = DEFAULT_KIND


@dataclass(frozen=True)
class Machine:
    """One host of the lab that has a container, or is about to get one.

    Attributes:
        name: its name in the inventory.
        container: the name of its container.
        suite: its Debian.
        kind: its kind.
        address: its address, for as long as it lives.
        running: whether its container runs.
        port: the port of this machine that leads to it, or "".
        project: the checkout that it belongs to.
        shared: whether it has the file system that the hosts of the lab share; those of earlier versions don't.
    """

    name: str
    container: str
    suite: str
    kind: str
    address: str
    running: bool = False
    port: str = ""
    project: str = ""
    shared: bool = False


def machine(container: Mapping[str, Any]) -> Machine:
    """The host that a container of ``podman ps`` is."""
    labels = container["Labels"]
    # Containers of earlier versions carry no lab.kind; their image says it.
    kind = labels.get("lab.kind") or ("rds" if "/lab-rds-" in labels.get("lab.image", "") else DEFAULT_KIND)
    return Machine(
        name=labels["lab.host"],
        container=container["Names"][0],
        suite=labels.get("lab.suite", ""),
        kind=kind,
        address=labels.get("lab.address", ""),
        running=container["State"] == "running",
        port=labels.get("lab.port", ""),
        project=labels.get("lab.project", ""),
        shared=SHARED_MOUNT in (container.get("Mounts") or []),
    )
