# SPDX-License-Identifier: MIT
"""Room on a disk: how much there is, and which disk an error speaks of."""

from __future__ import annotations

import errno
import os

FULL = (errno.ENOSPC, errno.EDQUOT)


def free(path: str) -> dict[str, int]:
    """What is free on the file system of a path, or of the nearest directory above it that is there.

    Returns:
        ``bytes`` and ``total``, ``inodes`` and ``total_inodes``; both of the latter are -1 where a file system has no fixed number.
    """
    while not os.path.exists(path):
        path = os.path.dirname(path)
    found = os.statvfs(path)
    fixed = found.f_files > 0
    return {
        "bytes": found.f_bavail * found.f_frsize,
        "total": found.f_blocks * found.f_frsize,
        "inodes": found.f_favail if fixed else -1,
        "total_inodes": found.f_files if fixed else -1,
    }


def explain(error: OSError, root: str) -> str:
    """An error for people; that of a full disk names its path, which the system's own words don't."""
    if error.errno not in FULL:
        return str(error)
    there = free(root)
    inodes = f" and {there['inodes']} inodes" if there["inodes"] >= 0 else ""
    where = f", at {error.filename}" if error.filename else ""
    return f"the disk of {root} is full{where}: {there['bytes'] / 1e6:.0f} MB{inodes} are free ({os.strerror(error.errno or 0)})"
