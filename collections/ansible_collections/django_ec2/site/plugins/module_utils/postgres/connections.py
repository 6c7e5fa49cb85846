# SPDX-License-Identifier: MIT
"""Whether a server has the connections that its applications may need. All numbers are connections."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Settings that keep connections from ordinary roles. The second is PostgreSQL's since 16, the third is RDS's until then.
RESERVED = ("superuser_reserved_connections", "reserved_connections", "rds.rds_superuser_reserved_connections")


def reserved_connections(settings: Mapping[str, Any]) -> int:
    """What the server keeps for its superusers; a setting that it doesn't have keeps none."""
    return sum(int(settings.get(name) or 0) for name in RESERVED)


def connection_shortage(need: Mapping[str, Any], settings: Mapping[str, Any], server: str = "The server") -> str:
    """Why the applications do not fit the server, and what to do about it; empty where they fit.

    Args:
        need: `needed`, a number; `used_by`, what needs them in words; `remedy`, what else to write, in a sentence.
        settings: max_connections and the reserved ones, as the server or its variables state them.
        server: who has the connections, to begin a sentence with.
    """
    total, reserved, needed = int(settings["max_connections"]), reserved_connections(settings), int(need["needed"])
    if needed <= total - reserved:
        return ""
    used_by = f" ({need['used_by']})" if need.get("used_by") else ""
    kept = f", {reserved} of which are reserved for superusers" if reserved else ""
    remedy = need.get("remedy") or ""
    return (
        f"The applications may need {needed} connections{used_by}. {server} has {total} connections "
        f"(max_connections){kept}. {remedy}".strip()
    )
