# SPDX-License-Identifier: MIT
"""The poolers of a web host as the role pgbouncer takes them, with pools as large as the work of the host."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.django_ec2.site.plugins.plugin_utils import capacity
from ansible_collections.django_ec2.site.plugins.plugin_utils.applications import pooling
from ansible_collections.django_ec2.site.plugins.plugin_utils.applications.endpoints import is_socket, pooler_databases


def instances(
    resolved: list[dict[str, Any]],
    server: Mapping[str, Any],
    processes: int | str,
    live: Mapping[str, Sequence[str]] | None = None,
) -> list[dict[str, Any]]:
    """The poolers of one web host.

    Args:
        resolved: what ``resolve_applications`` returned.
        server: as ``database_endpoints`` takes it.
        processes: workers on this host of an application that does not say how many.
        live: which poolers its live release asks, by application: the fact ``pgbouncer_live`` of the host. Those know it until another
            release serves there, whatever the inventory says by now.
    """
    by_name = {entry["name"]: entry for entry in resolved}
    known = pooler_databases(resolved, server)
    for name, databases in guests(resolved, server, live or {}).items():
        known[name] = [*known[name], *databases]
    found = []
    for name, databases in sorted(known.items()):
        mode = pooling.SESSION if f"-{pooling.SESSION}" in name else pooling.TRANSACTION
        found.append(
            {
                "name": name,
                "pool_mode": mode,
                "ca_file": next((one["endpoint"]["ca_file"] for one in databases if one["endpoint"]["ca_file"]), ""),
                "read_only": name.endswith(pooling.REPLICA),
                "databases": [
                    _database(one, by_name[one["application"]], server, mode, int(processes)) for one in databases
                ],
            }
        )
    return found


def guests(
    resolved: list[dict[str, Any]], server: Mapping[str, Any], live: Mapping[str, Sequence[str]]
) -> dict[str, list[dict[str, Any]]]:
    """What poolers have to know beside their own applications: by their names, the databases of those that leave them.

    A pooler that nobody else uses is not among them: its files stay as they are until it is retired.

    Args:
        resolved: what ``resolve_applications`` returned.
        server: as ``database_endpoints`` takes it.
        live: see ``instances``.
    """
    known = pooler_databases(resolved, server)
    found: dict[str, list[dict[str, Any]]] = {}
    for entry in resolved:
        for name in live.get(entry["name"]) or []:
            if name not in known or any(one["application"] == entry["name"] for one in known[name]):
                continue
            mode = pooling.SESSION if f"-{pooling.SESSION}" in name else pooling.TRANSACTION
            found.setdefault(name, []).extend(pooler_databases([{**entry, "pooling": mode}], server).get(name, []))
    return {name: databases for name, databases in found.items() if databases}


def _database(
    one: Mapping[str, Any], entry: Mapping[str, Any], server: Mapping[str, Any], mode: str, processes: int
) -> dict[str, Any]:
    endpoint = one["endpoint"]
    return {
        "name": endpoint["name"],
        "account": one["account"],
        # Where the address is known nobody is asked for it; the certificate carries it, too.
        "host": endpoint["options"].get("hostaddr") or endpoint["host"],
        "port": endpoint["port"],
        "user": endpoint["user"],
        "password": endpoint["password"],
        "pool_size": capacity.pool_size(entry, processes, mode),
    }


def target(instance: Mapping[str, Any]) -> str:
    """The text of an instance's target.ini: where its databases are, who logs in there, and which authority is trusted.

    Args:
        instance: one of ``instances``.
    """
    lines = ["; Managed by Ansible: the role pgbouncer. The logins towards the servers: nobody else has them."]
    # pgbouncer.ini includes this file inside its own section.
    lines += [f"server_tls_ca_file = {instance['ca_file']}"] if instance.get("ca_file") else []
    lines.append("[databases]")
    for one in instance["databases"]:
        words = {
            "host": one["host"],
            "port": one["port"],
            "dbname": _quoted(one["name"]),
            "user": _quoted(one["user"]),
            "password": _quoted(one["password"]),
            "pool_size": one["pool_size"],
        }
        lines.append(f"{one['name']} = {' '.join(f'{key}={value}' for key, value in words.items())}")
    return "\n".join(lines) + "\n"


def _quoted(value: Any) -> str:
    return "'" + str(value).replace("'", "''") + "'"


def clients(instance: Mapping[str, Any]) -> int:
    """Connections from applications that an instance admits: those of two releases, and some for operators."""
    return max(100, 2 * capacity.RELEASES * sum(int(one["pool_size"]) for one in instance["databases"]) + 50)


def problems(given: Sequence[Mapping[str, Any]]) -> list[str]:
    """What is wrong with ``pgbouncer_instances``, each with its remedy. No password is shown."""
    found = []
    for one in given:
        place = f"pgbouncer_instances, {one['name']}"
        names = [database["name"] for database in one["databases"]]
        found += [
            f"{place}: the database '{name}' is there twice. Give each its own name."
            for name in sorted({name for name in names if names.count(name) > 1})
        ]
        for database in one["databases"]:
            if not is_socket(str(database["host"])) and not one.get("ca_file"):
                found.append(
                    f"{place}: {database['name']} is reached by TCP at {database['host']}, and ca_file is empty. Name the file of the "
                    "authority that signed the server's certificate."
                )
            if not database["password"]:
                found.append(f"{place}: {database['name']} has no password, and the pooler has nothing to log in with.")
    return found


CONFIGURATION = "/etc/pgbouncer"


def directories(given: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """The directories of the instances, as host_config takes them."""
    return [{"path": f"{CONFIGURATION}/{one['name']}"} for one in given]


def files(given: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The files of the instances, as host_config takes them."""
    found = []
    for one in given:
        place = f"{CONFIGURATION}/{one['name']}"
        shared = {"vars": {"instance": dict(one), "clients": clients(one)}, "triggers": ["reload"]}
        found += [
            # Everybody may read it: a release asks how its pooler verifies the server.
            {"path": f"{place}/pgbouncer.ini", "template": "pgbouncer.ini.j2", **shared},
            {"path": f"{place}/hba.conf", "template": "hba.conf.j2", **shared},
            {"path": f"{place}/users.txt", "template": "users.txt.j2", "group": "pgbouncer", "mode": "0640", **shared},
            {
                "path": f"{place}/target.ini",
                "content": target(one),
                "group": "pgbouncer",
                "mode": "0640",
                "sensitive": True,
                "secrets": sorted({str(database["password"]) for database in one["databases"]}),
                "triggers": ["reload"],
            },
        ]
    return found


