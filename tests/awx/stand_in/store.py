"""What the stand-in has, and how it shows it."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from tests.awx.stand_in.models import DEFINITIONS, JOB_TYPES, MANAGED_TYPES, MODELS, SECRET, UNIFIED, Model

ENCRYPTED = "$encrypted$"
SUMMARY = ("id", "name", "description")


class Refused(Exception):
    """What AWX answers with a status of 400 or above."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(f"{status}: {body}")
        self.status = status
        self.body = body


class Store:
    """Objects by endpoint and number. Numbers are unique over all endpoints, as those of templates have to be."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[int, dict[str, Any]]] = {endpoint: {} for endpoint in MODELS}
        self.associated: dict[tuple[str, int, str], list[int]] = {}
        self.surveys: dict[int, dict[str, Any]] = {}
        # (role, number of the object, its endpoint) -> number of the role, and who has it
        self.roles: dict[tuple[str, str, int], int] = {}
        self.holders: dict[int, list[int]] = {}
        self._last = 0
        for name, (kind, fields) in MANAGED_TYPES.items():
            inputs = {"fields": [{"id": one, "secret": one in SECRET} for one in fields]}
            self.add("credential_types", {"name": name, "kind": kind, "inputs": inputs, "managed": True})
        for name, about in DEFINITIONS.items():
            self.add("role_definitions", {"name": name, "content_type": f"awx.{MODELS[about].type.replace('_', '')}"})
        self.add("organizations", {"name": "Default"})

    def number(self) -> int:
        """The next number."""
        self._last += 1
        return self._last

    def add(self, endpoint: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """Keep an object, with AWX's defaults for what was not given."""
        number = self.number()
        self.objects[endpoint][number] = {**copy.deepcopy(dict(MODELS[endpoint].fields)), **values, "id": number}
        for role in MODELS[endpoint].roles:
            self.roles[role, endpoint, number] = self.number()
        return self.objects[endpoint][number]

    def find(self, endpoint: str, **wanted: Any) -> dict[str, Any]:
        """The one object with these values."""
        found = [
            one
            for one in self.objects[endpoint].values()
            if all(one.get(key) == value for key, value in wanted.items())
        ]
        assert len(found) == 1, f"{endpoint} {wanted}: {len(found)}"
        return found[0]

    def place(self, number: int, endpoint: str) -> tuple[str, dict[str, Any]]:
        """Where an object of a number is; ``unified_job_templates`` stands for several endpoints."""
        for name in UNIFIED if endpoint == "unified_job_templates" else (endpoint,):
            if number in self.objects[name]:
                return name, self.objects[name][number]
        raise Refused(400, {endpoint: [f'Invalid pk "{number}" - object does not exist.']})

    def links(self, endpoint: str, number: int, name: str) -> list[int]:
        """The numbers that are associated with an object."""
        return self.associated.setdefault((endpoint, number, name), [])

    def remove(self, endpoint: str, number: int) -> None:
        """Remove an object, and what can't be without it."""
        del self.objects[endpoint][number]
        for numbers in self.associated.values():
            if number in numbers:
                numbers.remove(number)
        for name, model in MODELS.items():
            for other in list(self.objects[name].values()):
                for field, target in model.refs.items():
                    if other.get(field) == number and target in (endpoint, "unified_job_templates"):
                        if field in model.required or field == "unified_job_template":
                            if other["id"] in self.objects[name]:
                                self.remove(name, other["id"])
                        else:
                            other[field] = None
        for one in list(self.objects["role_team_assignments"].values()):
            if str(one["object_id"]) == str(number):
                del self.objects["role_team_assignments"][one["id"]]

    # How it is shown.

    def shown(self, endpoint: str, item: Mapping[str, Any]) -> dict[str, Any]:
        """An object as the API gives it."""
        model = MODELS[endpoint]
        url = f"/api/v2/{endpoint}/{item['id']}/"
        related = {name: f"{url}{name}/" for name in model.associations}
        summary: dict[str, Any] = {}
        for field, target in model.refs.items():
            if item.get(field):
                place, other = self.place(item[field], target)
                summary[field] = self._summary(place, other)
                related[field] = f"/api/v2/{place}/{other['id']}/"
        if endpoint in ("job_templates", "workflow_job_templates"):
            labels = [self.objects["labels"][number] for number in self.links(endpoint, item["id"], "labels")]
            # AWX shows ten of them.
            summary["labels"] = {
                "count": len(labels),
                "results": [{"id": one["id"], "name": one["name"]} for one in labels[:10]],
            }
            related["survey_spec"] = f"{url}survey_spec/"
        if endpoint == "job_templates":
            held = [self.objects["credentials"][number] for number in self.links(endpoint, item["id"], "credentials")]
            summary["credentials"] = [{"id": one["id"], "name": one["name"]} for one in held]
        summary["object_roles"] = {
            f"{role}_role": {"id": self.roles[role, endpoint, item["id"]], "name": role} for role in model.roles
        }
        shown = {
            **copy.deepcopy(dict(item)),
            "type": model.type,
            "url": url,
            "related": related,
            "summary_fields": summary,
        }
        self._special(endpoint, item, shown)
        return shown

    def _summary(self, endpoint: str, item: Mapping[str, Any]) -> dict[str, Any]:
        summary = {key: item[key] for key in SUMMARY if key in item}
        if endpoint in UNIFIED:
            summary["unified_job_type"] = JOB_TYPES[MODELS[endpoint].type]
        if endpoint == "workflow_approval_templates":
            summary["timeout"] = item["timeout"]
        return summary

    def _special(self, endpoint: str, item: Mapping[str, Any], shown: dict[str, Any]) -> None:
        if endpoint == "credentials":
            secret = self.secret_fields(item["credential_type"])
            shown["inputs"] = {
                key: ENCRYPTED if key in secret and value else value for key, value in item["inputs"].items()
            }
        elif endpoint == "notification_templates":
            shown["notification_configuration"] = {
                key: ENCRYPTED if key == "password" and value else value
                for key, value in item["notification_configuration"].items()
            }
        elif endpoint == "projects":
            shown["related"]["update"] = f"{shown['url']}update/"
            running = [
                one
                for one in self.objects["project_updates"].values()
                if one["project"] == item["id"] and one["status"] == "pending"
            ]
            if running:
                shown["summary_fields"]["current_update"] = {"id": running[-1]["id"]}
        elif endpoint == "workflow_job_template_nodes":
            for name in ("success_nodes", "failure_nodes", "always_nodes"):
                shown[name] = list(self.links(endpoint, item["id"], name))
        elif endpoint == "project_updates":
            done = item["status"] in ("successful", "failed")
            shown |= {"event_processing_finished": done, "finished": done or None, "failed": item["status"] == "failed"}

    def secret_fields(self, credential_type: int) -> set[str]:
        """The fields of a credential type that are kept encrypted."""
        fields = self.objects["credential_types"][credential_type]["inputs"].get("fields", [])
        return {one["id"] for one in fields if one.get("secret")}

    # How it is searched.

    def search(self, endpoint: str, query: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        """The objects of an endpoint that fit a query."""
        query = {key: value for key, value in query.items() if key not in ("page", "page_size")}
        either = {key[4:]: value for key, value in query.items() if key.startswith("or__")}
        every = {key: value for key, value in query.items() if not key.startswith("or__")}
        for place in UNIFIED if endpoint == "unified_job_templates" else (endpoint,):
            for item in self.objects[place].values():
                if all(self._fits(place, item, key, value) for key, value in every.items()) and (
                    not either or any(self._fits(place, item, key, value) for key, value in either.items())
                ):
                    yield self.shown(place, item)

    def _fits(self, endpoint: str, item: Mapping[str, Any], key: str, value: str) -> bool:
        field, _, rest = key.partition("__")
        if endpoint in UNIFIED and field == "organization" and "organization" not in item:
            return False
        if field not in item:
            raise Refused(400, {"detail": f"{MODELS[endpoint].type} has no field named '{field}'"})
        if rest:
            if not item[field]:
                return False
            place, other = self.place(item[field], MODELS[endpoint].refs[field])
            return self._fits(place, other, rest, value)
        own = item[field]
        return (str(own).lower() if isinstance(own, bool) else "null" if own is None else str(own)) == value


def model_of(endpoint: str) -> Model:
    """What is known of an endpoint."""
    if endpoint not in MODELS:
        raise Refused(404, {"detail": "The requested resource could not be found."})
    return MODELS[endpoint]
