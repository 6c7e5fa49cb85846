# SPDX-License-Identifier: MIT
"""Which sites the lab serves, as lab/sites.yml writes it: the lab by itself knows no application."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from lab.core.settings import Settings

HTTPS = 443
CONNECT_SECONDS = 2


def read(settings: Settings, write: Callable[[], None]) -> dict[str, dict[str, str]]:
    """The domain of each application (``domains``) and the name of its administrator, or "" (``admins``).

    Args:
        settings: of the lab.
        write: writes them anew; called where they were never written, or something of the inventory is newer.
    """
    path = settings.directory / "sites.json"
    if not path.exists() or path.stat().st_mtime < _newest(settings.inventory):
        write()
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def served(addresses: Iterable[str]) -> bool:
    """Whether one of the hosts with these addresses takes connections of visitors."""
    for address in addresses:
        try:
            socket.create_connection((address, HTTPS), timeout=CONNECT_SECONDS).close()
        except OSError:
            continue
        return True
    return False


def _newest(inventory: Path) -> float:
    """When something of an inventory changed last; its group_vars may be links to those of the repository."""
    times = [inventory.stat().st_mtime]
    for directory, _names, files in os.walk(inventory, followlinks=True):
        times += [Path(directory, name).stat().st_mtime for name in files if Path(directory, name).exists()]
    return max(times)
