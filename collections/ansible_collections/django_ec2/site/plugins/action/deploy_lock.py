# SPDX-License-Identifier: MIT
"""Say which run of Ansible asks for the lock, and whether the run that holds it still lives."""

from __future__ import annotations

import time
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.django_ec2.site.plugins.plugin_utils.release.run import started, this_run

MODULE = "django_ec2.site.deploy_lock"


class ActionModule(ActionBase):
    """The controller's half of deploy_lock."""

    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Ask for the lock; take it over from a run of this controller that ended."""
        del tmp
        result = super().run(task_vars=task_vars)
        args = {**self._task.args, "run": this_run()}
        said = self._execute_module(module_name=MODULE, module_args=args, task_vars=task_vars)
        holder = said.get("holder") or {}
        run = holder.get("run") or {}
        wanted = args.get("state", "present") == "present"
        if wanted and run.get("controller") == args["run"]["controller"] and started(run["process"]) != run["started"]:
            said = self._execute_module(module_name=MODULE, module_args={**args, "force": True}, task_vars=task_vars)
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
