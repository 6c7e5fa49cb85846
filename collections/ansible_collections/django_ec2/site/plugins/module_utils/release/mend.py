# SPDX-License-Identifier: MIT
"""A release or a layer that somebody changed is made what it was, file by file, from the archive that was shipped.

Each file is replaced by a rename: what serves from the tree meanwhile finds each of them, the old one or the new one.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from ansible_collections.django_ec2.site.plugins.module_utils.release import manifest
from ansible_collections.django_ec2.site.plugins.module_utils.release.commands import Refusal

# Makes the tree anew: from an archive, at a path.
Unpack = Callable[[str, Path], None]


def mend(place: Path, archive: str, unpack: Unpack, scratch: Path) -> tuple[list[str], bool]:
    """Put back what is not as it was.

    Args:
        place: the tree.
        archive: name of its archive in it.
        unpack: makes the tree anew.
        scratch: a path for that, on the same file system.

    Returns:
        What was put back, and whether something was that no archive has: the release's own commands have to make it again.

    Raises:
        Refusal: the archive was changed itself, or is gone.
    """
    found = manifest.compare(place, contents=True)
    if not found:
        return [], False
    if archive in found or not (place / archive).exists():
        raise Refusal(
            f"files in {place} were changed ({said(found)}), and so was {archive} from which they could be put back: deploy "
            "another release, as after a commit"
        )
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(mode=0o700, parents=True)
    try:
        shutil.copyfile(place / archive, scratch / archive)
        unpack(str(scratch / archive), scratch / "tree")
        # A directory before what is in it.
        made = [_put_back(place, scratch / "tree", path, found[path]) for path in sorted(found)]
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return sorted(found), not all(made)


def _put_back(place: Path, fresh: Path, path: str, what: str) -> bool:
    """Put one path back; whether the archive had it."""
    here, there = place / path, fresh / path
    if what != manifest.ADDED and there.is_dir() and not there.is_symlink():
        if here.is_symlink() or not here.is_dir():
            _remove(here)
            here.mkdir()
        status = there.stat()
        os.chown(here, status.st_uid, status.st_gid)
        here.chmod(status.st_mode & 0o7777)
        return True
    if what != manifest.ADDED and os.path.lexists(there):
        if here.is_dir() and not here.is_symlink():
            _remove(here)
        os.replace(there, here)
        return True
    _remove(here)
    return what == manifest.ADDED


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def said(found: dict[str, str], most: int = 5) -> str:
    """Paths and what happened to them, for a message."""
    listed = [f"{path} {what}" for path, what in sorted(found.items())]
    more = f" and {len(listed) - most} more" if len(listed) > most else ""
    return ", ".join(listed[:most]) + more
