# SPDX-License-Identifier: MIT
"""Archives whose bytes depend on their content alone."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

# Not 0: zip and some web servers refuse times before 1980.
TIME = 315532800
GZIP_LEVEL = 6


def members(tree: Path) -> Iterator[tuple[Path, str]]:
    """The paths below a directory in a fixed order, without caches, and their names in an archive."""
    for path in sorted(tree.rglob("*")):
        if "__pycache__" not in path.parts:
            yield path, path.relative_to(tree).as_posix()


def tree_digest(tree: Path) -> str:
    """A digest of names, contents, links and executable bits: what ``write`` would pack."""
    total = hashlib.sha256()
    for path, name in members(tree):
        if path.is_symlink():
            total.update(os.fsencode(f"link {name} {path.readlink()}\0"))
        elif path.is_file():
            content = path.read_bytes()
            total.update(os.fsencode(f"file {name} {bool(path.stat().st_mode & 0o100)} {len(content)}\0"))
            total.update(content)
        else:
            total.update(os.fsencode(f"directory {name}\0"))
    return total.hexdigest()


def write(tree: Path, archive: Path) -> None:
    """Pack ``tree`` so that the same content gives the same bytes: fixed order, owner, time and modes."""
    with (
        archive.open("wb") as raw,
        gzip.GzipFile("", "wb", GZIP_LEVEL, raw, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as tar,
    ):
        for path, name in members(tree):
            tar.inodes.clear()  # two names of one file are two files: nothing depends on how the tree was made
            info = tar.gettarinfo(path, name)
            info.uid = info.gid = 0
            info.uname = info.gname = "root"
            info.mtime = TIME
            info.mode = 0o755 if info.isdir() or info.mode & 0o100 else 0o644
            if info.isreg():
                with path.open("rb") as content:
                    tar.addfile(info, content)
            elif info.isdir() or info.issym():
                tar.addfile(info, io.BytesIO())
