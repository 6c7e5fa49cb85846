"""The auto-scaling group of web hosts on an account without hosts behind it: made once, mended, given another image, stopped, removed."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.aws import environments
from tests.aws.policies import compare
from tests.aws.rehearsal import Endpoint, an_account

NAME = "django-production-web"
GROUP = {"min": 2, "max": 4, "cpu_percent": 60}
BUCKET = "django-production-releases-123456789012"
# Rights of the policy that no call of this test asks for.
WITHOUT_CALL: dict[str, str] = {}


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """An empty account."""
    with an_account(tmp_path_factory) as made:
        yield made


class Environment:
    """An environment of production, and its settings."""

    def __init__(self, account: Endpoint, place: Path) -> None:
        self.account = account
        self.settings = {**environments.make_small(account), "release_bucket": BUCKET}
        self.inventory = environments.inventory(place, self.settings)
        self.ec2, self.scaling, self.elb = (account.client(one) for one in ("ec2", "autoscaling", "elbv2"))

    def run(self, playbook: str, *words: str, **changes: Any) -> Any:
        """Run a playbook with these changes of the settings, which stay."""
        self.settings |= changes
        (self.inventory / "group_vars/env_production/own.yml").write_text(yaml.safe_dump(self.settings))
        return self.account.playbook(playbook, self.inventory, *words)

    def image(self, number: int, **tags: str) -> str:
        """What aws_image.yml makes."""
        host = environments.host_instances(self.account)["web2"]["InstanceId"]
        made = self.ec2.create_image(InstanceId=host, Name=f"{NAME}-{number}")["ImageId"]
        own = {"Project": "django", "Environment": "production", **tags}
        self.ec2.create_tags(Resources=[made], Tags=[{"Key": key, "Value": value} for key, value in own.items()])
        return str(made)

    def group(self) -> dict[str, Any]:
        """The group, as AWS describes it; empty where there is none."""
        found = self.scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[NAME])["AutoScalingGroups"]
        return dict(found[0]) if found else {}

    def instances(self) -> list[dict[str, Any]]:
        """Its instances, as EC2 describes them."""
        ids = [one["InstanceId"] for one in self.group().get("Instances", [])]
        if not ids:
            return []
        return [
            one for each in self.ec2.describe_instances(InstanceIds=ids)["Reservations"] for one in each["Instances"]
        ]

    def targets(self) -> set[str]:
        """The instances at the balancer."""
        arn = self.elb.describe_target_groups()["TargetGroups"][0]["TargetGroupArn"]
        listed = self.elb.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
        return {one["Target"]["Id"] for one in listed}

    def hosts(self) -> set[str]:
        """The instances of the inventory."""
        found = environments.host_instances(self.account)
        return {found[name]["InstanceId"] for name in ("web1", "web2")}


def words(done: Any) -> str:
    return re.sub(r"\s+", " ", done.stdout + done.stderr)


def what_changed(done: Any) -> list[str]:
    tasks = re.split(r"^TASK \[", done.stdout, flags=re.MULTILINE)[1:]
    return [task.partition("]")[0] for task in tasks if re.search(r"^changed: ", task, re.MULTILINE)]


@pytest.mark.aws
def test_a_group_is_made_once_kept_and_removed(account: Endpoint, tmp_path: Path) -> None:
    """One test, as the steps build on each other."""
    own = Environment(account, tmp_path / "inventory")
    refused = own.run("aws_provision", aws_web_autoscaling=GROUP)
    assert refused.returncode != 0
    assert "needs an image that its instances start from: run site.yml" in words(refused)
    refused = own.run("aws_provision", aws_fleet_image=own.image(1))
    assert "was baked before its host was prepared for it" in words(refused)
    assert own.group() == {}

    first = own.image(2, Follows="bucket")
    begun, before = len(account.calls()), len(account.writes())
    checked = own.run("aws_provision", "--check", aws_fleet_image=first)
    assert environments.changed(checked) > 0
    assert f"make {NAME} with 2 to 4 instances" in words(checked)
    assert account.writes()[before:] == []

    assert environments.changed(own.run("aws_provision")) > 0
    is_as_the_settings_say(own, first)
    before = len(account.writes())
    for again in ([], ["--check"]):
        done = own.run("aws_provision", *again)
        assert environments.changed(done) == 0, done.stdout
    assert account.writes()[before:] == []

    by_hand = len(account.calls())
    spoil(own)
    spoilt = len(account.calls())
    before = len(account.writes())
    shown = own.run("aws_provision", "--check")
    assert what_changed(shown) == ["aws_fleet : Autoscaling | Make the group"], shown.stdout
    assert "MaxSize 9 becomes 4" in words(shown)
    assert "resume Terminate" in words(shown)
    assert account.writes()[before:] == []
    environments.changed(own.run("aws_provision"))
    is_as_the_settings_say(own, first)

    # Another image takes the place of the first: all instances are of it, and the next run has nothing to do.
    old = {one["InstanceId"] for one in own.instances()}
    second = own.image(3, Follows="bucket")
    told = words(own.run("aws_provision", "--check", aws_fleet_image=second))
    assert "becomes the next version" in told and "replace 2 instances by those of the new template" in told
    told = own.run("aws_provision")
    assert "replace 2 instances by those of the new template" in words(told)
    is_as_the_settings_say(own, second)
    assert not old & {one["InstanceId"] for one in own.instances()}
    before = len(account.writes())
    assert environments.changed(own.run("aws_provision")) == 0
    assert account.writes()[before:] == []

    is_stopped_and_started(own)
    gone = own.run("aws_provision", aws_web_autoscaling={})
    assert environments.changed(gone) == 1, what_changed(gone)
    assert (own.group(), own.targets()) == ({}, own.hosts())
    assert own.ec2.describe_launch_templates()["LaunchTemplates"] == []
    calls = account.calls()
    own_calls = calls[begun:by_hand] + calls[spoilt:]
    asked = [one for one in own_calls if one["service"] == "autoscaling" or "LaunchTemplate" in one["action"]]
    compare("aws_autoscaling", asked, WITHOUT_CALL)


def is_as_the_settings_say(own: Environment, image: str) -> None:
    """Ask AWS's API for all that matters, and not the modules that made it."""
    group = own.group()
    assert (group["MinSize"], group["MaxSize"], group["HealthCheckType"]) == (2, 4, "ELB")
    assert group["SuspendedProcesses"] == []
    assert {one["Key"] for one in group["Tags"]} == {"Project", "Environment"}
    policies = own.scaling.describe_policies(AutoScalingGroupName=NAME)["ScalingPolicies"]
    assert [one["TargetTrackingConfiguration"]["TargetValue"] for one in policies] == [60.0]
    instances = own.instances()
    assert len(instances) == 2
    assert len({one["SubnetId"] for one in instances}) == 2
    for one in instances:
        assert (one["ImageId"], one["InstanceType"], one["KeyName"]) == (image, "t3.small", "django-production")
        assert one["IamInstanceProfile"]["Arn"].endswith("/django-production-web")
        assert one["MetadataOptions"]["HttpTokens"] == "required"
        tags = {tag["Key"]: tag["Value"] for tag in one["Tags"]}
        # The inventory lists what has the tag Environment.
        assert (tags["Name"], tags["Project"], "Environment" in tags) == (NAME, "django", False)
        asked = own.ec2.describe_instance_attribute(InstanceId=one["InstanceId"], Attribute="userData")
        told = base64.b64decode(asked["UserData"]["Value"]).decode().partition("\n")[2]
        assert json.loads(json.loads(told)["write_files"][0]["content"])["bucket"] == BUCKET
    assert own.targets() == own.hosts() | {one["InstanceId"] for one in instances}


