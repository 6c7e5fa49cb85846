# SPDX-License-Identifier: MIT
"""Trees that change hands between root and an application, which may be writing them at this moment.

Root never follows what an application can write: every step goes through a handle of the directory that it is in, and no handle is
opened by way of a link. So a link counts as itself, whoever puts it there and when.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

# What remains of a mode: no set-id bits, and nobody but the owner writes.
MODE = 0o755


def hand_over(tree: Path, uid: int, gid: int) -> None:
    """Give a tree to another owner, without set-id bits and with nobody else who may write. Links are given, never what they name.

    A directory is given before it is read: one that root takes back gets nothing new after that.
    """
    handle = os.open(tree, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        _hand_over(handle, uid, gid)
    finally:
        os.close(handle)


def _hand_over(handle: int, uid: int, gid: int) -> None:
    mode = os.fstat(handle).st_mode
    os.fchown(handle, uid, gid)
    os.fchmod(handle, stat.S_IMODE(mode) & MODE)
    if not stat.S_ISDIR(mode):
        return
    for name in sorted(os.listdir(handle)):
        kind = os.lstat(name, dir_fd=handle).st_mode
        if not (stat.S_ISDIR(kind) or stat.S_ISREG(kind)):
            os.chown(name, uid, gid, dir_fd=handle, follow_symlinks=False)
            continue
        # Not blocking: where a file was, a pipe may stand by now.
        inner = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=handle)
        try:
            _hand_over(inner, uid, gid)
        finally:
            os.close(inner)
