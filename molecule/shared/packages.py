"""What apt did on a host."""

from __future__ import annotations

from typing import Any


def installed_together(host: Any, *packages: str) -> bool:
    """Whether these packages came with one call of apt, the only one that installed the first of them."""
    entries = host.check_output("cat /var/log/apt/history.log").split("\n\n")
    installs = [entry for entry in entries if "Install:" in entry and f" {packages[0]}:" in entry]
    return len(installs) == 1 and all(f" {package}:" in installs[0] for package in packages)
