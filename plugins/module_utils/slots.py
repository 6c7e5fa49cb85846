# SPDX-License-Identifier: MIT
"""What the modules that read and switch slots share."""

from __future__ import annotations

import hashlib
import json
import os

SLOTS = ("blue", "green")


def digest(paths: list[str]) -> str:
    """A digest of files' contents; a missing file counts as empty."""
    total = hashlib.sha256()
    for path in paths:
        try:
            with open(path, "rb") as handle:
                total.update(handle.read())
        except FileNotFoundError:
            pass
        total.update(b"\0")
    return total.hexdigest()[:16]


def read_slot(directory: str) -> dict:
    """What a slot was started with; empty when it never was."""
    try:
        with open(os.path.join(directory, "slot.json")) as handle:
            content = json.load(handle)
    except (FileNotFoundError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
