# SPDX-License-Identifier: MIT
"""Filters of the role postgres: complete and check what the user wrote, and size PostgreSQL to its host."""

from __future__ import annotations

import ipaddress
import math
import re
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.postgres.model import DATABASE_SPEC

NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")
SETTING = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)?")
# Settings that have a variable of their own, because other things follow from them.
OWN_VARIABLES = {
    "port": "postgres_port",
    "listen_addresses": "postgres_listen_addresses",
    "max_connections": "postgres_max_connections",
    "data_directory": "postgres_data_directory",
}
# Settings on which the role's own files rest.
FIXED = (
    "config_file",
    "hba_file",
    "ident_file",
    "include",
    "include_dir",
    "include_if_exists",
    "ssl",
    "ssl_ca_file",
    "ssl_cert_file",
    "ssl_key_file",
    "unix_socket_directories",
    "external_pid_file",
    "password_encryption",
)


def postgres_complete(databases: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Entries of ``postgres_databases`` with every key that was left out."""
    complete = []
    for one in databases:
        name = one.get("name", "")
        defaults = {"owner": f"{name}_owner", "user": name, "connection_limit": -1, "extensions": [], "memberships": []}
        full = {**defaults, **{key: value for key, value in one.items() if value is not None}}
        complete.append({**full, "login": full.get("login") or full["user"]})
    return complete


def postgres_request(databases: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Complete entries with the keys that the module ``postgres_databases`` takes, and no others."""
    return [{key: value for key, value in one.items() if key in DATABASE_SPEC} for one in databases]


def postgres_client(client: str) -> str:
    """An address or network as pg_hba.conf wants it: with the length of its prefix.

    Raises:
        ValueError: it is neither.
    """
    return str(ipaddress.ip_network(str(client)))


def _database_problems(databases: list[dict[str, Any]]) -> list[str]:
    problems, names, roles = [], [], []
    for one in postgres_complete(databases):
        place = f"postgres_databases, {one.get('name') or 'an entry without name'}"
        names.append(one.get("name"))
        for key in ("name", "owner", "user"):
            value = str(one.get(key) or "")
            if not NAME.fullmatch(value):
                problems.append(
                    f"{place}: {key} {value!r} is no identifier. Write lower-case letters, digits and underscores, at most "
                    "63, not beginning with a digit, as in 'shop'."
                )
            elif value.startswith("pg_") or value in ("postgres", "public", "none", "template0", "template1"):
                problems.append(f"{place}: {key} {value!r} belongs to PostgreSQL. Choose another, as in 'shop'.")
        roles += [one.get("owner"), one.get("user")]
        for key in ("password", "owner_password"):
            value = one.get(key)
            if not value:
                problems.append(
                    f"{place}: {key} is missing or empty. Set it, as in {key}: "
                    f'"{{{{ secrets.applications.shop.database_{key} }}}}"; playbooks/secrets.yml makes it.'
                )
            elif not (isinstance(value, str) and value.isascii() and value.isprintable()):
                problems.append(
                    f"{place}: {key} has to be a string of printable ASCII. Make another with playbooks/secrets.yml."
                )
    for what, values in (("database", names), ("role (owner or user)", roles)):
        for value in sorted({str(value) for value in values if value and values.count(value) > 1}):
            problems.append(
                f"postgres_databases: the {what} {value!r} is there twice. Give each database its own name and roles."
            )
    return problems


def postgres_problems(databases: list[dict[str, Any]], clients: list[str], settings: dict[str, Any]) -> list[str]:
    """What is wrong with the role's variables, each with its remedy. No password is quoted."""
    problems = _database_problems(databases)
    for client in clients:
        try:
            postgres_client(client)
        except ValueError as error:
            problems.append(
                f"postgres_clients: {client!r} is no address or network ({error}). Write it as in 10.0.1.15 or 10.0.1.0/24."
            )
    for name in settings:
        if name in OWN_VARIABLES:
            problems.append(f"postgres_settings: {name} has a variable of its own. Set {OWN_VARIABLES[name]} instead.")
        elif name in FIXED:
            problems.append(f"postgres_settings: {name} is the role's own. Take it out.")
        elif not SETTING.fullmatch(str(name)):
            problems.append(
                f"postgres_settings: {name!r} is no name of a setting. See the list in PostgreSQL's manual."
            )
    return problems


# A kernel update leaves some MB more or less. What would restart PostgreSQL, or reload it, changes in steps of so many.
STEP_MB = 64


def postgres_tuning(memory_mb: int, cpus: int, max_connections: int) -> dict[str, Any]:
    """Settings that follow from the host's size.

    The rules are those of PostgreSQL's manual (19.4 Resource Consumption), of "Tuning Your PostgreSQL Server" in its wiki
    and of pgtune for a web application; roles/postgres/defaults/main.yml lists them.

    Args:
        memory_mb: memory that PostgreSQL may count on.
        cpus: processors that it may count on.
        max_connections: connections at the same time.
    """
    memory_mb, cpus, max_connections = int(memory_mb) // STEP_MB * STEP_MB, int(cpus), int(max_connections)
    shared = max(128, round(memory_mb / 4 / STEP_MB) * STEP_MB)
    workers = max(8, cpus)
    gather = 0 if cpus < 2 else min(4, math.ceil(cpus / 2))
    work = max(4096, (memory_mb - shared) * 1024 // ((max_connections + workers) * 3))
    max_wal = min(4096, max(1024, memory_mb))
    return {
        "shared_buffers": f"{shared}MB",
        "effective_cache_size": f"{max(128, memory_mb * 3 // 4)}MB",
        "work_mem": f"{work}kB",
        "maintenance_work_mem": f"{min(2048, max(64, memory_mb // 16))}MB",
        "max_wal_size": f"{max_wal}MB",
        "min_wal_size": f"{max_wal // 4}MB",
        "max_worker_processes": workers,
        "max_parallel_workers": cpus,
        "max_parallel_workers_per_gather": gather,
        "max_parallel_maintenance_workers": gather,
    }


def postgres_value(value: Any) -> str:
    """A value as postgresql.conf wants it: on or off, a list with commas, in quotes."""
    if isinstance(value, bool):
        text = "on" if value else "off"
    elif isinstance(value, (list, tuple)):
        text = ",".join(str(one) for one in value)
    else:
        text = str(value)
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Any]:
        return {
            "postgres_client": postgres_client,
            "postgres_complete": postgres_complete,
            "postgres_problems": postgres_problems,
            "postgres_request": postgres_request,
            "postgres_tuning": postgres_tuning,
            "postgres_value": postgres_value,
        }
