# SPDX-License-Identifier: MIT
"""Refuse wrong and unknown extra variables of a playbook, in the controller's own process."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from ansible import constants, context
from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.parsing.splitter import parse_kv
from ansible.plugins.action import ActionBase
from ansible.template import trust_as_template
from ansible.utils.vars import load_extra_vars
from ansible.vars.plugins import get_vars_from_inventory_sources
from ansible_collections.django_ec2.site.plugins.plugin_utils import absent_hosts
from ansible_collections.django_ec2.site.plugins.plugin_utils import playbook_inputs as checks
from ansible_collections.django_ec2.site.plugins.plugin_utils.variable_types import SITE, literal_problems

OPTIONS: dict[str, dict[str, Any]] = {
    "playbook": {"type": "str", "required": True},
    "project": {"type": "path", "required": True},
}


class ActionModule(ActionBase):
    """All of playbook_inputs."""

    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Collect what is wrong."""
        del tmp
        task_vars = task_vars or {}
        result = super().run(task_vars=task_vars)
        _validation, own = self.validate_argument_spec(argument_spec=OPTIONS)
        project = Path(own["project"])
        try:
            # A path that is absolute takes the place of the directory.
            inputs = checks.read(project / "playbooks" / "inputs" / f"{own['playbook']}.yml")
            whole = checks.whole_lines(inputs, words := context.CLIARGS.get("extra_vars") or ())
            given = load_extra_vars(self._loader)
            for word in (word for word in words if word.partition("=")[0] in whole):
                # What Ansible took for variables of their own are words of the line.
                given = {name: value for name, value in given.items() if name not in parse_kv(word)}
            found = self._host_problems(inputs, task_vars) or self._problems(
                inputs, {**given, **whole}, project, task_vars
            )
        except checks.InputsError as error:
            raise AnsibleActionFail(str(error)) from error
        if found:
            result.update(failed=True, msg="\n".join(found))
        # Beside the extra variable of that name, which no fact can outrank.
        return {"changed": False, "ansible_facts": {"whole_lines": whole}, **result}

    def _host_problems(self, inputs: checks.Inputs, task_vars: dict[str, Any]) -> list[str]:
        """An inventory without hosts, or a limit that leaves out a host that the playbook needs."""
        groups = task_vars["groups"]
        sources = task_vars.get("ansible_inventory_sources") or []
        problem = (
            "" if inputs.without_hosts else absent_hosts.inventory_problem(groups, sources, not inputs.controller_only)
        )
        if not problem and "ansible_limit" in task_vars:
            taken = task_vars["ansible_play_hosts_all"]
            problem = absent_hosts.limit_problem(inputs.playbook, inputs.every_host_of, groups, taken)
        return [problem] if problem else []

    def _problems(
        self, inputs: checks.Inputs, given: dict[str, Any], project: Path, task_vars: dict[str, Any]
    ) -> list[str]:
        directory = project / "playbooks" / "inputs"
        roles = checks.role_options(map(Path, constants.DEFAULT_ROLES_PATH))
        sources: list[Callable[[], Iterable[str]]] = [
            lambda: inputs.options,
            lambda: {name for other in checks.read_all(directory) for name in other.returns},
            lambda: roles,
            lambda: checks.group_variables(project / "group_vars"),
            lambda: self._inventory_variables(task_vars),
        ]
        names, known = checks.unknown(given, sources)
        # Which inputs the others have matters for a suggestion alone.
        found = list(checks.unknown_problems(names, inputs, known, checks.read_all(directory))) if names else []

        values = self._templar.template({name: given[name] for name in inputs.options if name in given})
        set_elsewhere = self._templar.template({name: task_vars[name] for name in inputs.required if name in task_vars})
        found += checks.problems(inputs, {**given, **values}, set_elsewhere, self._keys)
        options = {name: option for name, option in {**SITE, **roles}.items() if name not in inputs.options}
        found += checks.role_problems(options, self._known_now(given, set(options)))
        in_inventory = {name: option for name, option in options.items() if name not in given}
        return [
            *found,
            *literal_problems(in_inventory, map(task_vars["hostvars"].raw_get, task_vars["ansible_play_hosts_all"])),
        ]

    def _known_now(self, given: dict[str, Any], names: set[str]) -> dict[str, Any]:
        """The values of these names; one that is made of facts cannot be known before there are any."""
        values = {}
        for name in names & set(given):
            with contextlib.suppress(AnsibleError):
                values[name] = self._templar.template(given[name])
        return values

    def _keys(self, variable: str) -> list[str]:
        """The keys of a variable, without a look at its values: they may ask for secrets that are not there yet."""
        try:
            return self._templar.evaluate_expression(trust_as_template(f"{variable}.keys() | list"))
        except AnsibleError:
            return []

    def _inventory_variables(self, task_vars: dict[str, Any]) -> set[str]:
        """The variables that the inventory and what lies beside it set, for any of its groups and hosts."""
        # The inventory itself: hostvars would mix the extra variables in.
        inventory = task_vars["hostvars"]._inventory
        entities = [*inventory.groups.values(), *inventory.hosts.values()]
        found = set(
            get_vars_from_inventory_sources(self._loader, task_vars["ansible_inventory_sources"], entities, "task")
        )
        for entity in entities:
            found |= set(entity.get_vars())
        return found
