"""Filters of the role rds_client: connections that fit, authorities of a region, and what preflight refuses."""

from __future__ import annotations

import ipaddress
import math
import re
from typing import Any

# Memory (GiB) of the sizes of each family; DBInstanceClassMemory is what PostgreSQL's parameters are computed from.
SMALL = {"micro": 1, "small": 2, "medium": 4, "large": 8, "xlarge": 16, "2xlarge": 32}
GENERAL = {f"{factor}xlarge" if factor > 1 else "xlarge": 16 * factor for factor in (1, 2, 4, 8, 12, 16, 24)}
FAMILIES = {
    "t": SMALL,
    "m": {"large": 8, **GENERAL},
    "r": {"large": 16, **{size: 2 * memory for size, memory in GENERAL.items()}},
}
CLASS = re.compile(r"db\.([a-z])\d[a-z]*\.(\w+)")
ENDPOINT = re.compile(r"(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)+")
REGION = re.compile(r"\.([a-z]{2}(?:-[a-z]+)+-\d)\.rds\.amazonaws\.com(?:\.cn)?$")
# RDS: LEAST(DBInstanceClassMemory / 9531392, 5000).
BYTES_A_CONNECTION = 9531392
# Of them the server keeps 3 for its superuser and 2 for RDS; 5 are for operators: psql, a backup, this repository.
RESERVED = 10
# Migrations log in as the owner while the workers hold their connections.
OWNERS = 2
PEM = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----\n?", re.DOTALL)


def rds_max_connections(instance_class: str) -> int:
    """max_connections of an instance class by RDS's own formula, estimated low; 0 for a class that is not known here.

    Part of the nominal memory is the operating system's: about a tenth and 128 MB.
    """
    found = CLASS.fullmatch(instance_class)
    memory = FAMILIES.get(found[1], {}).get(found[2]) if found else None
    if not memory:
        return 0
    return min(5000, math.floor((memory * 0.9 - 0.125) * 1024**3 / BYTES_A_CONNECTION))


def rds_region(host: str) -> str:
    """The region in the name of an endpoint; empty where it has none."""
    found = REGION.search(host)
    return found[1] if found else ""


def rds_databases(applications: list[dict[str, Any]], hosts: int, processes: int) -> list[dict[str, Any]]:
    """The applications as entries of ``rds_client_databases``, each with the connections that it needs.

    A thread of a worker holds one connection. While a release is deployed, the workers of two releases run.

    Args:
        applications: what ``resolve_applications`` returned.
        hosts: how many web hosts there are.
        processes: workers of an application that does not say how many.
    """
    databases = []
    for one in applications:
        threads = (int(one["processes"]) or int(processes)) * int(one["threads"])
        # Services and timers hold one each.
        others = len(one.get("services") or []) + len(one.get("timers") or [])
        needed = 2 * int(hosts) * (threads + others)
        own = one["database"]
        keys = ("name", "user", "owner", "login", "password", "owner_password", "extensions")
        limit = int(own["connection_limit"])
        databases.append(
            {
                **{key: own.get(key) for key in keys},
                "connections": needed,
                "connection_limit": needed if limit < 0 else limit,
            }
        )
    return databases


def rds_connections(databases: list[dict[str, Any]]) -> int:
    """Connections that the server has to have for all of them."""
    return RESERVED + sum(int(one["connections"]) + OWNERS for one in databases)


def rds_connection_problems(databases: list[dict[str, Any]], available: int, where: str) -> list[str]:
    """Which connection limits do not fit, in sentences.

    Args:
        databases: what ``rds_databases`` returned.
        available: ``max_connections``; 0 is unknown.
        where: what says so, for the message.
    """
    problems = [
        f"applications.{one['name']}.database.connection_limit is {one['connection_limit']}, and its workers need "
        f"{one['connections']} (two releases run during a deploy). Raise it, or set fewer processes."
        for one in databases
        if int(one["connection_limit"]) < int(one["connections"])
    ]
    needed = rds_connections(databases)
    if available and needed > available:
        parts = ", ".join(f"{one['name']} {one['connections']}" for one in databases)
        problems.append(
            f"The applications may need {needed} connections ({parts}, {OWNERS} for each one's migrations, {RESERVED} in "
            f"reserve), and {where} has {available}. Set fewer processes or threads in applications, use fewer web hosts, or "
            "take a larger instance class."
        )
    return problems


def rds_problems(given: dict[str, Any]) -> list[str]:
    """What preflight refuses of ``database_mode: rds``.

    Args:
        given: host, master_user, master_password, sslmode, authentication, instance_class, max_connections, databases.
    """
    problems = []
    host = str(given["host"])
    if not host:
        problems.append(
            "database_mode is rds and rds_client_host is empty: give the endpoint that RDS shows, such as "
            "board.c1a2b3.eu-central-1.rds.amazonaws.com."
        )
    elif _is_address(host) or not ENDPOINT.fullmatch(host):
        problems.append(
            f"rds_client_host is '{host}': give the endpoint's name. An address changes with a failover, and no certificate "
            "carries it."
        )
    if given["sslmode"] != "verify-full":
        problems.append(
            f"database_sslmode is '{given['sslmode']}': it has to be verify-full, or somebody between could read along."
        )
    for key in ("master_user", "master_password"):
        if not given[key]:
            problems.append(
                f"rds_client_{key} is empty: give the master user's, from the vault or by a lookup (docs/database.md)."
            )
    if given["authentication"] not in ("password", "iam"):
        problems.append(f"database_auth is '{given['authentication']}': choose password or iam.")
    if given["authentication"] == "iam" and host and not given["region"]:
        problems.append(
            "database_auth is iam and rds_client_host has no region in its name, for which a token is signed: give the "
            "endpoint of RDS itself, or set rds_client_region."
        )
    instance_class = str(given["instance_class"])
    available = int(given["max_connections"]) or rds_max_connections(instance_class)
    if not available:
        what = "is empty" if not instance_class else f"'{instance_class}' is not known here"
        problems.append(
            f"rds_client_instance_class {what}: give the class, such as db.t4g.small, or the instance's own number as "
            "rds_client_max_connections (SHOW max_connections)."
        )
    return problems + rds_connection_problems(given["databases"], available, instance_class or "the instance")


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def rds_authorities(bundle: str, region: str = "") -> str:
    """The certificates of a bundle (PEM) that belong to a region: nobody else has to be trusted.

    All of them where none belongs to it, as in a bundle of one's own.
    """
    # Imported here: the other filters need no package.
    from cryptography import x509  # noqa: PLC0415

    parts = [found.group() for found in PEM.finditer(bundle)]
    chosen = []
    for part in parts if region else []:
        subject = x509.load_pem_x509_certificate(part.encode()).subject
        common = "".join(str(one.value) for one in subject.get_attributes_for_oid(x509.oid.NameOID.COMMON_NAME))
        if f" {region} " in common:
            chosen.append(part)
    return "".join(part if part.endswith("\n") else f"{part}\n" for part in chosen or parts)


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Any]:
        return {
            "rds_max_connections": rds_max_connections,
            "rds_region": rds_region,
            "rds_databases": rds_databases,
            "rds_connections": rds_connections,
            "rds_connection_problems": rds_connection_problems,
            "rds_problems": rds_problems,
            "rds_authorities": rds_authorities,
        }
