# SPDX-License-Identifier: MIT
"""Whether the administrator of an application has to be made or changed. Nothing here asks a host or changes one.

A host remembers what it was last asked for. The database is asked when that differs, and when it was migrated: it may be a new one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.django_ec2.site.plugins.plugin_utils.release.releases import first_pending, to_migrate


def mark(application: Mapping[str, Any], endpoints: Mapping[str, Any]) -> dict[str, str]:
    """What a host remembers: who was asked for, a digest of the rest of the entry's ``superuser``, and in which database.

    Args:
        application: one of ``resolve_applications``.
        endpoints: its own of ``database_endpoints``.
    """
    given = application["superuser"]
    login = endpoints["application"]
    secret = json.dumps([application["name"], {key: given[key] for key in sorted(given)}])
    return {
        "username": str(given["username"]),
        "digest": hashlib.sha256(secret.encode()).hexdigest()[:32],
        "database": f"{login['host']}:{login['port']}/{login['name']}",
    }


def due(
    applications: list[dict[str, Any]], hosts: Iterable[Mapping[str, Any]], endpoints: Mapping[str, Any]
) -> list[str]:
    """Names of the applications whose administrator has to be asked for.

    Args:
        applications: those of the run.
        hosts: variables of the hosts of the play, each with what release_state read.
        endpoints: what ``database_endpoints`` returned.
    """
    hosts = list(hosts)
    return [
        one["name"]
        for one in applications
        if one["superuser"]
        and (
            mark(one, endpoints[one["name"]]) not in [_known(host, one["name"]) for host in hosts]
            or (first_pending(hosts, one["name"]) and to_migrate(hosts, one["name"]))
        )
    ]


def task(
    application: Mapping[str, Any],
    endpoints: Mapping[str, Any],
    hosts: Iterable[Mapping[str, Any]],
    here: Mapping[str, Any],
) -> dict[str, Any]:
    """What the module release_superuser needs to know.

    Args:
        application: one of ``resolve_applications``.
        endpoints: its own of ``database_endpoints``.
        hosts: variables of the hosts of the play.
        here: those of this host.
    """
    name, given = application["name"], application["superuser"]
    wanted = mark(application, endpoints)
    known = [one for one in (_known(host, name) for host in hosts) if one.get("username") == wanted["username"]]
    state = here["__release_read"]["applications"][name]
    return {
        "name": name,
        "root": application["root"],
        "manage": application["manage"],
        "slot": state["idle"] if name in here.get("__release_pending", []) or not state["live"] else state["live"],
        "username": given["username"],
        "email": given["email"],
        "password": given["password"],
        "fields": given["fields"],
        # Somebody changed the entry. On hosts that know of no superuser yet, one who is there chose the password himself.
        "update": bool(known) and wanted["digest"] not in [one.get("digest") for one in known],
        "mark": wanted,
    }


def where(hosts: Iterable[Mapping[str, Any]], name: str) -> str:
    """The host that asks: the one that migrates, or the first of the play."""
    hosts = list(hosts)
    return first_pending(hosts, name) or hosts[0]["inventory_hostname"]


def _known(host: Mapping[str, Any], name: str) -> dict[str, Any]:
    return host["__release_read"]["applications"].get(name, {}).get("superuser") or {}
