# SPDX-License-Identifier: MIT
"""How many workers a host runs, and how many connections the database has to have for them.

Workers and connections are plain numbers, memory is in MB as the kernel's facts say it. All functions are pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.postgres.connections import connection_shortage
from ansible_collections.django_ec2.site.plugins.plugin_utils.applications.pooling import pooling_of
from jinja2 import Undefined

# A worker waits for the database half of its time: docs/performance.md, "How many workers?".
WORKERS_PER_CPU = 2
# One answers while the other is busy with a slow request.
LEAST_WORKERS = 2
# Of the host's memory; the rest is the page cache's, nginx's and a second release's during a deploy.
MEMORY_SHARE = 2
# Resident memory of one worker of a typical Django project.
WORKER_MEMORY_MB = 100

# While a release is deployed, the workers of two run.
RELEASES = 2
# Migrations log in as the owner while the workers hold their connections; a check of the database may do so, too.
OWNER_CONNECTIONS = 2
# For operators: psql, a backup, this repository.
RESERVE = 5

# PostgreSQL's own defaults, where the variables say nothing (PostgreSQL's manual, 19.3 Connections and Authentication).
MAX_CONNECTIONS = 100
SUPERUSER_RESERVED = 3

REMEDIES = {
    "self_hosted": "raise postgres_max_connections (each costs memory).",
    "rds": "take a larger instance class.",
}


def worker_processes(cpus: int, memory_mb: int, worker_memory_mb: int = WORKER_MEMORY_MB) -> int:
    """Workers of an application on one host, where its entry does not say how many.

    Args:
        cpus: processors that applications may use.
        memory_mb: memory of the host that they may use; half of it is shared out.
        worker_memory_mb: memory of one worker.
    """
    by_memory = int(memory_mb) // MEMORY_SHARE // int(worker_memory_mb)
    return max(LEAST_WORKERS, min(WORKERS_PER_CPU * int(cpus), by_memory))


def _known(variables: Mapping[str, Any], name: str) -> Any:
    """A variable of a host; None while it has none, or while it is made from facts that were not read."""
    found = variables.get(name)
    return None if isinstance(found, Undefined) else found


def host_processes(variables: Mapping[str, Any], server: str) -> int | None:
    """Workers of an application on a host, from its variables and facts; None while those are not known.

    Args:
        variables: those of the host (``hostvars[host]``).
        server: the role of the application server; its variables begin with this word.
    """
    given = _known(variables, f"{server}_processes")
    if given is not None:
        return int(given)
    facts = _known(variables, "ansible_facts") or {}
    cpus = _known(variables, f"{server}_cpus") or facts.get("processor_nproc")
    memory = _known(variables, f"{server}_memory_mb") or facts.get("memtotal_mb")
    if cpus is None or memory is None:
        return None
    return worker_processes(cpus, memory, _known(variables, f"{server}_worker_memory_mb") or WORKER_MEMORY_MB)


def web_processes(hosts: Iterable[Mapping[str, Any]], server: str, more: int = 0) -> list[int]:
    """Workers of an application on each web host, where its entry does not say how many.

    A host that is not known yet counts as the largest that is: a run that leaves it out must not count it as small. While
    none is known, the least that there can be is taken.

    Args:
        hosts: the variables of each.
        server: the role of the application server, as for ``host_processes``.
        more: how many web hosts there may be beside them, of which nobody knows more (an auto-scaling group at its largest).
    """
    found = [*(host_processes(one, server) for one in hosts), *([None] * int(more))]
    unknown = max((one for one in found if one is not None), default=LEAST_WORKERS)
    return [unknown if one is None else one for one in found]


def pool_size(application: Mapping[str, Any], processes: int, mode: str) -> int:
    """Connections to the server that the pooler of one host may have for a database of an application.

    As many as can be in use at once: a transaction each for workers and their threads, services and timers. While a release is
    deployed the workers of two share them, but for sessions, which are not shared.

    Args:
        application: an entry that ``resolve_applications`` returned.
        processes: workers on the host, where the entry does not say how many.
        mode: ``transaction`` or ``session``.
    """
    workers = int(application["processes"]) or int(processes)
    others = len(application.get("services") or []) + len(application.get("timers") or [])
    return (workers * int(application["threads"]) + others) * (RELEASES if mode == "session" else 1)


def application_connections(
    application: Mapping[str, Any], processes: list[int], pooling: str = "none"
) -> dict[str, Any]:
    """Connections that an application may hold, and how they come about.

    Each thread of a worker holds one, and so does each service and timer on each host. Through a pooler they are those of the pools.

    Args:
        application: an entry that ``resolve_applications`` returned.
        processes: workers on each web host of an application that does not say how many.
        pooling: ``transaction``, ``session`` or ``none``.
    """
    own, threads = int(application["processes"]), int(application["threads"])
    workers = own * len(processes) if own else sum(processes)
    others = len(application.get("services") or []) + len(application.get("timers") or [])
    text = f"{workers} workers on {len(processes)} web hosts"
    text += f" x {threads} threads" if threads > 1 else ""
    text = f"({text} + {others} services and timers on each host)" if others else text
    if pooling == "transaction":
        return {
            "connections": sum(pool_size(application, one, pooling) for one in processes),
            "connections_for": f"{text}, in the pools of PgBouncer",
            # While an application goes from no pooler to one, or back, it has both.
            "connection_limit_at_least": RELEASES * (workers * threads + others * len(processes)),
        }
    return {
        "connections": RELEASES * (workers * threads + others * len(processes)),
        "connections_for": f"{text} x {RELEASES} releases during a deploy",
    }


def count_connections(
    databases: list[dict[str, Any]],
    applications: list[dict[str, Any]],
    processes: list[int],
    server: Mapping[str, Any] | None = None,
) -> list[dict[str, Any]]:
    """The databases of the applications, in the same order, each with the connections that its application may hold.

    A worker holds one to each of its application's databases.

    Args:
        databases: what ``postgres_databases`` returned.
        applications: what ``resolve_applications`` returned.
        processes: workers on each web host of an application that does not say how many.
        server: as ``database_endpoints`` takes it; without one nobody has a pooler.
    """
    owners = [one for one in applications for _database in ("default", *(one.get("databases") or {}))]
    return [
        {
            **one,
            **application_connections(application, processes, pooling_of(application, server) if server else "none"),
        }
        for one, application in zip(databases, owners, strict=True)
    ]


def limit_connections(databases: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Databases whose application roles may hold what they need and no more, where no limit is given."""
    return [
        {**one, "connection_limit": max(int(one["connections"]), int(one.get("connection_limit_at_least") or 0))}
        if int(one["connection_limit"]) < 0 and int(one.get("connections") or 0) > 0
        else one
        for one in databases
    ]


