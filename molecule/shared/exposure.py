"""How much of a host a service could reach, as systemd-analyze counts it."""

from __future__ import annotations

from typing import Any

# What a unit may have, times ten.
LIMIT = 25


def exposed(host: Any, *units: str) -> dict[str, str]:
    """Of these units, those that are more exposed than is allowed, and what systemd-analyze says of them."""
    found = {}
    for unit in units:
        assert host.run("systemctl cat %s", unit).rc == 0, f"there is no {unit}"
        done = host.run(f"systemd-analyze security --no-pager --threshold={LIMIT} %s", unit)
        if done.rc != 0:
            found[unit] = done.stdout + done.stderr
    return found
