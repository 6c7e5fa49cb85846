# SPDX-License-Identifier: MIT
"""Bring files of a snapshot into a directory. They come as a stream, and no second copy of them is made.

What the application may write is written as its account: whatever links that account made, they lead nowhere that it could not go itself.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path

from ansible_collections.django_ec2.site.plugins.module_utils.release.media import PARTIAL, acting_as
from ansible_collections.django_ec2.site.plugins.module_utils.restic.plan import FILES
from ansible_collections.django_ec2.site.plugins.module_utils.restic.remedies import explain
from ansible_collections.django_ec2.site.plugins.module_utils.restic.repository import PROGRAM, Node, ResticError

Where = Callable[[str], Path]


def bring(label: str, wanted: Mapping[str, Node], goal: Where, aside: Where, user: str) -> None:
    """Put files of a snapshot into their places; what is in the way is moved aside.

    Args:
        label: of the snapshot.
        wanted: its files, by path.
        goal: where a file goes.
        aside: where one goes that is in its place.
        user: whose they become.

    Raises:
        ResticError: the snapshot does not have one of them, or can't be read.
    """
    if not wanted:
        return
    # The directory that holds them all: no more than that is read.
    common = os.path.commonpath([os.path.dirname(path) for path in wanted])
    missing = set(wanted)
    with subprocess.Popen(
        [PROGRAM, "--no-lock", "dump", "--archive", "tar", label, common], stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd="/", env={**os.environ, "LC_ALL": "C.UTF-8"},
    ) as process:  # fmt: skip
        try:
            with acting_as(user), tarfile.open(fileobj=process.stdout, mode="r|") as stream:
                for member in stream:
                    path = f"/{member.name.strip('/')}"
                    if path in missing:
                        _put(stream, member, wanted[path], goal(path), aside(path))
                        missing.remove(path)
                    if not missing:
                        break
        except tarfile.TarError:
            pass
        if missing:
            # It says why it ended.
            process.terminate()
            said = process.stderr.read().decode(errors="replace") if process.stderr else ""
            shown = ", ".join(sorted(missing)[:5])
            raise ResticError(
                f"{len(missing)} files did not come from the snapshot {label[:8]}, as {shown}: {explain(said)}"
            )
        process.terminate()


def _put(stream: tarfile.TarFile, member: tarfile.TarInfo, node: Node, goal: Path, aside: Path) -> None:
    goal.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    partial = goal.with_name(f"{PARTIAL}-{goal.name[:100]}")
    stamp = int(node.modified * 1e9)
    if member.issym():
        partial.unlink(missing_ok=True)
        partial.symlink_to(member.linkname)
        os.utime(partial, ns=(stamp, stamp), follow_symlinks=False)
    else:
        source = stream.extractfile(member)
        if source is None:
            raise ResticError(f"{goal} is no file in the snapshot.")
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o640), "wb") as handle:
            shutil.copyfileobj(source, handle, 1 << 20)
        partial.chmod(member.mode & 0o777)
        os.utime(partial, ns=(stamp, stamp))
    if os.path.lexists(goal):
        move(goal, aside)
    partial.replace(goal)


def move(path: Path, aside: Path) -> None:
    """Move what is there to a place beside, on the same file system."""
    aside.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    os.rename(path, aside)


def found(root: str) -> dict[str, Node]:
    """What a directory has now, by path, in the form of a snapshot."""
    nodes: dict[str, Node] = {}
    for directory, names, files in os.walk(root):
        for name in (*names, *files):
            path = os.path.join(directory, name)
            status = os.lstat(path)
            kind = "symlink" if os.path.islink(path) else "dir" if os.path.isdir(path) else "file"
            if not name.startswith(PARTIAL):
                nodes[path] = Node(path, kind, status.st_size, status.st_mtime)
    return {path: one for path, one in nodes.items() if one.kind in (*FILES, "dir")}
