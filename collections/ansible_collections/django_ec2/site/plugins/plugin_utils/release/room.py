# SPDX-License-Identifier: MIT
"""Whether a host has room for what would be shipped to it, asked before anything is."""

from __future__ import annotations

import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.django_ec2.site.plugins.plugin_utils.release.releases import surplus

# Beside an archive's own content: its bytecode, and the static files that are collected from it.
GROWTH = 2
# The archive stays with what was made of it, and lies once more where it arrives.
COPIES = 2
# With less than that not even a lock can be written, and nothing can make way.
MINIMUM_BYTES = 4 << 20
# Below that a disk is looked at more closely, and named.
LOW_BYTES, LOW_INODES = 1 << 30, 50_000
NEARLY_FULL_BYTES, NEARLY_FULL_INODES, NEARLY_FULL_SHARE = 200 << 20, 5_000, 0.05


def unpacked_bytes(archive: Path) -> int:
    """The size of what is in a gzip file, which its last four bytes say (RFC 1952)."""
    with archive.open("rb") as handle:
        handle.seek(-4, 2)
        return int.from_bytes(handle.read(4), "little")


def needed(archive: str) -> tuple[int, int]:
    """Bytes and inodes that an archive needs on a host; none without one."""
    if not archive:
        return 0, 0
    path = Path(archive)
    with tarfile.open(path) as tar:
        members = sum(1 for _ in tar)
    return path.stat().st_size * COPIES + unpacked_bytes(path) * GROWTH, members * GROWTH


def amount(count: int) -> str:
    """Bytes for people."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"


def problem(wanted: Mapping[str, Any], state: Mapping[str, Any], root: str, kept: int) -> str:
    """Why a release doesn't fit on a host; empty when it does.

    Args:
        wanted: the release that the host is asked to have, with its archives.
        state: what release_state read of the application there.
        root: the application's directory.
        kept: how many releases are kept.
    """
    free = state.get("free") or {}
    if not free or not wanted["archive"] or (free["bytes"] > LOW_BYTES and not 0 <= free["inodes"] < LOW_INODES):
        return ""
    if state["releases"].get(wanted["release"], {}).get("complete"):
        return ""
    has_layer = any(one["layer"] == wanted["layer"] for one in state["layers"].values())
    parts = [needed(wanted["archive"]), needed("" if has_layer else wanted["layer_archive"])]
    bytes_needed, inodes_needed = (sum(one) for one in zip(*parts, strict=True))
    # What makes way for it first.
    going = sum(state["releases"][one].get("size", 0) for one in surplus(state, wanted["release"], kept))
    fits = free["bytes"] >= MINIMUM_BYTES and free["bytes"] + going >= bytes_needed
    if fits and (free["inodes"] < 0 or free["inodes"] >= inodes_needed):
        return ""
    return (
        f"{root} has {_free(free)} free, and release {wanted['release']} needs about {amount(bytes_needed)} and {inodes_needed} "
        "inodes: make room there, enlarge the disk, or keep fewer releases (release_kept)."
    )


def _free(free: Mapping[str, int]) -> str:
    return amount(free["bytes"]) + (f" and {free['inodes']} inodes" if free["inodes"] >= 0 else "")


def problems(
    wanted: Mapping[str, Mapping[str, Any]], state: Mapping[str, Mapping[str, Any]], kept: int
) -> dict[str, str]:
    """The applications whose release doesn't fit on a host, and why; the arguments are those of ``problem`` by application."""
    found = {name: problem(one, state[name], f"/srv/{name}", kept) for name, one in wanted.items() if name in state}
    return {name: said for name, said in found.items() if said}


def nearly_full(state: Mapping[str, Any], root: str) -> str:
    """What to say of a disk that is nearly full; empty for another."""
    free = state.get("free") or {}
    if not free:
        return ""
    few_bytes = free["bytes"] < min(NEARLY_FULL_BYTES, NEARLY_FULL_SHARE * free["total"])
    few_inodes = 0 <= free["inodes"] < min(NEARLY_FULL_INODES, NEARLY_FULL_SHARE * free["total_inodes"])
    if not (few_bytes or few_inodes):
        return ""
    return f"the disk of {root} is nearly full: {_free(free)} of {amount(free['total'])} are free"
