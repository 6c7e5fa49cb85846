# SPDX-License-Identifier: MIT
"""Filters about who may reach what."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.django_ec2.site.plugins.plugin_utils import network_flows


def firewall_rules(
    flows: Sequence[Mapping[str, Any]],
    groups: Mapping[str, Sequence[str]],
    host: str,
    variables: Mapping[str, Mapping[str, Any]],
) -> list[dict[str, Any]]:
    """Who is let into a host, for the role firewall.

    Raises:
        AnsibleFilterError: a host that a flow comes from has no address.
    """
    try:
        return network_flows.host_rules(flows, groups, host, variables)
    except ValueError as error:
        raise AnsibleFilterError(str(error)) from error


def network_problems(flows: Sequence[Any], known_groups: Collection[str], lists: Mapping[str, Any]) -> list[str]:
    """What is wrong with the flows, and with variables that list networks; each with what to write instead."""
    return network_flows.flow_problems(flows, known_groups) + [
        problem for name, networks in lists.items() for problem in network_flows.network_problems(name, networks)
    ]


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Any]:
        return {"firewall_rules": firewall_rules, "network_problems": network_problems}
