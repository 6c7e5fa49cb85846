# SPDX-License-Identifier: MIT
"""Who may reach what: the variable ``network_flows`` for one environment, and for one host of it.

The role firewall makes rules of it, AWS security groups, and the audit the list of ports that are meant to be open.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

# Sources that are no groups of hosts.
WORLD, OPERATORS, BALANCER = "world", "operators", "balancer"
SOURCES = (WORLD, OPERATORS, BALANCER)
EVERYWHERE = ("0.0.0.0/0", "::/0")
ALL = "all"
# The group whose hosts may also come by themselves, from networks that are known before.
WEB = "web"
# The groups of a site; an inventory need not list those without hosts.
SITE_GROUPS = ("web", "database", "redis", "backup", "files")
PROTOCOLS = ("tcp", "udp")
KEYS = {"name", "from", "to", "port", "protocol", "when"}
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
LAST_PORT = 65535

Flow = dict[str, Any]


def resolve_flows(flows: Iterable[Mapping[str, Any]], groups: Collection[str]) -> list[Flow]:
    """The flows of an environment that has hosts in these groups.

    Args:
        flows: the variable ``network_flows``, filled in.
        groups: those that have hosts, or will have. ``world``, ``operators`` and ``balancer`` need not be among them.

    Returns:
        Each with ``name``, ``from`` (sources, never empty), ``to`` (a group, or ``all``), ``ports`` (numbers) and ``protocol``.
        What does not hold (``when``), and what a group without hosts would send or take, is left out.
    """
    found = []
    for flow in flows:
        sources = [one for one in flow["from"] if one in groups or is_network(one) or one in SOURCES]
        if not _holds(flow) or not sources or (flow["to"] != ALL and flow["to"] not in groups):
            continue
        found.append(
            {
                "name": flow["name"],
                "from": sources,
                "to": flow["to"],
                "ports": ports_of(flow),
                "protocol": flow.get("protocol") or "tcp",
            }
        )
    return found


def networks_of(sources: Iterable[str], members: Mapping[str, Sequence[str]]) -> list[str]:
    """The networks of the sources of a flow, IPv4 first, each once and none within another.

    Args:
        sources: ``from`` of a resolved flow.
        members: addresses and networks by source: of the groups, of ``operators`` and of ``balancer``.
    """
    wanted = []
    for source in sources:
        if source == WORLD:
            wanted += EVERYWHERE
        else:
            wanted += [source] if is_network(source) else members.get(source, [])
    networks = [ipaddress.ip_network(one, strict=False) for one in wanted]
    return [
        str(network)
        for version in (4, 6)
        for network in ipaddress.collapse_addresses(one for one in networks if one.version == version)
    ]


def host_rules(
    flows: Iterable[Mapping[str, Any]],
    groups: Mapping[str, Sequence[str]],
    host: str,
    variables: Mapping[str, Mapping[str, Any]],
) -> list[dict[str, Any]]:
    """Who is let into a host, as the role firewall takes it.

    Args:
        flows: the variable ``network_flows``, filled in for this host.
        groups: the hosts of each group of the inventory.
        host: its name.
        variables: of all hosts. Looked at are ``private_address`` of those that a flow comes from, and of this one
            ``network_operators``, ``nginx_trusted_proxies`` and ``web_networks``.

    Raises:
        ValueError: a host that a flow comes from has no address, and what to write.
    """
    own, found = variables[host], []
    for flow in resolve_flows(flows, {group for group, hosts in groups.items() if hosts}):
        if flow["to"] != ALL and host not in groups[flow["to"]]:
            continue
        members: dict[str, Sequence[str]] = {}
        for source in flow["from"]:
            # A host reaches itself without a rule.
            hosts = [one for one in groups.get(source, []) if one != host] if source not in (WORLD, OPERATORS) else []
            members[source] = [_address(one, variables) for one in hosts]
        if WEB in members:
            members[WEB] = [*members[WEB], *own.get("web_networks", [])]
        members[OPERATORS] = own.get("network_operators", EVERYWHERE)
        members[BALANCER] = [*members.get(BALANCER, []), *own.get("nginx_trusted_proxies", [])]
        if networks := networks_of(flow["from"], members):
            found.append({key: flow[key] for key in ("name", "ports", "protocol")} | {"networks": networks})
    return found


def _address(host: str, variables: Mapping[str, Mapping[str, Any]]) -> str:
    address = str(variables[host].get("private_address", ""))
    try:
        ipaddress.ip_address(address)
    except ValueError as error:
        raise ValueError(
            f"private_address of {host} is '{address}', and the rules of a firewall need an address: "
            f"write the one under which the other hosts see {host}, as in private_address: 10.0.1.15."
        ) from error
    return address


def ports_of(flow: Mapping[str, Any]) -> list[int]:
    """The ports of a flow: templates make a string of a number."""
    ports = flow["port"] if isinstance(flow["port"], (list, tuple)) else [flow["port"]]
    return [int(port) for port in ports]


def is_network(source: Any) -> bool:
    """Whether a source is an address or a network, and no name."""
    try:
        ipaddress.ip_network(str(source), strict=False)
    except ValueError:
        return False
    return True


def flow_problems(flows: Sequence[Any], known_groups: Collection[str]) -> list[str]:
    """What is wrong with ``network_flows``, each with what to write instead.

    Args:
        flows: the variable, filled in.
        known_groups: of the inventory, with hosts or without.
    """
    problems, names, known_groups = [], set(), {*known_groups, *SITE_GROUPS}
    for flow in flows:
        name = flow.get("name", "") if isinstance(flow, Mapping) else ""
        if not NAME.fullmatch(str(name)):
            problems.append(
                f"network_flows: {flow!r} has no name of letters, digits, - and _: "
                "write {name: metrics, from: [10.0.9.0/24], to: all, port: 9100}."
            )
            continue
        problems += [f"network_flows, {name}: {problem}." for problem in _problems_of(flow, known_groups)]
        if name in names:
            problems.append(f"network_flows: two flows are named {name}: give each its own name.")
        names.add(name)
    return problems


def network_problems(variable: str, networks: Any) -> list[str]:
    """What is wrong with a variable that lists networks."""
    if isinstance(networks, str) or not isinstance(networks, Sequence):
        return [f"{variable} must be a list: write [203.0.113.0/24]."]
    return [
        f"{variable}: {one!r} is no network: write one such as 203.0.113.0/24, or an address."
        for one in networks
        if not is_network(one)
    ]


def _problems_of(flow: Mapping[str, Any], known_groups: Collection[str]) -> list[str]:
    problems = [f"it has no key {key}" for key in ("from", "to", "port") if key not in flow]
    problems += [f"there is no key {key}; known are {', '.join(sorted(KEYS))}" for key in sorted(set(flow) - KEYS)]
    if problems or not _holds(flow):
        return problems
    known = f"known are {', '.join(sorted({*known_groups, *SOURCES}))}, or a network such as 10.0.9.0/24"
    if isinstance(flow["from"], str) or not flow["from"]:
        problems.append("from must be a list: write [world], a group or a network")
    else:
        problems += [
            f"from has {one!r}, which is no group: {known}"
            for one in flow["from"]
            if one not in known_groups and one not in SOURCES and not is_network(one)
        ]
    if flow["to"] != ALL and flow["to"] not in known_groups:
        problems.append(f"to is {flow['to']!r}, which is no group of the inventory: write one of them, or all")
    if (flow.get("protocol") or "tcp") not in PROTOCOLS:
        problems.append(f"protocol is {flow['protocol']!r}: write tcp or udp")
    try:
        wrong = [port for port in ports_of(flow) if not 0 < port <= LAST_PORT]
    except (TypeError, ValueError):
        wrong = [flow["port"]]
    return problems + [f"port {port!r} is none: write a number from 1 to {LAST_PORT}" for port in wrong]


def _holds(flow: Mapping[str, Any]) -> bool:
    """Whether the condition holds: what a template made of it may be a string."""
    return str(flow.get("when", True)).strip().lower() not in ("false", "", "none", "no", "0")
