# SPDX-License-Identifier: MIT
"""One module at a time changes the slots of an application on a host."""

from __future__ import annotations

import contextlib
import os
import signal
from typing import IO

from ansible_collections.django_ec2.site.plugins.module_utils.release.lock import lock

LEFTOVER_SECONDS = 10


def alone(root: str) -> IO[str] | None:
    """Be the only one who changes the slots, until the file that is returned is closed.

    The controller of another one was killed, or this run would not have the deploy's lock; the module that it started goes on
    all the same, and would stop the slot when its patience ends. It is ended; what it leaves is what an interrupted run leaves.

    Returns:
        None when the other one does not end.
    """
    handle = open(os.path.join(root, "activate.lock"), "a+")  # noqa: SIM115 - held until the module ends

    def end_leftover() -> None:
        """It wrote its number into the file."""
        handle.seek(0)
        with contextlib.suppress(ValueError, ProcessLookupError):
            os.kill(int(handle.read()), signal.SIGKILL)

    if not lock(handle, LEFTOVER_SECONDS, end_leftover):
        handle.close()
        return None
    handle.truncate(0)
    handle.write(str(os.getpid()))
    handle.flush()
    return handle
