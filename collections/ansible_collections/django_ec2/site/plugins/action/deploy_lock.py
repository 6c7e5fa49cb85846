# SPDX-License-Identifier: MIT
"""Say which run of Ansible asks for the locks, whether the run that holds them still lives, and keep them while this one does."""

from __future__ import annotations

import time
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.django_ec2.site.plugins.plugin_utils.release import keeper
from ansible_collections.django_ec2.site.plugins.plugin_utils.release.run import started, this_run

MODULE = "django_ec2.site.deploy_lock"
ASK_SECONDS = 5
DEFAULT_LEASE = 120


class ActionModule(ActionBase):
    """The controller's half of deploy_lock."""

    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Ask for the locks, for as long as somebody is willing to wait."""
        del tmp
        result = super().run(task_vars=task_vars)
        args = {**self._task.args, "run": this_run()}
        wait = int(args.pop("wait", 0))
        if args.get("state", "present") == "absent":
            return {**result, **self._execute_module(module_name=MODULE, module_args=args, task_vars=task_vars)}
        deadline = time.monotonic() + wait
        told = False
        while True:
            said = self._ask(args, task_vars)
            holder = said.get("holder") or {}
            if not holder or time.monotonic() > deadline:
                break
            if not told:
                told = True
                self._display.display(f"Waiting for at most {wait} s: {self._who(holder)}")
            time.sleep(ASK_SECONDS)
        result.update(said)
        if holder:
            lease = int(args.get("lease", DEFAULT_LEASE))
            result["failed"] = True
            result["msg"] = (
                f"{self._who(holder)} Wait until that run has ended, or let this one wait for it with -e deploy_wait=300. The last "
                f"sign of life of that run came {holder.get('silent', 0)} seconds ago; after {lease} its lock counts no more. If you "
                "know that it is gone, give -e deploy_break_lock=true."
            )
        elif said.get("taken") and not said.get("renewed") and not self._task.check_mode:
            keeper.start(list(args["roots"]), args["run"], self._execute)
        return result

    def _ask(self, args: dict[str, Any], task_vars: dict[str, Any] | None) -> dict[str, Any]:
        """Ask once; a lock of a run of this controller that ended is taken over."""
        said = self._execute_module(module_name=MODULE, module_args=args, task_vars=task_vars)
        run = (said.get("holder") or {}).get("run") or {}
        if run.get("controller") == args["run"]["controller"] and started(run["process"]) != run["started"]:
            said = self._execute_module(module_name=MODULE, module_args={**args, "force": True}, task_vars=task_vars)
        return said

    def _execute(self, command: str) -> int:
        return int(self._low_level_execute_command(command)["rc"])

    @staticmethod
    def _who(holder: dict[str, Any]) -> str:
        run = holder.get("run") or {}
        since = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(holder.get("since", 0)))
        where = str(run.get("controller", "another controller")).split(" ", maxsplit=1)[0]
        who = holder.get("who") or "Somebody"
        return f"{who} deploys since {since} (process {run.get('process')} on {where})."
