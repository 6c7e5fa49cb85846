# SPDX-License-Identifier: MIT
"""From files to objects: the objects of every kind, complete, with the options that the modules of awx.awx take."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.django_ec2.site.plugins.plugin_utils.awx.kinds import KINDS, LABEL, MARK
from ansible_collections.django_ec2.site.plugins.plugin_utils.awx.objects import Loaded, ObjectsError, written
from ansible_collections.django_ec2.site.plugins.plugin_utils.awx.survey import plain, survey

# Keys of files that are ours, and no option of a module.
OWN_KEYS = {
    "only_with", "environment", "sources", "nodes", "roles", "survey", "survey_of", "survey_required", "execute",
    "execute_before_production", "approve",
}  # fmt: skip
EXECUTE = {"job_templates": "JobTemplate Execute", "workflows": "WorkflowJobTemplate Execute"}
APPROVE = "WorkflowJobTemplate Approve"


@dataclass
class Made:
    """Every object, by its kind. What ``only_with`` left out is in ``left_out``, by kind and name."""

    kinds: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: {name: [] for name in KINDS})
    left_out: set[tuple[str, str]] = field(default_factory=set)

    def add(self, kind: str, options: Mapping[str, Any], path: Path) -> None:
        """Add an object, without the keys that are no options.

        Raises:
            ObjectsError: an option that the module of this kind does not have.
        """
        given = {key: value for key, value in options.items() if key not in OWN_KEYS}
        known = KINDS[kind].options
        if strange := sorted(set(given) - known):
            raise ObjectsError(
                f"{path}: '{strange[0]}' is no option of a {KINDS[kind].words}. There are {', '.join(sorted(known))}."
            )
        if lacks := [name for name in KINDS[kind].identity if not given.get(name)]:
            raise ObjectsError(f"{path}: {lacks[0]} is missing.")
        self.kinds[kind].append(given)

    def names(self, kind: str) -> set[str]:
        """The names of the objects of a kind."""
        return {one["name"] for one in self.kinds[kind] if "name" in one}


def make_objects(
    loaded: Loaded, settings: Mapping[str, Any], inputs: Mapping[str, Mapping[str, Any]], only_known: bool = True
) -> Made:
    """The objects that files make with these settings.

    Args:
        loaded: the files.
        settings: of the team, every one of them with a value.
        inputs: what playbooks take, the content of ``playbooks/inputs/`` by the playbook's name.
        only_known: whether a job template needs a playbook that ``inputs`` know.

    Raises:
        ObjectsError: a file that can't be used; the message names it and what to write instead.
    """
    made = Made()
    for kind, content, path in _each(loaded, settings):
        if (setting := content.get("only_with")) and not settings[setting]:
            made.left_out.add((kind, content["name"]))
        elif kind == "organizations":
            _organization(made, content, path)
        elif kind == "inventories":
            made.add(kind, _described(content), path)
            for source in content.get("sources", []):
                made.add("inventory_sources", _described({"inventory": content["name"], **source}), path)
        elif kind == "job_templates":
            _job_template(made, content, path, settings, inputs, only_known)
        elif kind == "workflows":
            _workflow(made, content, path, settings, inputs)
        elif kind == "schedules":
            made.add(kind, {**content, "labels": [*content.get("labels", []), LABEL]}, path)
        elif kind == "teams":
            made.add(kind, _described(content), path)
            for role in content.get("roles", []):
                _grant(made, content["name"], role, "organizations", settings["awx_organization"], path)
        else:
            # Credential types, credentials, projects, execution environments, notification templates.
            made.add(kind, _described(content), path)
    names = {label for kind in made.kinds.values() for one in kind for label in one.get("labels", [])}
    made.kinds["labels"] = [{"name": name} for name in sorted(names | {LABEL})]
    _drop_left_out(made)
    return made


def _each(loaded: Loaded, settings: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any], Path]]:
    """Every object of every file, with the defaults of its kind."""
    for kind, files in loaded.kinds.items():
        if kind == "job_template_defaults":
            continue
        for name, content in files.items():
            path = loaded.paths[kind, name]
            whole = content
            if kind == "job_templates":
                defaults = loaded.kinds.get("job_template_defaults", {}).get("job_template_defaults", {})
                whole = {**defaults, **content}
            for one in written(whole, path, settings):
                if (setting := one.get("only_with")) and setting not in settings:
                    raise ObjectsError(f"{path}: only_with names {setting}, which is no setting.")
                yield kind, one, path


def _described(content: Mapping[str, Any]) -> dict[str, Any]:
    """With our mark as the last line of the description."""
    return {**content, "description": f"{content.get('description', '')}\n{MARK}".lstrip()}


def _organization(made: Made, content: Mapping[str, Any], path: Path) -> None:
    """In two steps: what it notifies can't be there before itself."""
    later = {key: value for key, value in content.items() if key.startswith("notification_templates_")}
    made.add("organizations", {key: value for key, value in content.items() if key not in later}, path)
    if later:
        made.add("organization_notifications", {"name": content["name"], **later}, path)


