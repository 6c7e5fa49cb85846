# SPDX-License-Identifier: MIT
"""awx/objects/ as it is written, and the objects that it makes with the settings of a team.

A directory of objects has a file for each object, in a directory of its kind::

    organization.yml  execution_environment.yml  project.yml  job_template_defaults.yml
    credential_types/  credentials/  inventories/  notification_templates/  job_templates/  workflows/  schedules/  teams/

A team's own directory is laid over ours: a file of the same name takes the place of ours, and an empty one leaves it out.

In a file, ``{{ awx_x }}`` stands for a setting. Other braces are AWX's own and stay. A file that names ``{{ awx_environment }}``
makes one object for each environment.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from ansible.module_utils.common.yaml import yaml_load

PLACEHOLDER = re.compile(r"\{\{ *(awx_[a-z_]+) *\}\}")
ENVIRONMENT = "awx_environment"
# Files that are there once, with the kind of their object.
SINGLE = {
    "organization": "organizations",
    "execution_environment": "execution_environments",
    "project": "projects",
    "job_template_defaults": "job_template_defaults",
}
DIRECTORIES = (
    "credential_types", "credentials", "inventories", "notification_templates", "job_templates", "workflows", "schedules", "teams",
)  # fmt: skip
# Settings that have no default.
NEEDED = {
    "awx_project_url": "the URL from which AWX clones your operations repository",
    "awx_image": "the image of the execution environment, as registry.example.org/django-ec2-ee:1",
}


class ObjectsError(Exception):
    """The objects can't be used as they are written. The message names the file and what to write instead."""


@dataclass
class Loaded:
    """Files as they are written: ``kinds[kind][file name without .yml]``."""

    kinds: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    paths: dict[tuple[str, str], Path] = field(default_factory=dict)


def load_objects(*directories: Path) -> Loaded:
    """Read directories of objects, later ones over earlier ones.

    Raises:
        ObjectsError: a file that can't be read, is no mapping, or lies where no kind is.
    """
    found = Loaded()
    for directory in directories:
        for path in sorted(directory.rglob("*.yml")):
            kind, name = _place(path, directory)
            content = _mapping(path)
            own = found.kinds.setdefault(kind, {})
            if content:
                own[name] = content
                found.paths[kind, name] = path
            else:
                own.pop(name, None)
    return found


def load_settings(*paths: Path) -> dict[str, Any]:
    """The settings of these files, later ones over earlier ones. The first is ours, and knows every name.

    Raises:
        ObjectsError: a setting that nobody knows, or one of another type than ours.
    """
    settings: dict[str, Any] = {}
    for path in paths:
        content = _mapping(path)
        if settings and (strange := sorted(set(content) - set(settings))):
            raise ObjectsError(f"{path}: '{strange[0]}' is no setting. There are {', '.join(settings)}.")
        for name, value in content.items():
            if settings and type(value) is not type(settings[name]):
                kind = {list: "a list", int: "a whole number", str: "a string"}[type(settings[name])]
                raise ObjectsError(f"{path}: {name} has to be {kind}.")
        settings |= content
    return settings


def missing_settings(settings: Mapping[str, Any], path: Path) -> list[str]:
    """A sentence about each setting that has no value yet, and needs one."""
    return [f"{path}: {name} has no value: write {words}." for name, words in NEEDED.items() if not settings[name]]


def filled(value: Any, settings: Mapping[str, Any], path: Path) -> Any:
    """A value with the settings in the places that name them.

    Raises:
        ObjectsError: a setting that nobody knows.
    """
    if isinstance(value, dict):
        return {key: filled(one, settings, path) for key, one in value.items()}
    if isinstance(value, list):
        return [filled(one, settings, path) for one in value]
    if not isinstance(value, str):
        return value
    for name in PLACEHOLDER.findall(value):
        if name not in settings:
            raise ObjectsError(f"{path}: nothing knows {name}. awx/settings.yml has {', '.join(settings)}.")
    if whole := PLACEHOLDER.fullmatch(value):
        return settings[whole[1]]
    return PLACEHOLDER.sub(lambda match: str(settings[match[1]]), value)


def written(content: Mapping[str, Any], path: Path, settings: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    """The objects of one file: one, or one an environment."""
    if ENVIRONMENT in PLACEHOLDER.findall(yaml.safe_dump(content)):
        for environment in settings["awx_environments"]:
            yield filled(content, {**settings, ENVIRONMENT: environment}, path) | {"environment": environment}
    else:
        yield filled(content, settings, path)


def _place(path: Path, directory: Path) -> tuple[str, str]:
    parts = path.relative_to(directory).with_suffix("").parts
    if len(parts) == 1 and parts[0] in SINGLE:
        return SINGLE[parts[0]], parts[0]
    if len(parts) == 2 and parts[0] in DIRECTORIES:
        return parts[0], parts[1]
    places = ", ".join([*(f"{name}.yml" for name in SINGLE), *(f"{name}/" for name in DIRECTORIES)])
    raise ObjectsError(f"{path} is no object's place: in {directory} there are {places}.")


def _mapping(path: Path) -> dict[str, Any]:
    try:
        content = yaml_load(path.read_text())
    except OSError as error:
        raise ObjectsError(f"{path} cannot be read: {error.strerror}.") from error
    except yaml.YAMLError as error:
        raise ObjectsError(f"{path} is no YAML: {error}") from error
    if not isinstance(content or {}, dict):
        raise ObjectsError(f"{path} has to be a mapping of options, as its neighbours are.")
    return content or {}
