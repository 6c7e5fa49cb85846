# SPDX-License-Identifier: MIT
"""Disks that are nearly full, by the facts that every run reads: a full one fails in the middle of something else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

LOW_BYTES, LOW_INODES = 200 << 20, 5_000
LOW_SHARE = 0.05


def full_disks(hosts: Iterable[Mapping[str, Any]]) -> list[str]:
    """A line for each disk of which less than 5 % and 200 MB, or 5 % and 5000 inodes, are free.

    Args:
        hosts: variables of hosts; one whose facts were not read has none.
    """
    found = []
    for host in hosts:
        for mount in (host.get("ansible_facts") or {}).get("mounts") or []:
            free, total = mount.get("size_available", 0), mount.get("size_total", 0)
            inodes, all_inodes = mount.get("inode_available", 0), mount.get("inode_total", 0)
            if "ro" in str(mount.get("options", "")).split(","):
                continue
            few = total and free < min(LOW_BYTES, LOW_SHARE * total)
            if few or (all_inodes and inodes < min(LOW_INODES, LOW_SHARE * all_inodes)):
                found.append(
                    f"{host['inventory_hostname']}: {mount['mount']} is nearly full, with {free / 1e6:.0f} MB of {total / 1e9:.1f} GB and "
                    f"{inodes} inodes free. Make room, before a deploy or the database needs it."
                )
    return found