def _job_template(
    made: Made,
    content: dict[str, Any],
    path: Path,
    settings: Mapping[str, Any],
    inputs: Mapping[str, Mapping[str, Any]],
    only_known: bool,
) -> None:
    playbook = posixpath.normpath(content.get("playbook", ""))
    takes = inputs.get(Path(playbook).stem)
    if takes is None and only_known and "survey" not in content:
        raise ObjectsError(
            f"{path}: nothing says what {playbook} takes. Write playbooks/inputs/{Path(playbook).stem}.yml, or 'survey: []'."
        )
    asked = survey(takes, content.get("survey")) if takes else {}
    whole = {
        "description": plain(takes["short_description"]) if takes else "",
        # A playbook that needs every host refuses a limit, so nobody is asked for one.
        "ask_limit_on_launch": not (takes or {}).get("every_host_of"),
        **content,
        "playbook": playbook,
        "labels": [*content.get("labels", []), LABEL],
        "survey_enabled": bool(asked),
        "survey_spec": asked,
    }
    made.add("job_templates", whole, path)
    _executors(made, "job_templates", content, path, settings)


def _workflow(
    made: Made,
    content: dict[str, Any],
    path: Path,
    settings: Mapping[str, Any],
    inputs: Mapping[str, Mapping[str, Any]],
) -> None:
    asked: dict[str, Any] = {}
    if playbook := content.get("survey_of"):
        if playbook not in inputs:
            raise ObjectsError(f"{path}: survey_of names {playbook}, which has no file in playbooks/inputs/.")
        asked = survey(inputs[playbook], content.get("survey"), content.get("survey_required", ()))
    whole = {
        **content,
        "labels": [*content.get("labels", []), LABEL],
        "survey_enabled": bool(asked),
        "survey_spec": asked,
    }
    made.add("workflows", whole, path)
    nodes = content.get("nodes", {})
    for identifier, node in nodes.items():
        key = {"workflow_job_template": content["name"], "identifier": identifier}
        links = {f"{when}_nodes": node.get(f"{when}_nodes", []) for when in ("success", "failure", "always")}
        for name in (name for names in links.values() for name in names if name not in nodes):
            raise ObjectsError(f"{path}: the node {identifier} goes on to {name}, which is no node of it.")
        made.add("workflow_nodes", {**key, **{name: value for name, value in node.items() if name not in links}}, path)
        made.add("workflow_links", {**key, **links, "labels": [LABEL]}, path)
    _executors(made, "workflows", content, path, settings)
    for team in content.get("approve", []):
        _grant(made, team, APPROVE, "workflows", content["name"], path)


def _executors(made: Made, kind: str, content: Mapping[str, Any], path: Path, settings: Mapping[str, Any]) -> None:
    teams = list(content.get("execute", []))
    if content.get("environment") != settings["awx_production"]:
        teams += content.get("execute_before_production", [])
    for team in dict.fromkeys(teams):
        _grant(made, team, EXECUTE[kind], kind, content["name"], path)


def _grant(made: Made, team: str, role: str, on: str, name: str, path: Path) -> None:
    made.add("grants", {"team": team, "role": role, "on": on, "object": name}, path)


def _drop_left_out(made: Made) -> None:
    """Take the names of what lacks its setting out of the lists that have them."""
    for kind, objects in made.kinds.items():
        for option, target in KINDS[kind].associations.items():
            for one in objects:
                if option in one:
                    one[option] = [name for name in one[option] if (target, name) not in made.left_out]


def problems(made: Made) -> Iterable[str]:
    """Sentences about what does not fit together: two of one name, and names that nothing has."""
    for kind, objects in made.kinds.items():
        words = KINDS[kind].words
        keys = [tuple(str(one[name]) for name in KINDS[kind].identity) for one in objects]
        for key in sorted({key for key in keys if keys.count(key) > 1}):
            yield f"Two files make the {words} '{key[-1]}': give one of them another name."
    templates = made.names("job_templates") | made.names("workflows") | made.names("projects")
    teams = made.names("teams")
    for node in made.kinds["workflow_nodes"]:
        where = f"The workflow '{node['workflow_job_template']}', node {node['identifier']}"
        if "approval_node" not in node and node.get("unified_job_template") not in templates:
            yield (
                f"{where} starts '{node.get('unified_job_template')}', which no file makes. Where an environment is missing, "
                "leave the workflow out: an empty file of its name in your awx/objects/workflows/."
            )
    for schedule in made.kinds["schedules"]:
        if schedule["unified_job_template"] not in templates:
            yield f"The schedule '{schedule['name']}' starts '{schedule['unified_job_template']}', which no file makes."
    for grant in made.kinds["grants"]:
        if grant["team"] not in teams:
            yield f"'{grant['object']}' names the team '{grant['team']}', which has no file in teams/."
    for kind in ("organization_notifications", "job_templates", "workflows", "inventory_sources", "projects"):
        for one in made.kinds[kind]:
            for option, target in {**KINDS[kind].references, **KINDS[kind].associations}.items():
                values = one.get(option) or []
                for value in [values] if isinstance(values, str) else values:
                    if value not in made.names(target):
                        yield (
                            f"The {KINDS[kind].words} '{one['name']}' names the {KINDS[target].words} '{value}' ({option}), "
                            "which no file makes."
                        )
