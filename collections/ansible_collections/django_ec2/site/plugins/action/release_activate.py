# SPDX-License-Identifier: MIT
"""Say which run of Ansible makes a slot live, so that the module can give its lock back."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.django_ec2.site.plugins.plugin_utils.release.run import this_run


class ActionModule(ActionBase):
    """The controller's half of release_activate."""

    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Execute the module."""
        del tmp
        result = super().run(task_vars=task_vars)
        args = {**self._task.args, "run": this_run()}
        result.update(
            self._execute_module(module_name="django_ec2.site.release_activate", module_args=args, task_vars=task_vars)
        )
        return result
