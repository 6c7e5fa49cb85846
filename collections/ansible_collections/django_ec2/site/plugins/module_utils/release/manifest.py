# SPDX-License-Identifier: MIT
"""What the files of a release or a layer were when they were put there, to find what somebody changed since.

Each run compares mode, owner, size and time, which costs a look at each file. A deploy compares the contents, too.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path

NAME = ".manifest.json"
# What the product itself writes later into a release. Marks begin with a dot.
WRITTEN_LATER = {"migrations.json"}
CHANGED, MISSING, ADDED = "changed", "missing", "added"
BLOCK_BYTES = 1 << 20
# Of a file: mode, owner, group, size, time in nanoseconds. Of a directory and a link: mode, owner, group.
Facts = list[int]


def sha256(path: Path) -> str:
    """The digest of a file's content."""
    total = hashlib.sha256()
    with path.open("rb") as handle:
        while block := handle.read(BLOCK_BYTES):
            total.update(block)
    return total.hexdigest()


def _entries(place: Path, below: str = "") -> Iterator[tuple[str, os.stat_result]]:
    with os.scandir(place / below) as found:
        for entry in found:
            if not below and (entry.name.startswith(".") or entry.name in WRITTEN_LATER):
                continue
            path = f"{below}/{entry.name}" if below else entry.name
            status = entry.stat(follow_symlinks=False)
            yield path, status
            if stat.S_ISDIR(status.st_mode):
                yield from _entries(place, path)


def _facts(status: os.stat_result) -> Facts:
    facts = [status.st_mode, status.st_uid, status.st_gid]
    return [*facts, status.st_size, status.st_mtime_ns] if stat.S_ISREG(status.st_mode) else facts


def _seconds(facts: Facts) -> Facts:
    """Facts whose time is in whole seconds."""
    return [*facts[:4], *(time // 10**9 for time in facts[4:])]


def _content(path: Path, facts: Facts) -> str:
    """What tells a content from others; nothing for a directory."""
    if stat.S_ISLNK(facts[0]):
        return str(path.readlink())
    return sha256(path) if stat.S_ISREG(facts[0]) else ""


def write(place: Path) -> None:
    """Note what a tree is now."""
    found = {path: _facts(status) for path, status in _entries(place)}
    content = {path: [facts, _content(place / path, facts)] for path, facts in found.items()}
    partial = place / f"{NAME}.new"
    partial.write_text(json.dumps(content))
    partial.chmod(0o600)
    partial.replace(place / NAME)


def known(place: Path) -> bool:
    """Whether it was noted what a tree was."""
    return (place / NAME).exists()


def compare(place: Path, contents: bool = False) -> dict[str, str]:
    """What is not as it was noted, by path: CHANGED, MISSING or ADDED. Bytecode that was added counts for nothing.

    Args:
        place: the tree; one without a note has nothing to be compared with.
        contents: whether to read the files, too. Of the time seconds count then: a copy of a disk may have no more of it.
    """
    try:
        noted = json.loads((place / NAME).read_text())
    except (FileNotFoundError, ValueError):
        return {}
    found = {}
    seen = set()
    for path, status in _entries(place):
        seen.add(path)
        if path not in noted:
            if "__pycache__" not in path:
                found[path] = ADDED
            continue
        facts, content = noted[path]
        exact = _seconds if contents else list
        if exact(facts) != exact(_facts(status)) or (contents and _content(place / path, facts) != content):
            found[path] = CHANGED
    return found | {path: MISSING for path in noted if path not in seen}
