# SPDX-License-Identifier: MIT
"""Filters of playbooks/database_promote.yml."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.django_ec2.site.plugins.plugin_utils import promotion


def instances_of(hosts: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """The hosts that the inventory knows as instances of AWS (plugin aws_ec2), each with the instance's identifier."""
    return {
        str(host["inventory_hostname"]): str(host["instance_id"])
        for host in hosts
        if host.get("instance_id") and host.get("placement")
    }


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Any]:
        return {
            "instances_of": instances_of,
            "host_names": promotion.names,
            "predicted_states": promotion.predicted_states,
            "promotion_plan": promotion.promotion_plan,
            "without_hosts": promotion.without,
        }
