# SPDX-License-Identifier: MIT
"""Filters of the roles aws_network, aws_database and aws_fleet: names for what plugin_utils/aws does."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.django_ec2.site.plugins.module_utils import aws_failures
from ansible_collections.django_ec2.site.plugins.plugin_utils.aws import (
    autoscaling,
    cost,
    images,
    layout,
    policies,
    problems,
    resize,
    scale,
)


def aws_endpoint_problems(rehearsal: bool, is_a_test: bool) -> list[str]:
    """Why this controller, with the endpoint that its environment names, may not work with an inventory."""
    return problems.endpoint_problems(os.environ, rehearsal, is_a_test)


def aws_cost(
    own: Mapping[str, Any],
    presets: Mapping[str, Any],
    compared: Sequence[str],
    region: str,
    path: str = "",
    files_gb: int = 10,
) -> dict[str, Any]:
    """What an environment costs in a month (plugin_utils/aws/cost.py)."""
    try:
        return cost.report(own, presets, compared, region, path, int(files_gb))
    except cost.CostError as error:
        raise AnsibleFilterError(str(error)) from error


def aws_tunnel_arguments(region: str, tags: Mapping[str, str]) -> str:
    """The words for ssh that lead over an EC2 Instance Connect Endpoint (tools/ec2_tunnel.py).

    Args:
        region: of AWS.
        tags: of the endpoint.
    """
    tool = Path(__file__).resolve().parents[6] / "tools/ec2_tunnel.py"
    words = [sys.executable, str(tool), "--region", region]
    for key, value in tags.items():
        words += ["--tag", f"{key}={value}"]
    # ssh fills in %h and %p, and takes %% for %.
    command = " ".join(shlex.quote(word.replace("%", "%%")) for word in words)
    return f"-o {shlex.quote(f'ProxyCommand={command} %h %p')}"


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Any]:
        return {
            "aws_alarms": layout.alarms,
            "aws_autoscaling": autoscaling.settings,
            "aws_autoscaling_most": autoscaling.most,
            "aws_autoscaling_networks": autoscaling.networks,
            "aws_autoscaling_problems": autoscaling.problems,
            "aws_autoscaling_user_data": autoscaling.user_data,
            "aws_cost": aws_cost,
            "aws_bucket_policy": policies.bucket_policy,
            "aws_database_resize": scale.database_resize,
            "aws_endpoint_problems": aws_endpoint_problems,
            "aws_environment": layout.environment,
            "aws_failure": aws_failures.explain,
            "aws_hosts": layout.hosts,
            "aws_hosts_of_groups": layout.hosts_of_groups,
            "aws_image_source": images.source,
            "aws_images_surplus": images.surplus,
            "aws_instance_policy": policies.instance_policy,
            "aws_module_rules": layout.module_rules,
            "aws_problems": problems.problems,
            "aws_profile": layout.profile,
            "aws_profiles": layout.profiles,
            "aws_resize": resize.resize_plan,
            "aws_resize_memory_problem": resize.resize_memory_problem,
            "aws_resize_order": resize.resize_order,
            "aws_resize_outage": resize.resize_outage,
            "aws_scale": scale.scale_plan,
            "aws_security_groups": layout.security_groups,
            "aws_subnets": layout.subnets,
            "aws_targets": layout.targets,
            "aws_tunnel_arguments": aws_tunnel_arguments,
            "aws_unlike": aws_failures.unlike,
        }
