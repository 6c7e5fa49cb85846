# SPDX-License-Identifier: MIT
"""Auto-scaling groups as AWS has them: what moto's lack, put right in its own classes.

A group starts instances with all that its launch template says, in each of its subnets; an instance keeps the version that it started
from; and a refresh replaces those of an older one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from moto.autoscaling.models import (
    ASG_NAME_TAG,
    AutoScalingBackend,
    FakeAutoScalingGroup,
    InstanceState,
    TerminateInstanceActivity,
)
from moto.autoscaling.responses import AutoScalingResponse
from moto.core.responses import ActionResult
from moto.core.types import Base64EncodedString
from moto.core.utils import utcnow
from moto.ec2.models.instances import MetadataOptions
from moto.ec2.models.launch_templates import LaunchTemplate, LaunchTemplateBackend

IN_PROGRESS, SUCCESSFUL = "InProgress", "Successful"
IN_SERVICE, LEAVING = "InService", "Terminating:Wait"


@dataclass
class Refresh:
    """Instances of a group are replaced by those of its present template."""

    id: str
    started: Any
    status: str = IN_PROGRESS


def put() -> None:
    """What holds whether or not hosts stand behind the instances."""
    _templates_as_they_were_given()
    _instances_of_a_template()
    _instances_that_come_and_go()
    _refreshes()
    _targets_of_those_that_come()


def with_hosts() -> None:
    """Hosts need time: an instance that leaves finishes its requests first, and a refresh goes on in a loop (`lab.kinds.aws.groups`)."""
    _ways.update(go=leave, begin=lambda _backend, _group, _refresh: None)


def _instances_that_come_and_go() -> None:
    """What leaves a group leaves its target groups, too, and those in service are their targets."""

    def set_desired_capacity(self: Any, new_capacity: int | None) -> None:
        self.desired_capacity = self.min_size if new_capacity is None else new_capacity
        active = self.active_instances()
        if len(active) < (self.desired_capacity or 0):
            self.replace_autoscaling_group_instances(self.desired_capacity - len(active), self.get_propagated_tags())
        free = [one for one in active if not one.protected_from_scale_in]
        for state in free[: max(0, len(active) - self.desired_capacity)]:
            _ways["go"](self.autoscaling_backend, self, state)
        if self.name in self.autoscaling_backend.autoscaling_groups:
            self.autoscaling_backend.update_attached_target_groups(self.name)

    def delete_auto_scaling_group(self: Any, group_name: str) -> None:
        group = self.describe_auto_scaling_groups([group_name])[0]
        for state in list(group.instance_states):
            end(self, group, state)
        del self.autoscaling_groups[group_name]

    def update_attached_target_groups(self: Any, group_name: str) -> None:
        group = self.autoscaling_groups[group_name]
        for arn in group.target_group_arns:
            port = self.elbv2_backend.target_groups[arn].port
            # One that still boots is refused; the loop comes back for it.
            running = [one for one in group.active_instances() if one.instance.state == "running"]
            self.elbv2_backend.register_targets(arn, [{"Id": one.instance.id, "Port": port} for one in running])

    def terminate_instance(self: Any, instance_id: str, should_decrement: bool) -> Any:
        group, state = next(
            (group, one)
            for group in self.autoscaling_groups.values()
            for one in group.instance_states
            if one.instance.id == instance_id
        )
        before = group.desired_capacity
        _ways["go"](self, group, state)
        group.set_desired_capacity(before - 1 if should_decrement else before)
        return TerminateInstanceActivity(state.instance, before)

    AutoScalingBackend.terminate_instance = terminate_instance
    FakeAutoScalingGroup.set_desired_capacity = set_desired_capacity
    AutoScalingBackend.delete_auto_scaling_group = delete_auto_scaling_group
    AutoScalingBackend.update_attached_target_groups = update_attached_target_groups


def leave(backend: Any, group: Any, state: Any) -> None:
    """Take an instance out of service: it gets no further requests."""
    state.lifecycle_state = LEAVING
    for arn in group.target_group_arns:
        backend.elbv2_backend.deregister_targets(arn, [{"Id": state.instance.id}])


def end(backend: Any, group: Any, state: Any) -> None:
    """Terminate an instance; nothing takes its place by that."""
    group.instance_states.remove(state)
    if state.instance.state not in ("terminated", "shutting-down"):
        backend.ec2_backend.terminate_instances([state.instance.id])
    backend.elbv2_backend.notify_terminate_instances([state.instance.id])


def _templates_as_they_were_given() -> None:
    """Tags of a template are none of its instances', and later versions have user data as the first one has."""
    create, version = LaunchTemplateBackend.create_launch_template, LaunchTemplate.create_version

    def create_launch_template(self: Any, name: str, description: str, template_data: Any, tag_spec: Any) -> Any:
        own = [one for one in template_data.get("TagSpecifications", []) if one["ResourceType"] != "launch-template"]
        data = {key: value for key, value in template_data.items() if key != "TagSpecifications" and value is not None}
        return create(self, name, description, {**data, **({"TagSpecifications": own} if own else {})}, tag_spec)

    def create_version(self: Any, data: dict[str, Any], description: str) -> Any:
        if isinstance(data.get("UserData"), str):
            data = {**data, "UserData": Base64EncodedString(data["UserData"])}
        return version(self, data, description)

    LaunchTemplateBackend.create_launch_template, LaunchTemplate.create_version = create_launch_template, create_version


