# SPDX-License-Identifier: MIT
"""Which run of Ansible this is: what tells it from others in the lock of a deploy."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any


def started(process: int) -> str:
    """When a process of this controller started, in clock ticks; empty when it is gone."""
    try:
        # The command's name may hold blanks and parentheses: count from behind it (man proc_pid_stat).
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def controller() -> str:
    """What tells this controller from others: numbers of processes mean something within it alone."""
    boot = Path("/proc/sys/kernel/random/boot_id")
    namespace = Path("/proc/self/ns/pid")
    words = [platform.node()]
    words += [boot.read_text().strip()] if boot.exists() else []
    words += [str(namespace.readlink())] if namespace.is_symlink() else []
    return " ".join(words)


def this_run() -> dict[str, Any]:
    """The run that an action plugin belongs to: tasks run in a process of their own, whose parent is the run."""
    process = os.getppid()
    return {"controller": controller(), "process": process, "started": started(process)}
