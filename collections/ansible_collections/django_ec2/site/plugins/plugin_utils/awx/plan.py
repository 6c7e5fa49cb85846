# SPDX-License-Identifier: MIT
"""From what we want and what AWX has to what has to be done: pure functions."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.django_ec2.site.plugins.plugin_utils.awx.found import ROLES, Found, Item, identity
from ansible_collections.django_ec2.site.plugins.plugin_utils.awx.kinds import KINDS, STARTED, Kind

ENCRYPTED = "$encrypted$"
# AWX adds to these what we leave out.
PARTIAL = ("notification_configuration", "messages", "approval_node")
# Where the module looks for a name itself, within what it was told.
BY_NAME = {
    ("schedules", "unified_job_template"),
    *(("workflow_links", f"{when}_nodes") for when in ("success", "failure", "always")),
}


@dataclass
class Change:
    """One object that differs, and the call of the module that mends it."""

    kind: str
    name: str
    new: bool
    # field -> (what AWX has, what is wanted), as people read it
    differences: dict[str, tuple[str, str]] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)

    def lines(self) -> list[str]:
        """What to tell people, a line a field."""
        what = f"{KINDS[self.kind].words} '{self.name}'"
        if self.new:
            return [f"{what} is missing"]
        return [f"{what}: {name} is {now}, wanted {wanted}" for name, (now, wanted) in self.differences.items()]


@dataclass
class Removal:
    """One object that carries our mark, and that the repository no longer has."""

    kind: str
    name: str
    # Empty where it is not ours to remove it, and it is only told.
    options: dict[str, Any] = field(default_factory=dict)

    def line(self) -> str:
        """What to tell people."""
        what = f"{KINDS[self.kind].words} '{self.name}'"
        if self.options:
            return f"{what} is no longer in the repository"
        return f"{what} is no longer in the repository: remove it in AWX, when nothing needs it"


def changes(
    kind: Kind, wanted: Iterable[Mapping[str, Any]], found: Found, everything: bool = False
) -> Iterator[Change]:
    """The objects of one kind that are missing or differ.

    Args:
        kind: their kind.
        wanted: our objects.
        found: what AWX has.
        everything: whether those that do not differ are applied, too.
    """
    for one in wanted:
        key = identity(kind, one)
        item = found.kinds[kind.name].get(key)
        different = {} if item is None else differences(kind, one, item)
        if item is None or different or everything:
            yield Change(kind.name, title(kind, one), item is None, different, _options(kind, one, item, found))


def removals(kind: Kind, wanted: Iterable[Mapping[str, Any]], found: Found) -> Iterator[Removal]:
    """What carries our mark, and is no longer wanted."""
    keys = {identity(kind, one) for one in wanted}
    for key, item in found.kinds[kind.name].items():
        if item.marked and key not in keys:
            yield Removal(
                kind.name,
                title(kind, {**item.values, **dict(zip(kind.identity, key, strict=True))}),
                _removal(kind, key, item, found),
            )


def title(kind: Kind, one: Mapping[str, Any]) -> str:
    """What people call an object."""
    if kind.name == "grants":
        return f"{one['role']} on {one['object']} for {one['team']}"
    if kind.name in ("workflow_nodes", "workflow_links"):
        return f"{one['identifier']} of {one['workflow_job_template']}"
    return str(one["name"])


def differences(kind: Kind, wanted: Mapping[str, Any], item: Item) -> dict[str, tuple[str, str]]:
    """The options that AWX has otherwise, with both values as people read them."""
    different = {}
    for option in (*kind.plain, *kind.json, *kind.references, *kind.associations):
        if option not in wanted:
            continue
        now, then = item.values.get(option), wanted[option]
        if option in kind.associations:
            same = set(now or []) == set(then)
        elif option in PARTIAL:
            same = within(then, now)
        else:
            same = now == then or (not now and not then and now is not False and then is not False)
            # A node that only starts something has no answer of its own.
            same = same or (now is None and then is False)
        if same:
            continue
        if option == "survey_spec":
            different |= _questions(now or {}, then or {})
        else:
            different[option] = (shown(now), shown(then))
    return different


def within(wanted: Any, now: Any) -> bool:
    """Whether AWX has all of this, though it may have more. What it keeps encrypted is taken as it is."""
    if now == ENCRYPTED:
        return True
    if isinstance(wanted, Mapping) and isinstance(now, Mapping):
        return all(within(value, now.get(name)) for name, value in wanted.items())
    return wanted == now or (wanted in ("", None) and now in ("", None))


def shown(value: Any) -> str:
    """A value as people read it, in one line."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = text.replace("\n", " ") or "empty"
    return text if len(text) <= 120 else f"{text[:117]}..."


