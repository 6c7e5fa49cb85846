# SPDX-License-Identifier: MIT
"""Tasks that run in the background (``async`` with ``poll: 0``): waited for on their host, as long as there is a process of them.

The form of the file and of the program that writes it is ansible-core's (``async_wrapper``, and ``async_status``, which reads it).
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

# Each look reads the arguments of all processes of a host that has other work.
LOOK_SECONDS = 0.5
CUT = "This step was cut: its process is gone. Its host was restarted, or somebody ended it."


class BackgroundProblem(Exception):
    """The task has no result, and will have none in the time that it was given; the text says why."""


def read(results_file: Path) -> dict[str, Any] | None:
    """What a task has said at its end; None before."""
    try:
        found = json.loads(results_file.read_text())
    except (FileNotFoundError, ValueError):
        return None
    # At its beginning the file says that it was started, and nothing else.
    return found if isinstance(found, dict) and "started" not in found else None


def alive(job: str, processes: Path = Path("/proc")) -> bool:
    """Whether a process of a task is there.

    Args:
        job: its id, ``<word>.<process>``. Its program has the word among its arguments, which no other process gets after a reboot.
        processes: of this host.
    """
    word = job.rpartition(".")[0].encode()
    for place in processes.glob("[0-9]*/cmdline"):
        try:
            if word in place.read_bytes().split(b"\0"):
                return True
        except OSError:  # it ended meanwhile
            continue
    return False


def wait(results_file: Path, seconds: float) -> dict[str, Any]:
    """What a task says at its end.

    Args:
        results_file: as the task that started it returned it.
        seconds: how long to wait.

    Raises:
        BackgroundProblem: its process is gone without a result, or it still runs after that time.
    """
    deadline = time.monotonic() + seconds
    while True:
        # In this order: a process that ends has written before.
        there = alive(results_file.name)
        found = read(results_file)
        if found is not None:
            return found
        if not there:
            raise BackgroundProblem(CUT)
        if time.monotonic() > deadline:
            raise BackgroundProblem(f"This step still runs after {seconds:.0f} seconds.")
        time.sleep(LOOK_SECONDS)
