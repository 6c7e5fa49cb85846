# SPDX-License-Identifier: MIT
"""What an application has that is to go, whether or not its entry is still there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.model import IAM_SUFFIX, OTHER
from ansible_collections.django_ec2.site.plugins.plugin_utils import application_server
from ansible_collections.django_ec2.site.plugins.plugin_utils.applications import names
from ansible_collections.django_ec2.site.plugins.plugin_utils.applications.resolve import UNITS, resolve_applications
from ansible_collections.django_ec2.site.plugins.plugin_utils.applications.schema import APPLICATION_NAME
from ansible_collections.django_ec2.site.plugins.plugin_utils.applications.storage import MOUNT

BY_ONE = "rds_client_removed"
KEYS = ("name", "user", "login", "owner")


def record(entry: Mapping[str, Any]) -> str:
    """What a web host notes of an application, so that it can be removed when its entry is gone."""
    content = {"name": entry["name"], "databases": _noted(entry), "redis": entry["redis"]}
    return json.dumps(content, sort_keys=True) + "\n"


def _noted(entry: Mapping[str, Any]) -> list[dict[str, str]]:
    """Its database and its further ones, without their secrets."""
    return [{key: str(one[key]) for key in KEYS} for one in (entry["database"], *entry["databases"].values())]


def removal_problem(name: str, confirm: str) -> str:
    """Why a removal can't begin; empty when it can. The arguments are those of ``removal``."""
    if not re.fullmatch(APPLICATION_NAME, str(name)):
        return f"app: '{name}' is no name of an application."
    if confirm != name:
        return f"This removes {name} with its database and its files. Repeat its name to go on: -e app={name} -e confirm={name}."
    return ""


def removal(
    name: str, confirm: str, applications: Mapping[str, Any], records: Iterable[Mapping[str, Any]] = ()
) -> dict[str, Any]:
    """Everything that goes with an application.

    Args:
        name: of the application (``-e app=``).
        confirm: the name once more (``-e confirm=``).
        applications: the mapping of that name, in which it may still be.
        records: what web hosts noted of it; the first that is not empty counts.

    Raises:
        AnsibleFilterError: the name is none, or was not repeated.
    """
    if problem := removal_problem(name, confirm):
        raise AnsibleFilterError(problem)
    listed = name in applications
    noted = next((one for one in records if one.get("databases")), {})
    databases, redis = noted.get("databases", []), bool(noted.get("redis"))
    if listed:
        (entry,) = resolve_applications({name: applications[name]})
        databases, redis = _noted(entry), entry["redis"]
    if not databases:
        databases = [{"name": name, "user": name, "login": name, "owner": names.owner_role(name)}]
    return {
        "name": name,
        "listed": listed,
        "databases": [{**one, "roles": _roles(one)} for one in databases],
        "redis": redis,
        "web": _web(name),
    }


def _roles(database: Mapping[str, str]) -> list[str]:
    user, owner = database["user"], database["owner"]
    found = {user, user + OTHER, user + IAM_SUFFIX, owner, owner + IAM_SUFFIX, database["login"]}
    # Those that have the rights of another first.
    return sorted(found, key=lambda role: (role in (user, owner), role))


def _web(name: str) -> dict[str, Any]:
    """What the module application_remove needs to know."""
    root, shared = names.root(name), f"{MOUNT}/{name}"
    server = application_server.unit(name, "")
    instance = re.escape(server).replace("@", "@[a-z]*", 1)
    instances = server.replace("@.service", "@*.service")
    settings = [path for path in application_server.settings_files(name) if not path.startswith(UNITS)]
    certificate = names.certificate_directory(name)
    return {
        "name": name,
        "units": [instance, rf"{name}-.*\.(service|timer)"],
        # What starts a unit again after a pause, too (start-again@.service, role base).
        "globs": [f"start-again@{instances}*", f"start-again@{name}-*", instances, f"{name}-*.service", f"{name}-*.timer"],
        "site": f"/etc/nginx/sites-enabled/{name}.conf",
        "paths": [
            root, shared, names.manage_command(name), *settings, certificate,
            f"/run/{application_server.runtime_directory(name)}", f"/var/cache/host_config/certificates-{name}.json",
        ],
        "kept": [f"{root}/shared/media", f"{root}/shared/data", f"{shared}/media", f"{shared}/data"],
    }  # fmt: skip


def summary(found: Mapping[str, Any], hosts: Mapping[str, Mapping[str, Any]], check: bool) -> list[str]:
    """What a removal says at its end.

    Args:
        found: what ``removal`` returned.
        hosts: variables of all hosts.
        check: whether the run only said what it would do.
    """
    name = found["name"]
    gone, kept = [], []
    # One host did it, and all of its play have the result.
    from_one = next((host for host, variables in hosts.items() if variables.get(BY_ONE)), "")
    for host, variables in hosts.items():
        for key in (
            "__release_stopped",
            "__release_removed",
            "postgres_removed",
            *([BY_ONE] if host == from_one else []),
        ):
            said = variables.get(key) or {}
            for result in said.get("results", [said]):
                gone += [f"{host}: {one}" for one in result.get("removed") or []]
                kept += [f"{host}:{result[place]}" for place in ("archive", "dump") if result.get(place)]
    word = "would go" if check else "is gone"
    lines = [f"{name} {word}." if gone else f"Nothing of {name} is left on these hosts."]
    lines += [f"Would be removed: {one}" for one in dict.fromkeys(gone)] if check else []
    lines += [f"Kept: {place}" for place in dict.fromkeys(kept)]
    if found["listed"]:
        lines.append(f"Take {name} out of applications too: the next site.yml would make it anew.")
    return lines
