# SPDX-License-Identifier: MIT
"""Trees that change hands between root and an application, which may be writing them at this moment.

Root never follows what an application can write: every step goes through a handle of the directory that it is in, and no handle is
opened by way of a link. So a link counts as itself, whoever puts it there and when.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

# What remains of a mode: no set-id bits, and nobody but the owner writes.
MODE = 0o755


def hand_over(tree: Path, uid: int, gid: int) -> None:
    """Give a tree to another owner, without set-id bits and with nobody else who may write. Links are given, never what they name."""

    def give(handle: int, mode: int) -> None:
        os.fchown(handle, uid, gid)
        os.fchmod(handle, stat.S_IMODE(mode) & MODE)

    def give_link(directory: int, name: str) -> None:
        os.chown(name, uid, gid, dir_fd=directory, follow_symlinks=False)

    _walk(tree, give, give_link)


def take_for_everyone(tree: Path) -> None:
    """Hand a tree to root, readable by all, and remove what is neither a file nor a directory: links, pipes, sockets."""

    def take(handle: int, mode: int) -> None:
        os.fchown(handle, 0, 0)
        os.fchmod(handle, 0o755 if stat.S_ISDIR(mode) else 0o644)

    def remove(directory: int, name: str) -> None:
        os.unlink(name, dir_fd=directory)

    _walk(tree, take, remove)


def _walk(tree: Path, inner: Callable[[int, int], None], other: Callable[[int, str], None]) -> None:
    """Come to each file and directory of a tree by its handle and mode, and to all else by its directory's handle and its name.

    A directory is come to before it is read: one that root takes back gets nothing new after that.
    """
    handle = os.open(tree, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        _come_to(handle, inner, other)
    finally:
        os.close(handle)


def _come_to(handle: int, inner: Callable[[int, int], None], other: Callable[[int, str], None]) -> None:
    mode = os.fstat(handle).st_mode
    inner(handle, mode)
    if not stat.S_ISDIR(mode):
        return
    for name in sorted(os.listdir(handle)):
        kind = os.lstat(name, dir_fd=handle).st_mode
        if not (stat.S_ISDIR(kind) or stat.S_ISREG(kind)):
            other(handle, name)
            continue
        # Not blocking: where a file was, a pipe may stand by now.
        found = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=handle)
        try:
            _come_to(found, inner, other)
        finally:
            os.close(found)