def units(given: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The units of the instances, as host_config takes them."""
    # Debian's own listens to TCP, and has no databases.
    found: list[dict[str, Any]] = [{"name": "pgbouncer.service", "enabled": False, "state": "stopped", "masked": True}]
    for one in given:
        for kind in ("socket", "service"):
            found.append({"name": f"pgbouncer@{one['name']}.{kind}", "enabled": True, "state": "started"})
    return found


def unpaused(results: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Why poolers could not be paused, a sentence for each host.

    Args:
        results: of ``pgbouncer_control`` with ``state: paused``, by host.
    """
    return [
        f"{host}: {found.get('busy') or found.get('msg') or 'unknown'}"
        for host, found in sorted(results.items())
        if not found.get("paused") and not found.get("skipped")
    ]


def noticed(
    paused: Mapping[str, Mapping[str, Any]], resumed: Mapping[str, Mapping[str, Any]], seconds: float
) -> list[str]:
    """What clients saw of a pause of the poolers beside that they waited, a sentence for each host.

    Args:
        paused: results of ``pgbouncer_control`` with ``state: paused``, by host.
        resumed: of it with ``state: resumed``.
        seconds: after which poolers go on by themselves.
    """
    late = [host for host, found in sorted(resumed.items()) if found.get("expired")]
    return [
        f"Requests were not held back, and those that came meanwhile failed. {said.rstrip('.')}."
        for said in unpaused(paused)
    ] + [
        f"{host}: this took longer than a pause may ({seconds:g} s, pgbouncer_resume_after), so the poolers went on before it was over, "
        "and requests failed from then on."
        for host in late
    ]


def moved(given: Sequence[Mapping[str, Any]], fact: Any) -> list[str]:
    """Poolers that a move has pointed at another server than the inventory names, each with what to do.

    Args:
        given: the instances that the inventory asks for.
        fact: what the host says of moves, by the name of the instance.
    """
    found = []
    for one in given:
        known = (fact if isinstance(fact, Mapping) else {}).get(one["name"]) or {}
        wanted = sorted({f"{database['host']}:{database['port']}" for database in one["databases"]})
        if known and wanted != known["to"]:
            mode = one["name"].partition("-")[0]
            other = "self_hosted" if mode == "rds" else "rds"
            found.append(
                f"The pooler {one['name']} was pointed at {', '.join(known['to'])} on {known['at']}, and the inventory says "
                f"{', '.join(wanted)} (database_mode: {mode}): what was written since then would be left behind. After a move write "
                f"'database_mode: {other}' in the place of 'database_mode: {mode}' into the inventory; after a change of the server's "
                f"name, the new database_host. Or move back: playbooks/database_move.yml -e to={mode}."
            )
    return found
