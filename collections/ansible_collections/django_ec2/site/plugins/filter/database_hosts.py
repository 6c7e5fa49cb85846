# SPDX-License-Identifier: MIT
"""Filters about several database hosts: which takes writes, and how the others follow it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.postgres.replication import SLOT_PREFIX
from ansible_collections.django_ec2.site.plugins.plugin_utils import database_hosts, upgrade
from jinja2 import Undefined

LEAST_KEEP_MB, MOST_KEEP_MB = 1024, 65536
DIRECTORY = "/etc/ssl/postgres"


def postgres_states(results: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """What each host said, by its name; of a loop over postgres_state. One that could not be reached is left out.

    Raises:
        ValueError: a host answered with an error, which is no answer.
    """
    found = {}
    for one in results:
        if one.get("failed"):
            raise ValueError(f"{one['item']} could not say what its PostgreSQL is: {one.get('msg')}")
        if not one.get("unreachable"):
            found[str(one["item"])] = {
                key: value for key, value in one.items() if key not in ("item", "invocation", "ansible_loop_var")
            }
    return found


def postgres_slot(host: str) -> str:
    """The name of a host's replication slot: small letters, digits and underscores are what PostgreSQL takes."""
    return (SLOT_PREFIX + re.sub(r"[^a-z0-9_]", "_", host.lower()))[:63]


def postgres_conninfo(primary: Sequence[Mapping[str, Any]], port: int, user: str, host: str) -> str:
    """How a standby reaches its primary; empty where it has none.

    Args:
        primary: the primary, ``name`` and ``address``, in a list of one.
        port: of its server.
        user: the role that may replicate.
        host: name of the standby, as the primary shows it.
    """
    if not primary:
        return ""
    words = {
        "host": primary[0]["name"], "hostaddr": primary[0]["address"], "port": int(port), "user": user, "sslmode": "verify-full",
        "sslrootcert": f"{DIRECTORY}/ca.pem", "sslcert": f"{DIRECTORY}/fullchain.pem", "sslkey": f"{DIRECTORY}/privkey.pem",
        "application_name": host, "connect_timeout": 10, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3,
    }  # fmt: skip
    return " ".join(f"{key}={value}" for key, value in words.items())


def postgres_slot_wal_keep(mounts: Iterable[Mapping[str, Any]], directory: str) -> int:
    """MB of log that a slot may keep: a tenth of the disk that the directory is on, in whole GB."""
    over = [one for one in mounts if f"{directory}/".startswith(f"{str(one.get('mount', '')).rstrip('/')}/")]
    size = max(over, key=lambda one: len(str(one["mount"])), default={}).get("size_total", 0)
    return int(min(MOST_KEEP_MB, max(LEAST_KEEP_MB, (int(size) // 10 >> 30) << 10)))


def database_primary(hosts: Sequence[str] | None, states: Mapping[str, Any] | None) -> str:
    """The host that takes writes, of several by what they said in this run; empty without a host.

    Raises:
        ValueError: there are several, and nobody asked them.
    """
    if len(hosts or []) > 1 and states is None:
        raise ValueError(
            "Which database host takes writes is not known yet: roles/postgres/tasks/find_primary.yml asks them, and has to come before."
        )
    return database_hosts.primary_of(hosts or [], states or {})


def database_standbys(hosts: Sequence[str] | None, states: Mapping[str, Any] | None, primary: str) -> list[str]:
    """The hosts that follow the primary, those that could be asked."""
    return database_hosts.standbys_of(hosts or [], states or {}, primary) if len(hosts or []) > 1 else []


def database_aside(hosts: Sequence[str] | None, states: Mapping[str, Any] | None) -> list[str]:
    """The hosts that are none of the cluster, as a major upgrade goes to them or has left them; with one host there is none."""
    return database_hosts.aside(hosts or [], states or {}) if len(hosts or []) > 1 else []


def database_peers(hosts: Sequence[str] | None, states: Mapping[str, Any] | None, host: str) -> list[str]:
    """The host that is this one's other half in a major upgrade: none, or one."""
    return database_hosts.peers(hosts or [], states or {}, host) if len(hosts or []) > 1 else []


def database_members(hosts: Iterable[Mapping[str, Any]]) -> list[dict[str, str]]:
    """``name`` and ``address`` of hosts, by their variables; an address that is not known is empty."""
    found = []
    for host in hosts:
        address = host.get("private_address")
        found.append(
            {
                "name": str(host["inventory_hostname"]),
                "address": "" if isinstance(address, Undefined) else str(address or ""),
            }
        )
    return found


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Any]:
        return {
            "database_aside": database_aside,
            "database_members": database_members,
            "database_peers": database_peers,
            "database_not_following": database_hosts.not_following,
            "database_primary": database_primary,
            "database_primary_problems": database_hosts.primary_problems,
            "database_standbys": database_standbys,
            "database_upgrade_backup_problems": upgrade.backup_problems,
            "database_upgrade_plan": upgrade.upgrade_plan,
            "postgres_conninfo": postgres_conninfo,
            "postgres_slot": postgres_slot,
            "postgres_slot_wal_keep": postgres_slot_wal_keep,
            "postgres_states": postgres_states,
        }
