# SPDX-License-Identifier: MIT
"""What a playbook takes, and what is wrong with what it was given.

A file ``playbooks/inputs/<playbook>.yml`` has an argument spec (``short_description``, ``description``, ``options``), and

``controller_only``
    whether no host is contacted, and what it writes lies in the checkout on the controller;
``absent_host``
    what it means to the playbook when a host can't be reached;
``every_host_of``
    the groups of which it needs every host, so that it refuses a limit that leaves one out;
``without_hosts``
    whether an inventory without hosts will do;
``returns``
    what the playbook hands to a workflow, in the words of a module's RETURN.

An option knows keys that an argument spec does not:

``keys_of``
    the variable, a mapping, whose keys are the values that can be given;
``format``
    a ``pattern`` that each value has to match as a whole, and the ``words`` that say so to people;
``minimum``, ``maximum``
    the smallest and the largest number that can be given;
``when_missing``
    the sentence for an operator who did not give a required input;
``whole_line``
    whether the value is all that stands behind the ``=`` on the command line. Ansible would cut ``-e command='migrate --plan'`` at its
    blanks, because the quotes are the shell's.
"""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.yaml import yaml_load
from ansible_collections.django_ec2.site.plugins.plugin_utils.variable_types import structure_problem

# What Ansible, AWX and Tower bring along.
PREFIXES = ("ansible_", "awx_", "tower_")
# What tells a run of AWX, where a question of a survey that was not answered arrives as an empty string.
AWX_JOB = ("awx_job_id", "tower_job_id")
OWN_KEYS = ("keys_of", "format", "minimum", "maximum", "when_missing", "whole_line")
# The types of role options whose values are checked here. What is inside lists and mappings is checked with the facts at hand.
SCALARS = ("bool", "float", "int", "path", "str")
KINDS = {
    "bool": "true or false",
    "int": "a whole number",
    "float": "a number",
    "list": "a list",
    "dict": "a mapping",
    "path": "a path",
    "str": "a string",
}


class InputsError(Exception):
    """The description of a playbook's inputs cannot be used; the message names the file and the remedy."""


@dataclass(frozen=True)
class Inputs:
    """What a playbook takes."""

    playbook: str
    options: Mapping[str, Mapping[str, Any]]
    returns: Mapping[str, Mapping[str, Any]]
    every_host_of: Sequence[str] = ()
    controller_only: bool = False
    without_hosts: bool = False

    @property
    def required(self) -> list[str]:
        """The inputs that have to be given, or set by the inventory."""
        return [name for name, option in self.options.items() if option.get("required")]


def read(path: Path) -> Inputs:
    """The inputs that a file describes.

    Raises:
        InputsError: it is missing or has no options.
    """
    try:
        content = yaml_load(path.read_text())
    except OSError as error:
        raise InputsError(
            f"{path} cannot be read ({error.strerror}): describe there what the playbook takes, as its neighbours do."
        ) from error
    if not isinstance(content, dict) or not isinstance(content.get("options"), dict):
        raise InputsError(f"{path} has no options: write 'options: {{}}' when the playbook takes nothing.")
    return Inputs(
        path.stem,
        content["options"],
        content.get("returns") or {},
        content.get("every_host_of") or (),
        bool(content.get("controller_only")),
        bool(content.get("without_hosts")),
    )


@functools.cache
def read_all(directory: Path) -> tuple[Inputs, ...]:
    """The inputs of every playbook of a project."""
    return tuple(read(path) for path in sorted(directory.glob("*.yml")))


def role_options(directories: Iterable[Path]) -> dict[str, Mapping[str, Any]]:
    """The options of every role in these directories, by their names."""
    found: dict[str, Mapping[str, Any]] = {}
    for directory in directories:
        for path in directory.glob("*/meta/argument_specs.yml"):
            for entry in (yaml_load(path.read_text()) or {}).get("argument_specs", {}).values():
                found |= entry.get("options") or {}
    return found


def group_variables(directory: Path) -> set[str]:
    """The variables of every group in a directory ``group_vars``; an encrypted file keeps its names to itself."""
    found: set[str] = set()
    for path in [*directory.rglob("*.yml"), *directory.rglob("*.yaml")]:
        text = path.read_text()
        if text.startswith("$ANSIBLE_VAULT"):
            continue
        # Composed, not loaded: tags such as !vault mean nothing here.
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        if isinstance(node, yaml.MappingNode):
            found |= {key.value for key, _value in node.value}
    return found


def unknown(given: Iterable[str], sources: Iterable[Callable[[], Iterable[str]]]) -> tuple[list[str], set[str]]:
    """The names that no source knows, and all names of all sources, for suggestions.

    Sources are asked one after the other, and no more of them than it takes. A name that begins with two underscores is
    private to a role: nobody gives it from outside.
    """
    left = [name for name in given if not name.startswith(PREFIXES)]
    seen: set[str] = set()
    for source in sources:
        if not left:
            break
        seen |= {name for name in source() if not name.startswith("__")}
        left = [name for name in left if name not in seen]
    return left, seen


