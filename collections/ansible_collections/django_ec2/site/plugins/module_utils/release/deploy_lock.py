# SPDX-License-Identifier: MIT
"""The lock of an application's deploys on a host: a file that says which run of Ansible holds it, and since when."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def _opened(root: str) -> Iterator[tuple[dict[str, Any], Any]]:
    descriptor = os.open(os.path.join(root, "deploy.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "r+") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        try:
            holder = json.loads(handle.read() or "{}")
        except ValueError:
            holder = {}
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
        lease: seconds after which a lock that was not renewed counts no more.
        force: take it whoever holds it.

    Returns:
        Who holds it, when that is another one; empty when it was taken.
    """
    now = int(time.time())
    with _opened(root) as (holder, handle):
        mine = bool(holder) and holder.get("run") == run
        expired = bool(holder) and now - int(holder.get("renewed", 0)) > lease
        if holder and not (mine or expired or force):
            return holder
        since = holder["since"] if mine else now
        _write(handle, {"who": who, "run": run, "since": since, "renewed": now})
    return {}


def give_back(root: str, run: dict[str, Any]) -> dict[str, Any]:
    """Give the lock back, if this run has it; returns who holds it otherwise."""
    with _opened(root) as (holder, handle):
        if holder and holder.get("run") != run:
            return holder
        _write(handle, {})
    return {}
