# SPDX-License-Identifier: MIT
"""What the steps of a move need to know of the applications."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.postgres.model import IAM_SUFFIX, OTHER
from ansible_collections.django_ec2.site.plugins.plugin_utils.applications import pooling
from ansible_collections.django_ec2.site.plugins.plugin_utils.applications.endpoints import database_endpoints


def database_move_databases(databases: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The databases as the module ``database_move`` takes them: names and roles, no passwords.

    Args:
        databases: in the form of ``postgres_databases``.
    """
    found = []
    for one in databases:
        name = str(one["name"])
        owner, user = str(one.get("owner") or f"{name}_owner"), str(one.get("user") or name)
        roles = {owner, user, user + OTHER, owner + IAM_SUFFIX, user + IAM_SUFFIX, str(one.get("login") or user)}
        found.append({"name": name, "owner": owner, "roles": sorted(roles)})
    return found


def database_move_logins(
    resolved: list[dict[str, Any]], servers: Mapping[str, Mapping[str, Any]]
) -> dict[str, dict[str, Any]]:
    """The login of one application to each side, as a web host tries it: host, port, user, password, database, ca_file, options.

    Args:
        resolved: what ``resolve_applications`` returned.
        servers: by side, what ``database_endpoints`` takes.
    """
    found = {}
    for side, server in servers.items():
        endpoint = database_endpoints(resolved[:1], server)[resolved[0]["name"]]["application"]
        found[side] = {
            **{key: endpoint[key] for key in ("host", "port", "user", "password", "ca_file", "options")},
            "database": endpoint["name"],
        }
    return found


def database_move_servers(hosts: Iterable[Mapping[str, Any]], port: int, ca_file: str) -> dict[str, dict[str, Any]]:
    """Two hosts as a web host reaches them, by name, in the form that ``database_endpoints`` takes.

    Args:
        hosts: the variables of each.
        port: of PostgreSQL.
        ca_file: where a web host has their authority.
    """
    return {
        str(host["inventory_hostname"]): {
            "host": str(host["inventory_hostname"]), "address": str(host["private_address"]), "port": int(port),
            "sslmode": "verify-full", "ca_file": ca_file, "standbys": [], "replica_host": "",
        }
        for host in hosts
    }  # fmt: skip


def database_move_direct(resolved: list[dict[str, Any]], server: Mapping[str, Any]) -> list[str]:
    """The applications that reach their database without a pooler.

    Args:
        resolved: what ``resolve_applications`` returned.
        server: as ``database_endpoints`` takes it.
    """
    return [entry["name"] for entry in resolved if pooling.pooling_of(entry, server) == pooling.NONE]