def unknown_problems(
    names: Iterable[str], inputs: Inputs, known: Iterable[str], others: Iterable[Inputs]
) -> Iterator[str]:
    """The sentences about names that nobody knows: whose input one is, or what is near, or what there is."""
    owners: dict[str, list[str]] = {}
    for other in others:
        for name in other.options:
            owners.setdefault(name, []).append(other.playbook)
    strange = []
    for name in names:
        near = difflib.get_close_matches(name, list(inputs.options), 3, 0.6)
        near += difflib.get_close_matches(name, [*sorted(known), *owners], 3, 0.75)
        if name in owners:
            yield f"'{name}' is an input of {_listed(owners[name])}, not of {inputs.playbook}: leave it out."
        elif near:
            labels = [
                f"{one} (of {_listed(owners[one])})" if one in owners and one not in inputs.options else one
                for one in dict.fromkeys(near)
            ]
            yield f"'{name}' is no input of {inputs.playbook} and no variable. Did you mean {' or '.join(labels[:3])}?"
        else:
            strange.append(f"'{name}'")
    if strange:
        takes = f"takes {', '.join(inputs.options)}" if inputs.options else "takes no inputs"
        yield (
            f"Nothing knows {', '.join(strange)}: {inputs.playbook} {takes} (docs/playbooks.md). A variable of your own "
            "needs a value in the inventory or its group_vars before -e may give it another one."
        )


def _listed(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if names[1:] else names)


def whole_lines(inputs: Inputs, words: Iterable[str]) -> dict[str, str]:
    """The values of the inputs that take a whole line, as they stand on the command line.

    Args:
        inputs: of the playbook.
        words: what was given with ``-e``, a word of the shell each.
    """
    found = {}
    for word in words:
        name, equals, value = word.partition("=")
        if equals and (inputs.options.get(name) or {}).get("whole_line"):
            # Quotes of Ansible's own around all of it, as in -e "command='migrate --plan'".
            quoted = re.fullmatch(r"'([^']*)'|\"([^\"]*)\"", value.strip())
            found[name] = (quoted[1] or quoted[2] or "") if quoted else value.strip()
    return found


def spec(option: Mapping[str, Any]) -> dict[str, Any]:
    """An option as Ansible's validator takes it."""
    return {key: value for key, value in option.items() if key not in (*OWN_KEYS, "default", "required")}


def wanted(option: Mapping[str, Any]) -> str:
    """What a value has to be, for people."""
    if "format" in option:
        return option["format"]["words"]
    if "choices" in option:
        return "one of " + ", ".join(str(choice) for choice in option["choices"])
    kind = option.get("type", "str")
    limits = [f"{words} {option[key]}" for key, words in (("minimum", "from"), ("maximum", "to")) if key in option]
    return " ".join([KINDS.get(kind, kind), *limits])


def value_problem(name: str, option: Mapping[str, Any], value: Any) -> str:
    """The sentence about a value that cannot be used; empty when it can."""
    checked = ArgumentSpecValidator({name: spec(option)}).validate({name: value})
    errors = checked.error_messages
    if not errors and "format" in option:
        parts = value if isinstance(value, list) else [value]
        errors = [part for part in parts if not re.fullmatch(option["format"]["pattern"], str(part))]
        errors = errors or ([] if parts else ["nothing"])
    if not errors and ("minimum" in option or "maximum" in option):
        number = checked.validated_parameters[name]
        errors = (
            [] if option.get("minimum", number) <= number <= option.get("maximum", number) else ["beyond its limits"]
        )
    if not errors:
        return ""
    shown = "has a value that cannot be used" if option.get("no_log") else f"is '{value}'"
    return f"{name} {shown}: give {wanted(option)}."


def missing_problem(name: str, option: Mapping[str, Any], keys: list[str]) -> str:
    """The sentence for an operator who did not give a required input."""
    sentence = option.get("when_missing", f"{name} is missing")
    if keys:
        return f"{sentence}: -e {name}= one of {', '.join(keys)}."
    return f"{sentence}." if "when_missing" in option else f"{sentence}: give -e {name}=…."


def problems(
    inputs: Inputs, given: Mapping[str, Any], inventory: Mapping[str, Any], keys: Callable[[str], list[str]]
) -> Iterator[str]:
    """What is wrong with the values of the playbook's inputs.

    Args:
        inputs: what the playbook takes.
        given: the extra variables of the run, all of them.
        inventory: what the inventory sets of the inputs; looked at for those that are required.
        keys: the keys of a variable, empty when they cannot be known.
    """
    from_awx = any(name in given for name in AWX_JOB)
    for name, option in inputs.options.items():
        choices = keys(option["keys_of"]) if "keys_of" in option and (name in given or option.get("required")) else []
        value = given.get(name, inventory.get(name))
        empty = value is None or value == ""
        if option.get("required") and empty:
            # Of one there is no choice.
            if len(choices) != 1 or name in given:
                yield missing_problem(name, option, choices)
        elif name not in given or (empty and from_awx):
            continue
        elif "keys_of" in option and empty:
            yield f"{name} is empty: leave it out, or give one of {', '.join(choices) or 'the keys of ' + option['keys_of']}."
        elif problem := value_problem(name, option, value):
            yield problem


def role_problems(options: Mapping[str, Mapping[str, Any]], given: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with the values of roles' options: not every playbook has a play that checks them later."""
    for name, value in given.items():
        option = options[name]
        problem = structure_problem(name, option, value)
        if not problem and option.get("type", "str") in SCALARS:
            problem = value_problem(name, option, value)
        if problem:
            yield problem