def spoil(own: Environment) -> None:
    """What a person changes by hand."""
    own.scaling.update_auto_scaling_group(AutoScalingGroupName=NAME, MaxSize=9, HealthCheckType="EC2")
    own.scaling.suspend_processes(AutoScalingGroupName=NAME, ScalingProcesses=["Terminate"])
    own.scaling.delete_policy(AutoScalingGroupName=NAME, PolicyName=f"{NAME}-cpu")
    own.scaling.put_scaling_policy(
        AutoScalingGroupName=NAME, PolicyName="mine", AdjustmentType="ChangeInCapacity", ScalingAdjustment=1
    )
    own.scaling.delete_tags(
        Tags=[{"ResourceId": NAME, "ResourceType": "auto-scaling-group", "Key": "Project", "Value": "django"}]
    )
    other = own.elb.create_target_group(Name="other", Protocol="HTTP", Port=80, VpcId=own.instances()[0]["VpcId"])
    arn = other["TargetGroups"][0]["TargetGroupArn"]
    mine = own.group()["TargetGroupARNs"]
    own.scaling.attach_load_balancer_target_groups(AutoScalingGroupName=NAME, TargetGroupARNs=[arn])
    own.scaling.detach_load_balancer_target_groups(AutoScalingGroupName=NAME, TargetGroupARNs=mine)


def is_stopped_and_started(own: Environment) -> None:
    """At night the group has nobody."""
    before = len(own.account.writes())
    assert own.run("aws_power", "-e", "power=stopped", "--check").returncode == 0
    assert own.account.writes()[before:] == []
    assert own.run("aws_power", "-e", "power=stopped").returncode == 0
    assert (own.group()["MaxSize"], own.instances()) == (0, [])
    assert own.run("aws_power", "-e", "power=running").returncode == 0
    assert (own.group()["MinSize"], own.group()["MaxSize"], len(own.instances())) == (2, 4, 2)
