# SPDX-License-Identifier: MIT
"""Waiting for a lock for as long as somebody is willing to wait."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Callable
from typing import IO, Any

PAUSE_SECONDS = 0.2


def lock(handle: IO[Any], seconds: float, meanwhile: Callable[[], None] | None = None) -> bool:
    """Lock an open file; the lock ends when the file is closed, at the latest with the process.

    Args:
        handle: the file.
        seconds: how long to wait for others.
        meanwhile: called each time that another one holds the lock.

    Returns:
        Whether it was locked in that time.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if meanwhile:
                meanwhile()
            if time.monotonic() > deadline:
                return False
            time.sleep(PAUSE_SECONDS)
        else:
            return True
