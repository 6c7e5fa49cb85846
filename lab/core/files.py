# SPDX-License-Identifier: MIT
"""Files of a lab's directory."""

from __future__ import annotations

from pathlib import Path


def write_private(path: Path, text: str) -> None:
    """Write a file that the owner alone reads; whoever reads it meanwhile sees the old text or the new one."""
    if path.exists() and path.read_text() == text:
        return
    partial = path.with_suffix(".new")
    partial.write_text(text)
    partial.chmod(0o600)
    partial.replace(path)


def write_in_place(path: Path, text: str) -> None:
    """Write a file that is mounted into hosts: a mount follows the inode, which a rename would leave behind."""
    if not path.exists():
        path.touch()
        path.chmod(0o644)
    with path.open("r+") as file:
        if file.read() == text:
            return
        # Never empty: a host may read it at this moment.
        file.seek(0)
        file.write(text)
        file.truncate()
