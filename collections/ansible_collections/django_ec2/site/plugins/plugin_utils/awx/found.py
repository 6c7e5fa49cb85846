# SPDX-License-Identifier: MIT
"""What AWX has, read once a kind and brought into the words of our objects, so that the two can be compared."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import yaml
from ansible_collections.django_ec2.site.plugins.plugin_utils.awx.kinds import KINDS, LABEL, MARK, Kind

LINKS = ("success_nodes", "failure_nodes", "always_nodes")
APPROVAL = "workflow_approval"
# Role definitions by the kind of object that they are about, with the roles of versions that have no definitions.
ROLES = {
    "JobTemplate Execute": ("job_templates", "execute"),
    "WorkflowJobTemplate Execute": ("workflows", "execute"),
    "WorkflowJobTemplate Approve": ("workflows", "approval"),
    "Organization Audit": ("organizations", "auditor"),
    "Organization Execute": ("organizations", "execute"),
    "Organization Approval": ("organizations", "approval"),
    "Organization JobTemplate Admin": ("organizations", "job_template_admin"),
    "Organization WorkflowJobTemplate Admin": ("organizations", "workflow_admin"),
    "Organization Project Admin": ("organizations", "project_admin"),
    "Organization Inventory Admin": ("organizations", "inventory_admin"),
    "Organization Credential Admin": ("organizations", "credential_admin"),
    "Organization NotificationTemplate Admin": ("organizations", "notification_admin"),
    "Organization ExecutionEnvironment Admin": ("organizations", "execution_environment_admin"),
}


class Asked(Protocol):
    """What is needed of an AWX: see controller.Controller."""

    def one(self, path: str) -> dict[str, Any]: ...

    def all(self, path: str, query: Mapping[str, Any] | None = None) -> list[dict[str, Any]]: ...


@dataclass
class Item:
    """An object as AWX has it."""

    id: int
    key: tuple[str, ...]
    values: dict[str, Any]
    marked: bool = False
    # Roles that can be given on it, by their field, in versions without role definitions.
    roles: dict[str, int] = field(default_factory=dict)


@dataclass
class Found:
    """What AWX has in our organization."""

    organization: int | None = None
    kinds: dict[str, dict[tuple[str, ...], Item]] = field(default_factory=lambda: {name: {} for name in KINDS})
    # Whether roles are given by definitions (role_team_assignments) or by the older lists of each object.
    definitions: bool = True

    def number(self, kind: str, name: str) -> int | None:
        """The number of an object by its name, where exactly one has it."""
        numbers = [item.id for item in self.kinds[kind].values() if item.values.get("name") == name]
        return numbers[0] if len(numbers) == 1 else None


def read(
    awx: Asked, organization: str, wanted: Mapping[str, list[dict[str, Any]]], kinds: Iterable[str] = tuple(KINDS)
) -> Found:
    """Read what is there of these kinds, and of those that they name.

    Args:
        awx: whom to ask.
        organization: the name of ours.
        wanted: our objects by kind; of others no more is read than what tells whose they are.
        kinds: which.
    """
    needed = {name for kind in kinds for name in (kind, *KINDS[kind].needs)}
    found = Found()
    own = awx.all("organizations", {"name": organization})
    found.definitions = "role_team_assignments" in awx.one("/api/v2/")
    if own:
        found.organization = own[0]["id"]
    for name, kind in KINDS.items():
        if name not in needed:
            continue
        if name == "grants":
            if own:
                found.kinds[name] = _grants(awx, found)
        elif own or not any("{organization}" in value for value in kind.within.values()):
            items = awx.all(
                kind.endpoint,
                {key: value.format(organization=found.organization) for key, value in kind.within.items()},
            )
            keys = {identity(kind, one) for one in wanted.get(name, [])} if name in kinds else set()
            found.kinds[name] = {item.key: item for item in _items(awx, kind, items, keys)}
    return found


def identity(kind: Kind, values: Mapping[str, Any]) -> tuple[str, ...]:
    """What tells one of a kind from another."""
    return tuple(str(values.get(name)) for name in kind.identity)


def _items(awx: Asked, kind: Kind, items: list[dict[str, Any]], keys: set[tuple[str, ...]]) -> Iterable[Item]:
    identifiers = {item["id"]: item.get("identifier") for item in items}
    for item in items:
        values = values_of(kind, item)
        own = {**values, "name": item.get("name"), "identifier": item.get("identifier")}
        key = identity(kind, own)
        for option in kind.associations:
            if option in LINKS:
                values[option] = [identifiers.get(number, str(number)) for number in item[option]]
            elif key in keys or option == "labels":
                values[option] = associated(item, option, awx.all)
        if key in keys and "survey_spec" in kind.plain:
            values["survey_spec"] = awx.one(item["related"]["survey_spec"])
        if kind.name == "workflow_nodes":
            values["labels"] = associated(item, "labels", awx.all)
        roles = {name: role["id"] for name, role in item.get("summary_fields", {}).get("object_roles", {}).items()}
        yield Item(item["id"], key, {**values, "name": item.get("name")}, is_marked(kind, values), roles)


def values_of(kind: Kind, item: Mapping[str, Any]) -> dict[str, Any]:
    """The options of an object, as far as the object itself tells them."""
    summary = item.get("summary_fields", {})
    values = {option: item[option] for option in (*kind.plain, *kind.identity) if option in item}
    for option in kind.json:
        values[option] = parsed(item.get(option))
    for option in kind.references:
        values[option] = (summary.get(option) or {}).get("name", "")
    if "approval_node" in kind.plain:
        template = summary.get("unified_job_template") or {}
        if template.get("unified_job_type") == APPROVAL:
            values["approval_node"] = {name: template.get(name) for name in ("name", "description", "timeout")}
            values["unified_job_template"] = ""
    return values


def associated(item: Mapping[str, Any], option: str, ask: Callable[[str], list[dict[str, Any]]]) -> list[str]:
    """The names of what is associated: out of the object itself, where it lists all of them."""
    listed = item.get("summary_fields", {}).get(option)
    if isinstance(listed, Mapping) and listed["count"] == len(listed["results"]):
        listed = listed["results"]
    if not isinstance(listed, list):
        listed = ask(f"{item['url']}{option}/")
    return [one["name"] for one in listed]


def parsed(text: Any) -> Any:
    """What AWX keeps as text, in JSON or in YAML."""
    if not isinstance(text, str):
        return text or {}
    try:
        return json.loads(text)
    except ValueError:
        return yaml.safe_load(text) or {}


def is_marked(kind: Kind, values: Mapping[str, Any]) -> bool:
    """Whether an object carries our mark."""
    if kind.mark == "label":
        return LABEL in values.get("labels", [])
    return kind.mark == "description" and (values.get("description") or "").rstrip().endswith(MARK)


def _grants(awx: Asked, found: Found) -> dict[tuple[str, ...], Item]:
    """What the teams of ours that are there may do."""
    grants: dict[tuple[str, ...], Item] = {}
    for team in found.kinds["teams"].values():
        if not found.definitions:
            given = {role["id"] for role in awx.all(f"teams/{team.id}/roles/")}
            named = [
                (role, kind, item, item.roles[f"{old}_role"])
                for role, (kind, old) in ROLES.items()
                for item in found.kinds[kind].values()
                if item.roles.get(f"{old}_role") in given
            ]
        else:
            named = []
            for one in awx.all("role_team_assignments", {"team": team.id}):
                role = one["summary_fields"]["role_definition"]["name"]
                kind = ROLES.get(role, ("", ""))[0]
                numbers = {str(item.id): item for item in found.kinds.get(kind, {}).values()}
                if item := numbers.get(str(one["object_id"])):
                    named.append((role, kind, item, one["id"]))
        for role, kind, item, number in named:
            key = (team.values["name"], role, kind, item.values["name"])
            grants[key] = Item(number, key, dict(zip(KINDS["grants"].identity, key, strict=True)), team.marked)
    return grants
