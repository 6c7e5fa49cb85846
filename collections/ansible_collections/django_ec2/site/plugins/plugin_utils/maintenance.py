# SPDX-License-Identifier: MIT
"""Sites in maintenance: who said so last, what a host keeps of it, and what a run says of it at its end.

`playbooks/maintenance.yml` leaves a statement on each web host, in its facts. The newest statement of all hosts counts, so a host that was
away, or is new, follows the others with the next run that reads the facts.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

# Of a site: `on`, `at` (seconds since the epoch) and `by` (who said it).
Statements = dict[str, dict[str, Any]]

# nginx looks for a file of the site's name at each request, and no statement needs a reload.
DIRECTORY = "/var/lib/nginx-maintenance"
FACT = "/etc/ansible/facts.d/maintenance.fact"
NEVER: dict[str, Any] = {"on": False, "at": 0, "by": ""}


def known(host: Mapping[str, Any]) -> Statements:
    """What a host said of its sites when its facts were read; a site that is not in it is none that its nginx has."""
    found = (host.get("ansible_local") or {}).get("maintenance")
    return {str(site): dict(one) for site, one in found.items()} if isinstance(found, Mapping) else {}


def newest(hosts: Iterable[Mapping[str, Any]]) -> Statements:
    """The newest statement about each site.

    Args:
        hosts: variables of all web hosts.
    """
    found: Statements = {}
    for host in hosts:
        for site, one in known(host).items():
            if one.get("at", 0) >= found.get(site, NEVER)["at"]:
                found[site] = {**NEVER, **one}
    return found


def decided(statements: Mapping[str, Mapping[str, Any]], site: str, on: bool, at: float, by: str) -> Statements:
    """The statements with a new one, unless it says what the newest one says already."""
    after = {name: dict(one) for name, one in statements.items()}
    if after.get(site, NEVER)["on"] != on:
        after[site] = {"on": on, "at": int(at), "by": by}
    return after


def kept(statements: Mapping[str, Mapping[str, Any]], sites: Sequence[Mapping[str, Any]]) -> Statements:
    """What a host with these sites keeps of the statements."""
    return {site["name"]: {**NEVER, **statements.get(site["name"], {})} for site in sites}


def files(statements: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The files by which nginx knows which sites are in maintenance, as entries of host_config's ``files``."""
    return [
        {"path": f"{DIRECTORY}/{site}", "content": f"Since {_moment(one['at'])}, by {one['by']}.\n"}
        for site, one in sorted(statements.items())
        if one["on"]
    ]


def off_problem(site: str, declared: bool) -> str:
    """Why a maintenance can't be ended by the playbook; empty where it can."""
    if not declared:
        return ""
    return (
        f"applications.{site}.maintenance is true, and what stands there holds until it is changed: take it out of the entry, and run "
        "ansible-playbook site.yml --tags nginx."
    )


def absent_problems(hosts: Sequence[Mapping[str, Any]], site: str) -> list[str]:
    """Hosts whose nginx does not know the site yet, or does not look for its maintenance."""
    return [
        f"nginx of {host.get('inventory_hostname', '?')} does not serve {site} yet: run ansible-playbook site.yml --tags nginx first."
        for host in hosts
        if site not in known(host)
    ]


def notes(hosts: Sequence[Mapping[str, Any]], sites: Sequence[Mapping[str, Any]]) -> list[str]:
    """What a run says at its end of sites that visitors can't reach.

    Args:
        hosts: variables of the web hosts.
        sites: the sites, as ``nginx_sites`` has them.
    """
    statements, found = newest(hosts), []
    for site in sites:
        name, said = site["name"], statements.get(site["name"], NEVER)
        if site.get("maintenance"):
            found.append(f"{name} is in maintenance, for applications.{name}.maintenance is true: visitors get 503.")
        elif said["on"]:
            found.append(
                f"{name} is in maintenance since {_moment(said['at'])}, by {said['by']}: visitors get 503. "
                f"ansible-playbook playbooks/maintenance.yml -e app={name} -e maintenance=off ends it."
            )
    return found


def _moment(at: float) -> str:
    return datetime.datetime.fromtimestamp(at, datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
