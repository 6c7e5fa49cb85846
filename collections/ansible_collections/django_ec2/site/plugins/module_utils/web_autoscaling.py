# SPDX-License-Identifier: MIT
"""An auto-scaling group behind a target group, held at a share of CPU: compared with what is wanted, and brought to it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

METRIC = "ASGAverageCPUUtilization"
PAUSE_SECONDS = 5
# A refresh in one of these states goes on by itself.
UNDER_WAY = ("Pending", "InProgress", "Baking", "Cancelling", "RollbackInProgress")


class AutoscalingError(Exception):
    """Something that AWS does not do by itself; the text says what to do."""


class Call(NamedTuple):
    """One call that writes: the operation of boto3, its words, and what it does for people."""

    operation: str
    words: Mapping[str, Any]
    what: str


@dataclass(frozen=True)
class Wanted:
    """What a group is to be.

    Attributes:
        name: of the group.
        template: id of the launch template; empty where a check did not make it.
        version: of the template, a number.
        subnets: ids.
        target_groups: ARNs.
        least: instances that there always are.
        most: instances that there may be.
        cpu_percent: the average that they are held at.
        grace_seconds: before an instance that just started is held against its target's health.
        tags: of the group; instances get theirs from the template.
        refresh_percent: percent of the instances that there may be while they are replaced.
    """

    name: str
    template: str
    version: int
    subnets: Sequence[str]
    target_groups: Sequence[str]
    least: int
    most: int
    cpu_percent: int
    grace_seconds: int
    tags: Mapping[str, str]
    refresh_percent: int


def find(client: Any, name: str) -> dict[str, Any] | None:
    """The group of a name, as AWS describes it; None where there is none, and where it is being deleted."""
    found = client.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"]
    return found[0] if found else None


def instances(group: Mapping[str, Any] | None) -> list[str]:
    """Ids of the instances that a group has in service."""
    listed = (group or {}).get("Instances", [])
    return sorted(one["InstanceId"] for one in listed if one["LifecycleState"] == "InService")


def plan(
    group: Mapping[str, Any] | None, policies: Sequence[Mapping[str, Any]], refreshing: bool, wanted: Wanted
) -> tuple[list[Call], str]:
    """The calls that bring a group to what is wanted, in their order, and what is left to say.

    Args:
        group: as ``find`` gives it.
        policies: of the group.
        refreshing: whether its instances are being replaced now.
        wanted: what it is to be.
    """
    template = {"LaunchTemplateId": wanted.template, "Version": str(wanted.version)}
    fields = {
        "LaunchTemplate": template,
        "MinSize": wanted.least,
        "MaxSize": wanted.most,
        "VPCZoneIdentifier": ",".join(sorted(wanted.subnets)),
        "HealthCheckType": "ELB",
        "HealthCheckGracePeriod": wanted.grace_seconds,
    }
    named = {"AutoScalingGroupName": wanted.name}
    if group is None:
        tags = [_tag(wanted.name, key, value) for key, value in wanted.tags.items()]
        made = {**named, **fields, "TargetGroupARNs": list(wanted.target_groups), "Tags": tags}
        return [
            Call(
                "create_auto_scaling_group", made, f"make {wanted.name} with {wanted.least} to {wanted.most} instances"
            ),
            _policy(wanted),
        ], ""
    calls = [*_changes(group, fields, wanted), *_policies(policies, wanted)]
    old = [one for one in group.get("Instances", []) if not _of(one, template)]
    if old and not refreshing:
        preferences = {"MinHealthyPercentage": 100, "MaxHealthyPercentage": wanted.refresh_percent}
        words = {**named, "Strategy": "Rolling", "Preferences": preferences}
        calls.append(
            Call("start_instance_refresh", words, f"replace {len(old)} instances by those of the new template")
        )
    left = ""
    if old and refreshing:
        left = (
            f"{wanted.name} replaces its instances already. If some of an older template are left when that has ended, run this playbook "
            "again."
        )
    return calls, left


def _changes(group: Mapping[str, Any], fields: Mapping[str, Any], wanted: Wanted) -> list[Call]:
    """What of the group itself is not as it should be."""
    has = dict(group)
    has["VPCZoneIdentifier"] = ",".join(sorted(filter(None, str(group.get("VPCZoneIdentifier", "")).split(","))))
    own = group.get("LaunchTemplate") or {}
    has["LaunchTemplate"] = {key: own.get(key) for key in ("LaunchTemplateId", "Version")}
    other = {key: value for key, value in fields.items() if has.get(key) != value}
    named, calls = {"AutoScalingGroupName": wanted.name}, []
    if other:
        said = ", ".join(f"{key} {_text(has.get(key))} becomes {_text(value)}" for key, value in sorted(other.items()))
        calls.append(Call("update_auto_scaling_group", {**named, **other}, said))
    there, asked = set(group.get("TargetGroupARNs", [])), set(wanted.target_groups)
    if more := sorted(asked - there):
        words = {**named, "TargetGroupARNs": more}
        calls.append(Call("attach_load_balancer_target_groups", words, "register its instances at the balancer"))
    if less := sorted(there - asked):
        words = {**named, "TargetGroupARNs": less}
        calls.append(Call("detach_load_balancer_target_groups", words, f"take its instances out of {', '.join(less)}"))
    if stopped := sorted(one["ProcessName"] for one in group.get("SuspendedProcesses", [])):
        calls.append(Call("resume_processes", named, f"resume {', '.join(stopped)}"))
    tags = {one["Key"]: (one["Value"], one.get("PropagateAtLaunch", False)) for one in group.get("Tags", [])}
    if wrong := [
        _tag(wanted.name, key, value) for key, value in wanted.tags.items() if tags.get(key) != (value, False)
    ]:
        calls.append(Call("create_or_update_tags", {"Tags": wrong}, f"tag {', '.join(one['Key'] for one in wrong)}"))
    return calls


def _policies(policies: Sequence[Mapping[str, Any]], wanted: Wanted) -> list[Call]:
    """The one policy: somebody else's would pull the other way."""
    right = _policy(wanted)
    calls = [
        Call(
            "delete_policy",
            {"AutoScalingGroupName": wanted.name, "PolicyName": one["PolicyName"]},
            f"remove the policy {one['PolicyName']}, which is another one's",
        )
        for one in policies
        if one["PolicyName"] != right.words["PolicyName"]
    ]
    own = next((one for one in policies if one["PolicyName"] == right.words["PolicyName"]), None)
    tracking = (own or {}).get("TargetTrackingConfiguration") or {}
    is_right = (
        tracking.get("PredefinedMetricSpecification", {}).get("PredefinedMetricType") == METRIC
        and tracking.get("TargetValue") == float(wanted.cpu_percent)
        and not tracking.get("DisableScaleIn", False)
    )
    return calls if is_right else [*calls, right]


