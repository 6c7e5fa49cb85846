# SPDX-License-Identifier: MIT
"""Make the contents of all files on the controller, then run the module once, unless the host has answered in this run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.django_ec2.site.plugins.module_utils.host_config.payload import pack
from ansible_collections.django_ec2.site.plugins.module_utils.host_config.report import nothing_done
from ansible_collections.django_ec2.site.plugins.plugin_utils.host_config import memory
from ansible_collections.django_ec2.site.plugins.plugin_utils.host_config.contents import CONTROLLER_OPTIONS, Contents


class ActionModule(ActionBase):
    """The controller's half of host_config."""

    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Replace the sources of all files by one packed string and execute the module."""
        del tmp
        task_vars = task_vars or {}
        result = super().run(task_vars=task_vars)
        args = dict(self._task.args)
        if "payload" in args:
            raise AnsibleActionFail("payload is set by host_config itself. Leave it out and list files.")
        files = args.get("files") or []
        if not isinstance(files, list) or not all(isinstance(entry, Mapping) for entry in files):
            raise AnsibleActionFail("files must be a list of mappings, each with a path and its content.")
        sources = Contents(self, task_vars)
        contents = [sources.of(entry) for entry in files]
        args["files"] = [
            {key: value for key, value in entry.items() if key not in CONTROLLER_OPTIONS} for entry in files
        ]
        args["digest"] = memory.digest({key: value for key, value in args.items() if key != "remember"}, contents)
        known = memory.sets_of_this_run(self._task, task_vars)
        if args.get("remember") and known.get(args["remember"]) == args["digest"]:
            return {**result, **nothing_done(), "remembered": True}
        args["payload"] = pack(contents)
        result.update(self._execute_module(self._task.action, module_args=args, task_vars=task_vars))
        if not self._task.delegate_to:
            result["ansible_facts"] = memory.as_fact(result.get("sets", {}))
        return result
