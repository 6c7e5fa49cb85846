# SPDX-License-Identifier: MIT
"""Say which run of Ansible asks for the lock, and whether the run that holds it still lives."""

from __future__ import annotations

import os
import platform
import time
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase


def _started(process: int) -> str:
    """When a process of this controller started, in clock ticks; empty when it is gone."""
    try:
        # The command's name may hold blanks and parentheses: count from behind it (man proc_pid_stat).
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def _controller() -> str:
    """What tells this controller from others: numbers of processes mean something within it alone."""
    boot = Path("/proc/sys/kernel/random/boot_id")
    namespace = Path("/proc/self/ns/pid")
    words = [platform.node()]
    words += [boot.read_text().strip()] if boot.exists() else []
    words += [str(namespace.readlink())] if namespace.is_symlink() else []
    return " ".join(words)


class ActionModule(ActionBase):
    """The controller's half of deploy_lock."""

    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Ask for the lock; take it over from a run of this controller that ended."""
        del tmp
        result = super().run(task_vars=task_vars)
        # Tasks run in a process of their own; its parent is the run.
        process = os.getppid()
        args = {
            **self._task.args,
            "run": {"controller": _controller(), "process": process, "started": _started(process)},
        }
        said = self._execute_module(module_name="django_ec2.site.deploy_lock", module_args=args, task_vars=task_vars)
        holder = said.get("holder") or {}
        run = holder.get("run") or {}
        wanted = args.get("state", "present") == "present"
        if wanted and run.get("controller") == args["run"]["controller"] and _started(run["process"]) != run["started"]:
            said = self._execute_module(
                module_name="django_ec2.site.deploy_lock", module_args={**args, "force": True}, task_vars=task_vars
            )
            holder = {}
        result.update(said)
        if wanted and not said.get("taken") and not said.get("failed"):
            since = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(holder.get("since", 0)))
            where = str(run.get("controller", "another controller")).split(" ", maxsplit=1)[0]
            result["failed"] = True
            result["msg"] = (
                f"{holder.get('who') or 'Somebody'} deploys since {since} (process {run.get('process')} on {where}). "
                "Wait until that run has ended. If it is gone, give -e deploy_break_lock=true."
            )
        return result
