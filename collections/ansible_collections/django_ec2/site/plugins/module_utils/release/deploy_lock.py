# SPDX-License-Identifier: MIT
"""The locks of applications' deploys on a host: a file each that says which run of Ansible holds it, and since when.

The time of the file is the last sign of life of that run (plugin_utils/release/keeper.py gives it while the run lives).
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

NAME = "deploy.lock"


def token(run: dict[str, Any]) -> str:
    """A word in the file that tells a run from others for those who do not read JSON."""
    return hashlib.sha256(json.dumps(run, sort_keys=True).encode()).hexdigest()[:24]


@contextmanager
def _opened(root: str) -> Iterator[tuple[dict[str, Any], Any]]:
    descriptor = os.open(os.path.join(root, NAME), os.O_RDWR | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "r+") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        try:
            holder = json.loads(handle.read() or "{}")
        except ValueError:
            holder = {}
        if holder:
            holder["renewed"] = int(os.fstat(handle.fileno()).st_mtime)
        yield holder, handle


def _write(handle: Any, content: dict[str, Any]) -> None:
    handle.seek(0)
    handle.truncate()
    handle.write(json.dumps(content) if content else "")


def take(root: str, who: str, run: dict[str, Any], lease: int, force: bool) -> dict[str, Any]:
    """Take the lock.

    Args:
        root: the application's directory.
        who: who asks, for the message to others.
        run: what tells this run of Ansible from others.
        lease: seconds after which a lock without a sign of life counts no more.
        force: take it whoever holds it.

    Returns:
        Who holds it, when that is another one: ``who``, ``run``, ``since``, ``renewed`` (times) and ``silent`` (seconds without a sign
        of life). Empty when it was taken.
    """
    now = int(time.time())
    with _opened(root) as (holder, handle):
        mine = bool(holder) and holder.get("run") == run
        silent = now - holder["renewed"] if holder else 0
        if holder and not (mine or silent > lease or force):
            return {**holder, "silent": max(0, silent)}
        since = holder["since"] if mine else now
        _write(handle, {"who": who, "run": run, "token": token(run), "since": since})
    return {}


def take_all(roots: list[str], who: str, run: dict[str, Any], lease: int, force: bool) -> dict[str, Any]:
    """Take the locks of several applications, or none of them; the arguments and the answer are those of ``take``.

    A directory that is not there has nothing to lock. The answer names the ``root`` that is held.
    """
    taken = []
    for root in roots:
        if not os.path.isdir(root):
            continue
        holder = take(root, who, run, lease, force)
        if holder:
            for one in taken:
                give_back(one, run)
            return {**holder, "root": root}
        taken.append(root)
    return {}


def give_back(root: str, run: dict[str, Any]) -> dict[str, Any]:
    """Give the lock back, if this run has it; returns who holds it otherwise."""
    if not os.path.isdir(root):
        return {}
    with _opened(root) as (holder, handle):
        if holder and holder.get("run") != run:
            return holder
        _write(handle, {})
    return {}


def held(root: str, run: dict[str, Any]) -> bool:
    """Whether a run holds the lock still; nobody does when the run has ended."""
    with _opened(root) as (holder, _handle):
        return holder.get("run") == run
