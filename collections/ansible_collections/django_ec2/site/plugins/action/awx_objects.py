# SPDX-License-Identifier: MIT
"""Compare the objects of AWX with what the repository says, on the controller."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.django_ec2.site.plugins.plugin_utils.awx.controller import Controller, ControllerError
from ansible_collections.django_ec2.site.plugins.plugin_utils.awx.objects import ObjectsError
from ansible_collections.django_ec2.site.plugins.plugin_utils.awx.session import compare

OPTIONS: dict[str, dict[str, Any]] = {
    "project": {"type": "path", "required": True},
    "operations": {"type": "path", "required": True},
}


class ActionModule(ActionBase):
    """All of awx_objects."""

    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Compare, and tell."""
        del tmp
        result = super().run(task_vars=task_vars)
        _validation, own = self.validate_argument_spec(argument_spec=OPTIONS)
        try:
            compared = compare(Controller, Path(own["project"]), Path(own["operations"]))
        except (ObjectsError, ControllerError) as error:
            raise AnsibleActionFail(str(error)) from error
        differences = [line for change in compared.changes for line in change.lines()]
        return {
            **result,
            "changed": bool(differences) and self._task.check_mode,
            "differences": differences,
            "gone": [removal.line() for removal in compared.removals],
            "definitions": compared.definitions,
            # Where something has to be done; the lookup need not ask about the others.
            "kinds": list(dict.fromkeys(one.kind for one in compared.changes)),
            "kinds_gone": list(dict.fromkeys(one.kind for one in compared.removals)),
        }
