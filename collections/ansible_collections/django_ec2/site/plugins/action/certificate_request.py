# SPDX-License-Identifier: MIT
"""Ask the host about its certificates, unless it has said in this run that they are as they were when they were good."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.django_ec2.site.plugins.plugin_utils.host_config.memory import digest, sets_of_this_run


class ActionModule(ActionBase):
    """The controller's half of certificate_request."""

    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Execute the module, or answer from what host_config has found on the host in this run."""
        del tmp
        task_vars = task_vars or {}
        result = super().run(task_vars=task_vars)
        args = dict(self._task.args)
        wanted = digest(args)
        names = "-".join(one["name"] for one in args.get("certificates") or [])
        known = sets_of_this_run(self._task, task_vars)
        if known.get(f"certificates-{names}") == wanted:
            return {**result, "changed": False, "requests": [], "repaired": []}
        args["digest"] = wanted
        result.update(self._execute_module(self._task.action, module_args=args, task_vars=task_vars))
        return result
