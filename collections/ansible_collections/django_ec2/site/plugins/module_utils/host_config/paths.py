# SPDX-License-Identifier: MIT
"""What is at a path of the host. Knows kinds, owners, modes and contents; not what is wanted there."""

from __future__ import annotations

import os
import stat

from ansible_collections.django_ec2.site.plugins.module_utils.host_config.errors import HostConfigError


def lstat(path: str) -> os.stat_result | None:
    """Status of the path itself, None when there is nothing."""
    try:
        return os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None


def kind_of(status: os.stat_result | None) -> str:
    """Name what is at a path."""
    if status is None:
        return "absent"
    for test, name in ((stat.S_ISREG, "file"), (stat.S_ISLNK, "link"), (stat.S_ISDIR, "directory")):
        if test(status.st_mode):
            return name
    return "special file"


def attributes(status: os.stat_result | None) -> tuple[int, int, int] | None:
    """Owner, group and mode."""
    return (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) if status else None


def read_bytes(path: str, limit: int) -> bytes | None:
    """Content of a file, None when it is longer than the limit."""
    with open(path, "rb") as stream:
        content = stream.read(limit + 1)
    return content if len(content) <= limit else None


def make_directory(path: str, owner: tuple[int, int], mode: int) -> None:
    """Create one directory that is never more open than it will be."""
    os.mkdir(path, 0o700)
    os.chown(path, *owner)
    os.chmod(path, mode)


def ensure_directory(path: str, owner: tuple[int, int], mode: int) -> None:
    """Create a directory with its missing parents, or correct its owner and mode."""
    missing = path
    parents = []
    while not os.path.isdir(os.path.dirname(missing)):
        missing = os.path.dirname(missing)
        parents.append(missing)
    for parent in reversed(parents):
        make_directory(parent, (0, 0), 0o755)
    if lstat(path) is None:
        make_directory(path, owner, mode)
    else:
        os.chown(path, *owner)
        os.chmod(path, mode)


def demand_mounts(paths: list[str]) -> None:
    """Refuse to go on where a file system is not mounted: what belongs on it would go to the disk below."""
    missing = [path for path in paths if not os.path.ismount(path)]
    if missing:
        raise HostConfigError(
            f"mounted: nothing is mounted at {', '.join(missing)} on this host. Mount the file system there first, in /etc/fstab too."
        )