def _policy(wanted: Wanted) -> Call:
    tracking = {
        "PredefinedMetricSpecification": {"PredefinedMetricType": METRIC},
        "TargetValue": float(wanted.cpu_percent),
    }
    words = {
        "AutoScalingGroupName": wanted.name, "PolicyName": f"{wanted.name}-cpu", "PolicyType": "TargetTrackingScaling",
        "TargetTrackingConfiguration": tracking,
    }  # fmt: skip
    return Call("put_scaling_policy", words, f"hold them at {wanted.cpu_percent} % of CPU")


def _tag(name: str, key: str, value: str) -> dict[str, Any]:
    return {
        "ResourceId": name, "ResourceType": "auto-scaling-group", "Key": key, "Value": value, "PropagateAtLaunch": False,
    }  # fmt: skip


def _of(instance: Mapping[str, Any], template: Mapping[str, str]) -> bool:
    own = instance.get("LaunchTemplate") or {}
    return {key: str(own.get(key)) for key in template} == template


def _text(value: Any) -> str:
    if not isinstance(value, Mapping):
        return str(value)
    # In a check the template's next version has neither an id nor a number yet; a group without a template has None.
    return "the next version" if value.get("LaunchTemplateId") == "" else f"version {value.get('Version')}"


def resized(group: Mapping[str, Any] | None, least: int, most: int, name: str) -> list[Call]:
    """The call that gives a group other bounds, and as many instances as the lower one; none where it has them."""
    if group is None or (group["MinSize"], group["MaxSize"]) == (least, most):
        return []
    words = {"AutoScalingGroupName": name, "MinSize": least, "MaxSize": most, "DesiredCapacity": least}
    return [Call("update_auto_scaling_group", words, f"{name} has {least} to {most} instances")]


def is_refreshing(client: Any, name: str) -> bool:
    """Whether the instances of a group are being replaced."""
    listed = client.describe_instance_refreshes(AutoScalingGroupName=name)["InstanceRefreshes"]
    return any(one["Status"] in UNDER_WAY for one in listed)


def remove(client: Any, name: str, seconds: int) -> None:
    """Delete a group with its instances and policies, and wait until it is gone.

    Raises:
        AutoscalingError: it is still there after that time.
    """
    group = find(client, name)
    if group and group.get("Status") != "Delete in progress":
        client.delete_auto_scaling_group(AutoScalingGroupName=name, ForceDelete=True)
    deadline = time.monotonic() + seconds
    while find(client, name):
        if time.monotonic() > deadline:
            raise AutoscalingError(
                f"{name} has instances that did not end within {seconds} seconds: run the same playbook again."
            )
        time.sleep(PAUSE_SECONDS)


def remove_template(client: Any, name: str) -> None:
    """Delete a launch template, where it is there."""
    filters = [{"Name": "launch-template-name", "Values": [name]}]
    for one in client.describe_launch_templates(Filters=filters)["LaunchTemplates"]:
        client.delete_launch_template(LaunchTemplateId=one["LaunchTemplateId"])
