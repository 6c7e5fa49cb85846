# SPDX-License-Identifier: MIT
"""One comparison of awx/objects/ with AWX: read the files, ask AWX, and say what differs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible.module_utils.common.yaml import yaml_load
from ansible_collections.django_ec2.site.plugins.plugin_utils.awx.found import Asked, Found, read
from ansible_collections.django_ec2.site.plugins.plugin_utils.awx.kinds import KINDS
from ansible_collections.django_ec2.site.plugins.plugin_utils.awx.make import Made, make_objects, problems
from ansible_collections.django_ec2.site.plugins.plugin_utils.awx.objects import (
    ObjectsError,
    load_objects,
    load_settings,
    missing_settings,
)
from ansible_collections.django_ec2.site.plugins.plugin_utils.awx.plan import Change, Removal, changes, removals


@dataclass
class Plan:
    """What has to be done, in the order in which it can be."""

    changes: list[Change] = field(default_factory=list)
    removals: list[Removal] = field(default_factory=list)
    # Whether AWX gives roles by definitions.
    definitions: bool = True


def settings_of(project: Path, operations: Path) -> dict[str, Any]:
    """The settings of a team: ours, and over them those of the operations repository.

    Raises:
        ObjectsError: one that nobody knows, or that has no value yet.
    """
    ours, theirs = project / "awx" / "settings.yml", operations / "awx" / "settings.yml"
    settings = load_settings(*dict.fromkeys([ours, theirs] if theirs.exists() else [ours]))
    if missing := missing_settings(settings, theirs):
        raise ObjectsError("\n".join(missing))
    return settings


def objects_of(project: Path, operations: Path, settings: dict[str, Any]) -> Made:
    """The objects of a team: ours, and over them those of the operations repository.

    Raises:
        ObjectsError: what can't be used, or does not fit together; every problem of that kind at once.
    """
    places = list(dict.fromkeys([project, operations]))
    inputs: dict[str, dict[str, Any]] = {}
    for place in places:
        inputs |= {
            path.stem: yaml_load(path.read_text()) for path in sorted((place / "playbooks" / "inputs").glob("*.yml"))
        }
    loaded = load_objects(*(place / "awx" / "objects" for place in places if (place / "awx" / "objects").is_dir()))
    made = make_objects(loaded, settings, inputs)
    if found := list(problems(made)):
        raise ObjectsError("\n".join(found))
    return made


def plan(made: Made, found: Found, kinds: Iterable[str] = tuple(KINDS), everything: bool = False) -> Plan:
    """What has to be done for these kinds."""
    result = Plan(definitions=found.definitions)
    for name in kinds:
        result.changes += changes(KINDS[name], made.kinds[name], found, everything)
        result.removals += removals(KINDS[name], made.kinds[name], found)
    return result


def compare(
    connect: Callable[[], Asked],
    project: Path,
    operations: Path,
    kinds: Iterable[str] = tuple(KINDS),
    everything: bool = False,
) -> Plan:
    """Compare a team's objects with AWX. The files are looked at before AWX is.

    Raises:
        ObjectsError: the files can't be used.
        ControllerError: AWX can't be asked.
    """
    settings = settings_of(project, operations)
    made = objects_of(project, operations, settings)
    return plan(made, read(connect(), settings["awx_organization"], made.kinds, kinds), kinds, everything)