def _instances_of_a_template() -> None:
    """Each instance has the profile and the metadata options of its template, is in the emptiest subnet, and keeps its version."""

    def replace(self: Any, count_needed: int, propagated_tags: dict[str, str]) -> None:
        template = self.ec2_launch_template.get_version(self.launch_template_version)
        ec2, data = self.autoscaling_backend.ec2_backend, template.data
        for _ in range(count_needed):
            subnets = self.vpc_zone_identifier.split(",")
            used = [one.instance.subnet_id for one in self.instance_states]
            subnet = min(subnets, key=used.count)
            named = {"LaunchTemplateId": template.template.id, "Version": str(template.number)}
            made = ec2.run_instances(
                template.image_id, 1, template.user_data, [], instance_type=template.instance_type, is_instance_type_default=False,
                tags={"instance": {**propagated_tags, **template.instance_tags, ASG_NAME_TAG: self.name}}, launch_template=named,
                subnet_id=subnet, placement=ec2.get_subnet(subnet).availability_zone, region_name=ec2.region_name,
            ).instances[0]  # fmt: skip
            made.metadata_options = MetadataOptions(data.get("MetadataOptions"))
            made.autoscaling_group = self
            profile = data.get("IamInstanceProfile", {})
            if profile:
                ec2.associate_iam_instance_profile(made.id, profile.get("Name"), profile.get("Arn"))
            state = InstanceState(made, protected_from_scale_in=self.new_instances_protected_from_scale_in)
            state.lab_version = str(template.number)
            self.instance_states.append(state)

    def launch_template(self: Any) -> dict[str, str] | None:
        own = self.auto_scaling_group.ec2_launch_template
        if own is None:
            return None
        version = getattr(self, "lab_version", str(own.default_version_number))
        return {"LaunchTemplateId": own.id, "LaunchTemplateName": own.name, "Version": version}

    FakeAutoScalingGroup.replace_autoscaling_group_instances = replace
    InstanceState.launch_template = property(launch_template)


def _refreshes() -> None:
    """StartInstanceRefresh and DescribeInstanceRefreshes. Without hosts a refresh ends before it is answered."""

    def start_instance_refresh(self: Any) -> ActionResult:
        group = self.autoscaling_backend.autoscaling_groups[self._get_param("AutoScalingGroupName")]
        refresh = Refresh(f"refresh-{len(refreshes(group)) + 1}", utcnow())
        group.lab_refreshes = [*refreshes(group), refresh]
        _ways["begin"](self.autoscaling_backend, group, refresh)
        return ActionResult({"InstanceRefreshId": refresh.id})

    def describe_instance_refreshes(self: Any) -> ActionResult:
        group = self.autoscaling_backend.autoscaling_groups[self._get_param("AutoScalingGroupName")]
        listed = [
            {
                "InstanceRefreshId": one.id, "AutoScalingGroupName": group.name, "Status": one.status, "StartTime": one.started,
                "PercentageComplete": 100 if one.status == SUCCESSFUL else 0,
            }
            for one in reversed(refreshes(group))
        ]  # fmt: skip
        return ActionResult({"InstanceRefreshes": listed})

    AutoScalingResponse.start_instance_refresh = start_instance_refresh
    AutoScalingResponse.describe_instance_refreshes = describe_instance_refreshes


def refreshes(group: Any) -> list[Refresh]:
    """Those of a group, the oldest first."""
    return list(getattr(group, "lab_refreshes", []))


def old(group: Any) -> list[Any]:
    """The instances of a group that did not start from its present template."""
    version = str(group.ec2_launch_template.get_version(group.launch_template_version).number)
    return [one for one in group.instance_states if one.launch_template["Version"] != version]


def _replace_at_once(backend: Any, group: Any, refresh: Refresh) -> None:
    """Where no hosts stand behind the instances."""
    for state in old(group):
        end(backend, group, state)
    group.set_desired_capacity(group.desired_capacity)
    refresh.status = SUCCESSFUL


# How an instance goes, and how a refresh begins.
_ways: dict[str, Any] = {"go": end, "begin": _replace_at_once}


def _targets_of_those_that_come() -> None:
    """What takes the place of an instance that somebody terminated is a target, too."""
    plain = AutoScalingBackend.notify_terminate_instances

    def notify(self: Any, instance_ids: list[str]) -> None:
        plain(self, instance_ids)
        for name in self.autoscaling_groups:
            self.update_attached_target_groups(name)

    AutoScalingBackend.notify_terminate_instances = notify
