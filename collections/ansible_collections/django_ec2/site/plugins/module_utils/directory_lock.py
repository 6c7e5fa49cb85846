# SPDX-License-Identifier: MIT
"""One run at a time where two would both make what is missing."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def directory_lock(directory: str) -> Iterator[None]:
    """Hold the lock of a directory, which is made where it is missing; whoever comes second waits."""
    if not os.path.isdir(directory):
        os.makedirs(directory, mode=0o700, exist_ok=True)
    handle = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
