# SPDX-License-Identifier: MIT
"""Uploads of a site that lived elsewhere, from an archive into the directory of an application.

Files are added. One that is there with other bytes is moved away first, so nothing is lost. All of it is written as the application's
account: whatever links that account made, they lead nowhere that it could not go itself.
"""

from __future__ import annotations

import contextlib
import filecmp
import os
import pwd
import shutil
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.release.commands import Refusal
from ansible_collections.django_ec2.site.plugins.module_utils.tar_archive import DamagedArchive, open_whole

SPARE = 64 << 20
PARTIAL = ".import-partial"


@dataclass
class Found:
    """What an archive does to a directory."""

    added: int = 0
    same: int = 0
    replaced: int = 0
    left_out: list[str] = field(default_factory=list)
    bytes: int = 0


def place_of(name: str, top: str) -> PurePosixPath | None:
    """Where a member of an archive goes below the directory; None when it may not.

    Args:
        name: as the archive has it.
        top: directory of the archive that stands for the application's own; empty is the archive itself.
    """
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        return None
    parts = path.parts[1:] if top and path.parts[:1] == (top,) else path.parts
    return PurePosixPath(*parts) if parts else None


def top_of(names: list[str]) -> str:
    """``media`` when all of an archive lies in a directory of that name."""
    firsts = {PurePosixPath(name).parts[0] for name in names if PurePosixPath(name).parts}
    return "media" if firsts == {"media"} else ""


def place(archive: Path, target: Path, user: str, kept: Path, apply: bool) -> Found:
    """Bring an archive's files into a directory.

    Args:
        archive: a tar archive, compressed or not.
        target: the directory.
        user: whose files they become.
        kept: where files go that have other bytes; made when there are some.
        apply: whether anything is changed.

    Raises:
        Refusal: it is no such archive, or there is no room.
    """
    if not target.is_dir():
        raise Refusal(f"there is no {target}: run site.yml first")
    try:
        with open_whole(archive) as opened:
            members = opened.getmembers()
            top = top_of([one.name for one in members])
            found = Found(bytes=sum(one.size for one in members if one.isfile()))
            free = shutil.disk_usage(target).free
            if found.bytes + SPARE > free:
                raise Refusal(
                    f"the media need {found.bytes / 1e9:.2f} GB in {target}, and {free / 1e9:.2f} GB are free: make room"
                )
            if apply:
                private_directory(kept, user)
            with acting_as(user):
                for one in members:
                    _take(opened, one, top, target, kept, apply, found)
    except DamagedArchive as error:
        raise Refusal(f"{error}: make it with tar -czf media.tar.gz -C media .") from None
    if apply and not any(kept.iterdir()):
        kept.rmdir()
    return found


def _take(
    opened: tarfile.TarFile, one: tarfile.TarInfo, top: str, target: Path, kept: Path, apply: bool, found: Found
) -> None:
    if one.isdir():
        return
    place_ = place_of(one.name, top)
    if not one.isfile() or place_ is None:
        found.left_out.append(one.name)
        return
    goal = target / place_
    there = goal.is_file()
    if not apply:
        found.same += there and goal.stat().st_size == one.size
        found.replaced += there and goal.stat().st_size != one.size
        found.added += not there
        return
    goal.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    partial = goal.with_name(f"{PARTIAL}-{goal.name[:200]}")
    source: Any = opened.extractfile(one)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o640), "wb") as handle:
        shutil.copyfileobj(source, handle, 1 << 20)
    os.chmod(partial, 0o640)
    os.utime(partial, (one.mtime, one.mtime))
    if there and filecmp.cmp(partial, goal, shallow=False):
        partial.unlink()
        found.same += 1
        return
    if there:
        away = kept / place_
        away.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        shutil.move(str(goal), str(away))
        found.replaced += 1
    else:
        found.added += 1
    partial.replace(goal)


def private_directory(path: Path, user: str) -> None:
    """A directory for what is moved away, which is the application's."""
    path.mkdir(mode=0o750, exist_ok=True)
    with contextlib.suppress(KeyError):
        entry = pwd.getpwnam(user)
        os.chown(path, entry.pw_uid, entry.pw_gid)


@contextlib.contextmanager
def acting_as(user: str) -> Iterator[None]:
    """Be the application's account.

    Raises:
        Refusal: there is none.
    """
    if os.geteuid() != 0:
        yield
        return
    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        raise Refusal(f"there is no account {user}: run site.yml first") from None
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(entry.pw_gid)
    os.seteuid(entry.pw_uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)
