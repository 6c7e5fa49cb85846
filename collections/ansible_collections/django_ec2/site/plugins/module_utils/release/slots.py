# SPDX-License-Identifier: MIT
"""The slots of an application on a host, what each was started with, and what was live before."""

from __future__ import annotations

import hashlib
import json
import os

SLOTS = ("blue", "green")


def digest(paths: list[str], expected: dict[str, str] | None = None) -> str:
    """A digest of files' contents; a missing file counts as empty.

    Args:
        paths: the files.
        expected: SHA-256, in hexadecimal digits, of those that will have another content by then.
    """
    total = hashlib.sha256()
    for path in paths:
        one = (expected or {}).get(path)
        if one is None:
            try:
                with open(path, "rb") as handle:
                    one = hashlib.sha256(handle.read()).hexdigest()
            except FileNotFoundError:
                one = ""
        total.update(one.encode() + b"\0")
    return total.hexdigest()[:16]


def read_slot(directory: str) -> dict:
    """What a slot was started with; empty when it never was."""
    try:
        with open(os.path.join(directory, "slot.json")) as handle:
            content = json.load(handle)
    except (FileNotFoundError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def read_history(root: str, last: int = 200) -> list[dict]:
    """What became live on this host, the oldest first."""
    try:
        with open(os.path.join(root, "history.jsonl")) as handle:
            lines = handle.readlines()[-last:]
    except FileNotFoundError:
        return []
    found = []
    for line in lines:
        try:
            found.append(json.loads(line))
        except ValueError:
            continue  # a line that was cut short by a full disk or a power loss
    return found


def moment(root: str) -> str:
    """What changes with each switch: the live slot, and the length of the history."""
    try:
        size = os.stat(os.path.join(root, "history.jsonl")).st_size
    except FileNotFoundError:
        size = 0
    return f"{live_slot(root)} {size}"


def live_slot(root: str) -> str:
    """The slot that the pointer says; empty before the first deploy."""
    live = os.path.join(root, "live")
    return os.path.basename(os.readlink(live)) if os.path.islink(live) else ""
