# SPDX-License-Identifier: MIT
"""Which of the database hosts takes writes, by what they say themselves.

The inventory lists the hosts; after a promotion it can't know which of them is the primary. With one host there is nothing to ask.
``states`` are what the module ``postgres_state`` returned, by host; one that could not be reached is missing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

States = Mapping[str, Mapping[str, Any]]
PROMOTE = "playbooks/database_promote.yml"


def primaries(hosts: Sequence[str], states: States) -> list[str]:
    """The hosts whose cluster takes writes, or would as soon as it is started.

    Where a major upgrade was cut in its decision, both hosts are open by their roles, and the newer says that it is live.
    """
    found = [host for host in hosts if states.get(host, {}).get("role") == "primary"]
    live = [host for host in found if (states[host].get("upgrade") or {}).get("state") == "live"]
    return live if live and all(host in live or host == states[live[0]]["upgrade"]["peer"] for host in found) else found


def aside(hosts: Sequence[str], states: States) -> list[str]:
    """The hosts that are none of the cluster: a major upgrade goes to them, or has left them (playbooks/database_upgrade.yml).

    A standby of one that was left is one, too.
    """
    found = {host for host in hosts if states.get(host, {}).get("role") in ("target", "left")}
    found |= {
        host
        for host in hosts
        if states.get(host, {}).get("role") == "standby" and states[host].get("upstream") in found
    }
    return [host for host in hosts if host in found]


def peers(hosts: Sequence[str], states: States, host: str) -> list[str]:
    """The host that follows this one in a major upgrade, or that this one follows: none, or one."""
    named = {str((states.get(host, {}).get("upgrade") or {}).get("peer", ""))}
    named |= {one for one in hosts if (states.get(one, {}).get("upgrade") or {}).get("peer") == host}
    return [one for one in hosts if one in named and one != host]


def primary_of(hosts: Sequence[str], states: States) -> str:
    """The host that takes writes: the one that says so; before there is a cluster, the first."""
    found = primaries(hosts, states)
    return found[0] if found else next(iter(hosts), "")


def standbys_of(hosts: Sequence[str], states: States, primary: str) -> list[str]:
    """The other hosts, in the inventory's order, that are standbys or that a run makes standbys.

    One that could not be asked is left out: it may be a primary that was given up, and nobody must be led there.
    """
    apart = aside(hosts, states)
    return [
        host
        for host in hosts
        if host != primary and host not in apart and states.get(host, {}).get("role") in ("standby", "copying", "none")
    ]


def not_following(states: States, primary: str) -> list[str]:
    """The other hosts of the cluster that do not receive the primary's log."""
    apart = aside(list(states), states)
    return [host for host, state in states.items() if host not in (primary, *apart) and not state.get("streaming")]


def primary_problems(hosts: Sequence[str], states: States, configured: str, recovers: bool = False) -> list[str]:
    """Why it can't be said who takes writes, each with the remedy.

    Args:
        hosts: of the group database.
        states: of those that answered.
        configured: the value of ``database_primary``.
        recovers: whether the run is the remedy of a damaged one.
    """
    found = primaries(hosts, states)
    if len(found) > 1:
        return [several_primaries(found, states)]
    if not recovers and (damaged := [host for host in found if states[host].get("damaged")]):
        return [f"{damaged[0]}: {states[damaged[0]]['damaged']}".replace("<this host>", damaged[0])]
    if found:
        if configured == found[0]:
            return []
        return [
            f"database_primary says {configured}, and the host that takes writes is {found[0]}. Take database_primary out of the "
            f"inventory: the hosts say it themselves. To make {configured} the primary, run {PROMOTE} -e to={configured}."
        ]
    away = [host for host in hosts if host not in states]
    there = [host for host in hosts if states.get(host, {}).get("role") in ("standby", "copying")]
    if there and away:
        return [
            f"{' and '.join(there)} can't take writes, and {' and '.join(away)} could not be reached. Bring the primary back, or make "
            f"{there[0]} the primary: {PROMOTE} -e to={there[0]} -e away={away[0]}."
        ]
    if there:
        return [
            f"No database host takes writes: {', '.join(there)} follow a primary that is not there. A promotion was cut, or the primary "
            f"left the inventory. Make one of them the primary: {PROMOTE} -e to={there[0]}."
        ]
    if away:
        return [
            f"{' and '.join(away)} could not be reached, so nobody knows whether there are databases already. Bring it back, or take it "
            "out of the inventory when it is gone for good."
        ]
    return []


def several_primaries(found: Sequence[str], states: States) -> str:
    """What to do about more than one that takes writes, by how they came about."""
    names = " and ".join(found)
    if len({states[host].get("system_identifier") for host in found}) > 1:
        empty = [host for host in found if not states[host].get("databases", True)]
        other = empty[0] if empty else found[-1]
        version = states[other].get("version", "<version>")
        return (
            f"{names} have databases of their own, which were never one. If {other} holds nothing that you need, remove its cluster there "
            f"(pg_dropcluster --stop {version} main), and this run makes it a standby. Otherwise take one of them out of the group."
        )
    newest = successor(found, states)
    if not newest:
        return (
            f"{names} both take writes, on {_timelines(found, states)}, and neither follows from the other. Stop PostgreSQL on the one "
            "whose rows may be lost, look there for what you need, and remove its cluster (pg_dropcluster)."
        )
    older = next(host for host in found if host != newest)
    return (
        f"{names} both take writes: {newest} was made the primary while {older} was away ({_timelines(found, states)}), and {older} came "
        f"back. Stop {older} at once if applications reach it (systemctl stop postgresql there). Rows that it took alone are lost when it "
        f"follows {newest}: {PROMOTE} -e to={newest} -e confirm_rewind={older}."
    )


def successor(found: Sequence[str], states: States) -> str:
    """The one of several primaries that was promoted from the others' timelines; empty where there is none."""
    for host in found:
        parents = [int(parent) for parent, _lsn in states[host].get("history") or []]
        others = [one for one in found if one != host]
        if others and all(int(states[one].get("timeline", 0)) in parents for one in others):
            return host
    return ""


def _timelines(found: Sequence[str], states: States) -> str:
    return ", ".join(f"{host} on timeline {states[host].get('timeline', '?')}" for host in found)