def connection_need(databases: list[dict[str, Any]], mode: str) -> dict[str, Any]:
    """Connections that the server has to have for all of them, as the module postgres_databases takes it.

    Args:
        databases: what ``count_connections`` returned, or entries that state ``connections`` by themselves.
        mode: ``self_hosted`` or ``rds``; the remedy depends on it.
    """
    parts = []
    for one in databases:
        reason = one.get("connections_for")
        parts.append(f"{int(one.get('connections') or 0)} for {one['name']}{f': {reason}' if reason else ''}")
    owners = OWNER_CONNECTIONS * len(databases)
    parts += [f"{owners} for the owners, who migrate", f"{RESERVE} in reserve for operators"]
    return {
        "needed": sum(int(one.get("connections") or 0) for one in databases) + owners + RESERVE,
        "used_by": "; ".join(parts),
        "remedy": f"Set fewer processes or threads in applications, use fewer web hosts, or {REMEDIES[mode]}",
    }


def connection_settings(variables: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of a self-hosted server that decide how many connections it has.

    Args:
        variables: of the host, or of the role: ``postgres_max_connections`` and ``postgres_settings``, if they are set.
    """
    own = _known(variables, "postgres_settings") or {}
    given = _known(variables, "postgres_max_connections")
    stated = {"max_connections": MAX_CONNECTIONS if given is None else given}
    return {"superuser_reserved_connections": SUPERUSER_RESERVED, **own, **stated}


def connection_problems(databases: list[dict[str, Any]], mode: str, variables: Mapping[str, Any]) -> list[str]:
    """What the variables alone show not to fit, in sentences. What RDS has, only the server can say.

    Args:
        databases: what ``count_connections`` returned.
        mode: ``self_hosted`` or ``rds``.
        variables: of the host that keeps the databases, with ``self_hosted``.
    """
    problems = [
        f"applications.{one['name']}.database.connection_limit is {one['connection_limit']}, and its workers need "
        f"{one['connections']} (two releases run during a deploy). Raise it, or set fewer processes."
        for one in databases
        if 0 <= int(one.get("connection_limit", -1)) < int(one.get("connections") or 0)
    ]
    if mode == "self_hosted":
        problems.append(
            connection_shortage(connection_need(databases, mode), connection_settings(variables), "The database host")
        )
    return [problem for problem in problems if problem]
