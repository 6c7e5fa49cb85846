# SPDX-License-Identifier: MIT
"""Filters of the role rds_client: authorities of a region, and what preflight refuses."""

from __future__ import annotations

import ipaddress
import re
from typing import Any

ENDPOINT = re.compile(r"(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)+")
REGION = re.compile(r"\.([a-z]{2}(?:-[a-z]+)+-\d)\.rds\.amazonaws\.com(?:\.cn)?$")
PEM = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----\n?", re.DOTALL)


def rds_region(host: str) -> str:
    """The region in the name of an endpoint; empty where it has none."""
    found = REGION.search(host)
    return found[1] if found else ""


def rds_problems(given: dict[str, Any]) -> list[str]:
    """What preflight refuses of ``database_mode: rds``.

    Args:
        given: host, region, master_user, master_password, sslmode, authentication, and whether it is being renamed.
    """
    problems = []
    host = str(given["host"])
    # A restore or a promotion that was cut has left no instance of this name, and the playbook that goes on with it needs none.
    unknown = not host and given.get("renamed")
    if unknown:
        pass
    elif not host:
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
        if not given[key] and not unknown:
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
    return problems


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
            "rds_region": rds_region,
            "rds_problems": rds_problems,
            "rds_authorities": rds_authorities,
        }