def _questions(now: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """A survey question by question: all of it in one line would tell nobody anything."""
    have = {one["variable"]: one for one in now.get("spec", [])}
    want = {one["variable"]: one for one in wanted.get("spec", [])}
    different: dict[str, tuple[str, str]] = {}
    for name in dict.fromkeys([*want, *have]):
        if have.get(name) == want.get(name):
            continue
        if name not in have or name not in want:
            different[f"survey question {name}"] = ("there", "gone") if name in have else ("missing", "there")
        else:
            for part in dict.fromkeys([*want[name], *have[name]]):
                old, new = have[name].get(part), want[name].get(part)
                if old != new:
                    different[f"survey question {name}, {part}"] = (shown(old), shown(new))
    return different or {"survey_spec": (", ".join(have) or "empty", ", ".join(want) or "empty")}


def _options(kind: Kind, one: Mapping[str, Any], item: Item | None, found: Found) -> dict[str, Any]:
    """The call of the module, with numbers for names where they are known: names are not unique beyond an organization."""
    if kind.name == "grants":
        return _grant(one, found)
    options = {name: value for name, value in one.items() if item is None or name not in kind.once}
    for option, target in {**kind.references, **kind.associations}.items():
        if option in options and (kind.name, option) not in BY_NAME:
            targets = STARTED if option == "unified_job_template" else (target,)
            value = options[option]
            options[option] = (
                [_number(one, targets, found) for one in value]
                if isinstance(value, list)
                else _number(value, targets, found)
            )
    if item is not None and "notification_configuration" in options:
        # What AWX keeps encrypted stays: sent back as it was shown, it is taken for the old value.
        kept = {name: value for name, value in item.values["notification_configuration"].items() if value == ENCRYPTED}
        options["notification_configuration"] = {**options["notification_configuration"], **kept}
    if kind.name == "workflow_nodes" and "unified_job_template" in options:
        options["lookup_organization"] = str(found.organization)
    if kind.scoped and found.organization is not None:
        options["organization"] = str(found.organization)
    return options


def _number(name: str, targets: Iterable[str], found: Found) -> str:
    numbers = [number for target in targets if (number := found.number(target, name)) is not None]
    return str(numbers[0]) if numbers else name


def _grant(one: Mapping[str, Any], found: Found) -> dict[str, Any]:
    number = found.number(one["on"], one["object"])
    team = _number(one["team"], ["teams"], found)
    if found.definitions:
        return {"team": team, "role_definition": one["role"], "object_id": number or 0}
    resource = {"organizations": "organizations", "job_templates": "job_templates", "workflows": "workflows"}[one["on"]]
    return {"teams": [team], "role": ROLES[one["role"]][1], resource: [str(number or one["object"])]}


def _removal(kind: Kind, key: tuple[str, ...], item: Item, found: Found) -> dict[str, Any]:
    if not kind.pruned:
        return {}
    named = dict(zip(kind.identity, key, strict=True))
    if kind.name == "grants":
        return {**_grant(named, found), "state": "absent"}
    options: dict[str, Any] = {"state": "absent"}
    if kind.name == "workflow_nodes":
        options |= {
            "identifier": named["identifier"],
            "workflow_job_template": _number(named["workflow_job_template"], ["workflows"], found),
        }
    else:
        options["name"] = str(item.id)
    if kind.name == "inventory_sources":
        options["inventory"] = _number(named["inventory"], ["inventories"], found)
    elif kind.scoped and kind.name not in ("schedules", "execution_environments"):
        options["organization"] = str(found.organization)
    return options
