# SPDX-License-Identifier: MIT
"""One command at a time on one lab."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager

from lab.core.settings import LabError, Settings

# Commands on the same lab take turns; booting a lab for the first time builds an image meanwhile.
LOCK_SECONDS = 300


@contextmanager
def locked(settings: Settings) -> Iterator[None]:
    """Let one command at a time change this lab."""
    settings.directory.mkdir(parents=True, mode=0o700, exist_ok=True)
    with (settings.directory.parent / f"{settings.name}.lock").open("w") as handle:
        deadline = time.monotonic() + LOCK_SECONDS
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise LabError(
                        f"another command works on the lab '{settings.name}': wait for it, or set LAB_NAME."
                    ) from None
                time.sleep(0.5)
        yield
