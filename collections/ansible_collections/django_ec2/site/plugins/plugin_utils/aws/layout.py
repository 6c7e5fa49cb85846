# SPDX-License-Identifier: MIT
"""What an environment on AWS consists of, from its settings: hosts and subnets. No call to AWS."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any

# A VPC of /16 becomes subnets of /20: public ones from its beginning, private ones from its middle.
SUBNET_BITS = 4


def subnets(cidr: str, zones: Sequence[str]) -> list[dict[str, Any]]:
    """A public and a private subnet for each zone.

    Raises:
        ValueError: the network is none, or too small to be divided.
    """
    parts = list(ipaddress.IPv4Network(cidr).subnets(prefixlen_diff=SUBNET_BITS))
    half = len(parts) // 2
    return [
        {"name": f"{kind}-{zone[-1]}", "cidr": str(parts[first + number]), "zone": zone, "public": kind == "public"}
        for kind, first in (("public", 0), ("private", half))
        for number, zone in enumerate(zones)
    ]


def hosts(preset: Mapping[str, Any], database_mode: str) -> dict[str, dict[str, Any]]:
    """The hosts of a preset by name, spread over the zones."""
    kind = "public" if preset["nat"] == "none" else "private"
    own_database = database_mode == "self_hosted" and preset["database"]["count"] > 0
    found = {}
    for group, prefix in (("web", "web"), ("database", "db")):
        if group == "database" and not own_database:
            continue
        given = preset[group]
        for number in range(given["count"]):
            groups = [group]
            if group == "web" and number == 0 and database_mode == "self_hosted" and not own_database:
                groups.append("database")
            found[f"{prefix}{number + 1}"] = {
                "groups": groups,
                "type": given["type"],
                "disk_gb": given["disk_gb"],
                "subnet": f"{kind}-{'ab'[number % 2]}",
            }
    return found
