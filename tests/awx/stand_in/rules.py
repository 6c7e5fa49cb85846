"""AWX's rules for what is made and changed. Each says what AWX 24.6.1 says."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from tests.awx.rules import launch_problems, survey_problem
from tests.awx.stand_in.models import DEFINITIONS, EMAIL, MODELS, NOT_FOR_TEAMS
from tests.awx.stand_in.store import ENCRYPTED, Refused, Store

# What the modules send beside the fields, and AWX takes no notice of.
IGNORED = ("type", "managed", "content_type")


def checked(store: Store, endpoint: str, given: Mapping[str, Any], before: Mapping[str, Any] | None) -> dict[str, Any]:
    """The values that AWX would keep.

    Args:
        store: what is there.
        endpoint: of the object.
        given: what was sent.
        before: the object as it is, when it is changed.

    Raises:
        Refused: with AWX's answer.
    """
    model = MODELS[endpoint]
    values = {key: value for key, value in given.items() if key not in IGNORED}
    if strange := sorted(set(values) - set(model.fields)):
        raise Refused(400, {strange[0]: ["No such field (the stand-in is stricter here than AWX)."]})
    if before is not None:
        values = {key: value for key, value in values.items() if key not in model.fixed}
    for name in model.required:
        if before is None and values.get(name) in (None, ""):
            raise Refused(400, {name: ["This field is required."]})
    for name, target in model.refs.items():
        if values.get(name) is not None:
            store.place(int(values[name]), target)
    for name in model.texts:
        if isinstance(values.get(name), str):
            values[name] = values[name].strip()
    for name, value in values.items():
        default = model.fields[name]
        if isinstance(default, bool) and not isinstance(value, bool):
            raise Refused(400, {name: ["Must be a valid boolean."]})
    whole = {**model.fields, **(before or {}), **values}
    if rule := RULES.get(endpoint):
        rule(store, values, whole, before)
    _unique(store, endpoint, {**whole, **values}, before)
    return values


def _unique(store: Store, endpoint: str, whole: Mapping[str, Any], before: Mapping[str, Any] | None) -> None:
    unique = MODELS[endpoint].unique
    for other in store.objects[endpoint].values() if unique else ():
        same = all(str(other.get(name)) == str(whole.get(name)) for name in unique)
        if same and other["id"] != (before or {}).get("id"):
            words = MODELS[endpoint].type.replace("_", " ").capitalize()
            raise Refused(400, {"__all__": [f"{words} with this ({', '.join(unique)}) combination already exists."]})


def _credential_type(
    store: Store, values: dict[str, Any], whole: dict[str, Any], before: Mapping[str, Any] | None
) -> None:
    if before and before["managed"]:
        raise Refused(403, {"detail": "Modifications not allowed for managed credential types"})
    used = before and any(one["credential_type"] == before["id"] for one in store.objects["credentials"].values())
    if used and "inputs" in values and values["inputs"] != before["inputs"]:
        raise Refused(403, {"detail": "Modifications to inputs are not allowed for credential types that are in use"})
    if whole["kind"] not in ("cloud", "net"):
        raise Refused(400, {"kind": [f"Must be 'cloud' or 'net', not {whole['kind']}"]})
    fields = {one["id"] for one in whole["inputs"].get("fields", [])}
    files = {name.partition(".")[2] for name in whole["injectors"].get("file", {})}
    for part in whole["injectors"].values():
        for key, text in part.items():
            if key.startswith("ANSIBLE_"):
                raise Refused(400, {"injectors": [f"Environment variable {key} may affect Ansible configuration."]})
            names = re.findall(r"\{\{ *([\w.]+) *\}\}", text)
            if not names:
                raise Refused(
                    400, {"injectors": [f"{key} injects nothing: its braces were filled in before they came here."]}
                )
            for name in names:
                if name not in fields and name not in {f"tower.filename.{one}" for one in files}:
                    raise Refused(400, {"injectors": [f"{key} uses an undefined field ('{name}' is undefined)"]})


def _credential(store: Store, values: dict[str, Any], whole: dict[str, Any], before: Mapping[str, Any] | None) -> None:
    if "inputs" not in values:
        return
    fields = {one["id"] for one in store.objects["credential_types"][whole["credential_type"]]["inputs"]["fields"]}
    if strange := sorted(set(values["inputs"]) - fields):
        raise Refused(400, {"inputs": [f"Additional properties are not allowed ('{strange[0]}' was unexpected)"]})
    # What is sent as it was shown keeps its old value. Inputs that are not sent are gone.
    old = (before or {}).get("inputs", {})
    values["inputs"] = {
        key: old.get(key, "") if value == ENCRYPTED else value for key, value in values["inputs"].items()
    }


def _environment(store: Store, values: dict[str, Any], whole: dict[str, Any], before: Mapping[str, Any] | None) -> None:
    del store, whole
    if before and values.get("organization") not in (None, before["organization"]):
        raise Refused(400, {"organization": ["Cannot change the organization of an execution environment"]})


def _source(store: Store, values: dict[str, Any], whole: dict[str, Any], before: Mapping[str, Any] | None) -> None:
    del values, before
    if whole["source"] == "scm" and not whole["source_project"]:
        raise Refused(400, {"source_project": ["Project required for scm type sources."]})
    if whole["credential"]:
        held = store.objects["credentials"][whole["credential"]]
        if store.objects["credential_types"][held["credential_type"]]["kind"] in ("vault", "insights"):
            raise Refused(
                400,
                {"credential": ["Credentials of type insights and vault are disallowed for scm inventory sources."]},
            )


def _notification(
    store: Store, values: dict[str, Any], whole: dict[str, Any], before: Mapping[str, Any] | None
) -> None:
    del store
    if whole["notification_type"] != "email":
        raise Refused(400, {"notification_type": ["The stand-in knows email alone."]})
    if "notification_configuration" not in values:
        return
    given = values["notification_configuration"]
    for name, kind in EMAIL.items():
        if name not in given:
            raise Refused(400, {"__all__": [f"Missing required fields for Notification Configuration: ['{name}']."]})
        if type(given[name]) is not kind:
            raise Refused(400, {"__all__": [f"Configuration field '{name}' incorrect type, expected {kind.__name__}."]})
    if not given["recipients"]:
        raise Refused(400, {"__all__": ["No values specified for field 'recipients'"]})
    if given["password"] == ENCRYPTED:
        old = (before or {}).get("notification_configuration", {}).get("password", "")
        values["notification_configuration"] = {**given, "password": old}
    for event, parts in (whole["messages"] or {}).items():
        if event not in ("started", "success", "error", "workflow_approval") or "\n" in (parts or {}).get(
            "message", ""
        ):
            raise Refused(400, {"messages": [f"Event '{event}' invalid"]})


def _job_template(
    store: Store, values: dict[str, Any], whole: dict[str, Any], before: Mapping[str, Any] | None
) -> None:
    del before
    if not whole["project"]:
        raise Refused(400, {"project": ["Job Templates must have a project assigned."]})
    if not whole["inventory"] and not whole["ask_inventory_on_launch"]:
        raise Refused(400, {"inventory": ["You must either set a default value or ask to prompt on launch."]})
    project = store.objects["projects"][whole["project"]]
    # An override may bring any branch, so AWX can't know its playbooks, and takes every name.
    if not project["allow_override"]:
        if whole["playbook"] not in project.get("playbook_files", []):
            raise Refused(400, {"playbook": ["Playbook not found for project."]})
        if whole["scm_branch"] or whole["ask_scm_branch_on_launch"]:
            raise Refused(400, {"scm_branch": ["Project does not allow overriding branch."]})
    # It belongs to the organization of its project, whatever was sent.
    values["organization"] = project["organization"]


def _node(store: Store, values: dict[str, Any], whole: dict[str, Any], before: Mapping[str, Any] | None) -> None:
    _launch_settings(store, values, whole, needed=False)
    del before


def _schedule(store: Store, values: dict[str, Any], whole: dict[str, Any], before: Mapping[str, Any] | None) -> None:
    del before
    if not re.match(r"DTSTART(;TZID=[\w/]+)?:\d{8}T\d{6}Z? RRULE:FREQ=\w+;INTERVAL=\d+", whole["rrule"]):
        raise Refused(
            400, {"rrule": ["Valid DTSTART required in rrule. Value should start with: DTSTART:YYYYMMDDTHHMMSSZ"]}
        )
    _launch_settings(store, values, whole, needed=True)


def _launch_settings(store: Store, values: dict[str, Any], whole: dict[str, Any], needed: bool) -> None:
    """What a node or a schedule gives its template: only what that asks for. A default of a survey answers nothing here."""
    if not whole["unified_job_template"]:
        return
    place, template = store.place(whole["unified_job_template"], "unified_job_templates")
    asked = {"job_type": "ask_job_type_on_launch", "limit": "ask_limit_on_launch"}
    for name, ask in asked.items():
        if values.get(name) and not template.get(ask):
            raise Refused(400, {name: ["Field is not configured to prompt on launch."]})
    if place in ("job_templates", "workflow_job_templates") and (needed or values.get("extra_data")):
        spec = store.surveys.get(template["id"], {}) if template["survey_enabled"] else {}
        found = launch_problems(spec, whole["extra_data"], template["ask_variables_on_launch"])
        found = found if needed else [one for one in found if "value missing" not in one]
        if found:
            raise Refused(400, {"variables_needed_to_start": found})


def _assignment(store: Store, values: dict[str, Any], whole: dict[str, Any], before: Mapping[str, Any] | None) -> None:
    del before
    definition = store.objects["role_definitions"][whole["role_definition"]]
    if definition["name"] in NOT_FOR_TEAMS:
        raise Refused(400, {"role_definition": [f"Assigning {definition['name']} permission to teams is not allowed"]})
    if int(whole["object_id"]) not in store.objects[DEFINITIONS[definition["name"]]]:
        raise Refused(400, {"object_id": ["The object does not exist."]})
    values |= {"content_type": definition["content_type"], "object_id": str(whole["object_id"])}


RULES: dict[str, Callable[[Store, dict[str, Any], dict[str, Any], Mapping[str, Any] | None], None]] = {
    "credential_types": _credential_type,
    "credentials": _credential,
    "execution_environments": _environment,
    "inventory_sources": _source,
    "notification_templates": _notification,
    "job_templates": _job_template,
    "workflow_job_template_nodes": _node,
    "schedules": _schedule,
    "role_team_assignments": _assignment,
}


def check_association(store: Store, endpoint: str, number: int, name: str, other: int) -> None:
    """Refuse what AWX does not let be associated."""
    if MODELS[endpoint].associations[name] == "credentials" and endpoint == "job_templates":
        kinds = [store.objects["credentials"][one]["credential_type"] for one in store.links(endpoint, number, name)]
        if store.objects["credentials"][other]["credential_type"] in kinds:
            raise Refused(400, {"error": "Cannot assign multiple credentials of one type."})
        kind = store.objects["credential_types"][store.objects["credentials"][other]["credential_type"]]["kind"]
        if kind not in ("ssh", "vault", "cloud", "net", "kubernetes"):
            raise Refused(400, {"error": f"Cannot assign a Credential of kind `{kind}`."})
    if name.endswith("_nodes"):
        others = [one for one in ("success_nodes", "failure_nodes", "always_nodes") if one != name]
        if any(other in store.links(endpoint, number, one) for one in others):
            raise Refused(400, {"Error": "Relationship not allowed."})
        if number == other or number in _after(store, other):
            raise Refused(400, {"Error": "Cycle detected."})


def _after(store: Store, node: int) -> set[int]:
    found: set[int] = set()
    todo = [node]
    while todo:
        one = todo.pop()
        for name in ("success_nodes", "failure_nodes", "always_nodes"):
            new = set(store.links("workflow_job_template_nodes", one, name)) - found
            found |= new
            todo += new
    return found


def check_survey(spec: Mapping[str, Any]) -> None:
    """Refuse a survey as AWX does."""
    if problem := survey_problem(spec):
        raise Refused(400, {"error": problem})
