# SPDX-License-Identifier: MIT
"""The auto-scaling group of web hosts and its launch template: the group would start others for instances that are terminated."""

from __future__ import annotations

from ansible_collections.django_ec2.site.plugins.module_utils import web_autoscaling
from ansible_collections.django_ec2.site.plugins.module_utils.aws_terminate.scope import Scope, Step, Thing


def find_groups(scope: Scope) -> list[Thing]:
    """By its name and tags: another environment's name may begin as this one's."""
    group = web_autoscaling.find(scope.client("autoscaling"), f"{scope.name}-web")
    if not group or not scope.owns(group.get("Tags", [])):
        return []
    return [Thing("auto-scaling group", group["AutoScalingGroupName"], group["AutoScalingGroupName"])]


def remove_groups(scope: Scope, things: list[Thing]) -> None:
    """With its instances."""
    for one in things:
        web_autoscaling.remove(scope.client("autoscaling"), one.id, scope.seconds)


def find_templates(scope: Scope) -> list[Thing]:
    """What its instances started from."""
    filters = scope.filters(launch_template_name=[f"{scope.name}-web"])
    listed = scope.client("ec2").describe_launch_templates(Filters=filters)["LaunchTemplates"]
    return [Thing("launch template", one["LaunchTemplateId"], one["LaunchTemplateName"]) for one in listed]


def remove_templates(scope: Scope, things: list[Thing]) -> None:
    """All of its versions."""
    for one in things:
        scope.client("ec2").delete_launch_template(LaunchTemplateId=one.id)


STEPS = (Step(find_groups, remove_groups), Step(find_templates, remove_templates))
