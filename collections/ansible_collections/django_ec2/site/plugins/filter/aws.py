# SPDX-License-Identifier: MIT
"""Filters of an environment on AWS: names for what plugin_utils/aws does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.django_ec2.site.plugins.plugin_utils.aws import cost, layout


def aws_cost(
    own: Mapping[str, Any], presets: Mapping[str, Any], compared: Sequence[str], region: str, path: str = ""
) -> dict[str, Any]:
    """What an environment costs in a month (plugin_utils/aws/cost.py)."""
    try:
        return cost.report(own, presets, compared, region, path)
    except cost.CostError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Any]:
        return {
            "aws_cost": aws_cost,
            "aws_hosts": layout.hosts,
            "aws_subnets": layout.subnets,
        }
