# SPDX-License-Identifier: MIT
"""Check the variables of several roles against their argument specs, on the controller and in one task."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.action import ActionBase
from ansible_collections.django_ec2.site.plugins.plugin_utils.role_variables import load, role_directory, role_variables
from ansible_collections.django_ec2.site.plugins.plugin_utils.variable_types import structure_problem


class ActionModule(ActionBase):
    """What ``validate_argument_spec`` does for one role before each of its runs, for all roles of a host at once.

    Looked at is what the inventory and the play set. The roles' own defaults agree with their specs (tests/contracts).
    """

    TRANSFERS_FILES = False
    _requires_connection = False
    _VALID_ARGS = frozenset({"roles"})

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Collect the errors of all roles."""
        del tmp
        task_vars = task_vars or {}
        result = super().run(task_vars=task_vars)
        errors = [error for role in self._task.args.get("roles") or [] for error in self._errors(role, task_vars)]
        if errors:
            result.update(failed=True, argument_errors=errors, msg="Variables cannot be used:\n" + "\n".join(errors))
        return {"changed": False, **result}

    def _errors(self, role: str, task_vars: dict[str, Any]) -> list[str]:
        specs = load(self._loader, role_directory(role) / "meta" / "argument_specs.yml", trusted=False)
        options = specs["argument_specs"]["main"]["options"]
        given = {name: task_vars[name] for name in options if name in task_vars}
        variables = role_variables(self._loader, role, task_vars)
        values = self._templar.copy_with_new_env(available_variables=variables).template(given)
        # Defaults may be templates, which no validator can judge.
        spec = {
            name: {key: value for key, value in option.items() if key != "default"}
            for name, option in options.items()
            if name in given or option.get("required")
        }
        structure = [problem for name in given if (problem := structure_problem(name, options[name], values[name]))]
        if structure:
            return [f"{role}: {problem}" for problem in structure]
        found = ArgumentSpecValidator(spec).validate(values, validate_role_argument_spec=True)
        return [f"{role}: {message}" for message in found.error_messages]
