"""The file system of EFS and the endpoint of SSH where an answer of AWS is lost on its way: the next run makes no second one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ansible_collections.amazon.aws.plugins.module_utils.policy import compare_policies
from ansible_collections.django_ec2.site.plugins.module_utils import efs_file_system, instance_connect
from botocore.exceptions import BotoCoreError

from lab.kinds.aws import control
from tests.aws.rehearsal import Endpoint, an_account

TAGS = {"Project": "shop", "Environment": "production"}


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """An empty account."""
    with an_account(tmp_path_factory) as made:
        yield made


@pytest.fixture(scope="module")
def network(account: Endpoint) -> dict[str, list[str]]:
    """A VPC with two subnets and a security group."""
    ec2 = account.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.20.{at}.0/20", AvailabilityZone=f"{control.REGION}{zone}")["Subnet"]
        for at, zone in ((0, "a"), (16, "b"))
    ]
    group = ec2.create_security_group(GroupName="files", Description="files", VpcId=vpc)["GroupId"]
    return {"vpc": [vpc], "subnets": [one["SubnetId"] for one in subnets], "groups": [group]}


def test_a_lost_answer_makes_no_second_file_system_and_no_second_mount_target(
    account: Endpoint, network: dict[str, list[str]]
) -> None:
    wanted = efs_file_system.Wanted("shop-production", TAGS, network["subnets"], network["groups"])

    def run() -> list[str]:
        client = account.client("efs")
        if not efs_file_system.find(client, wanted.name):
            efs_file_system.create(client, wanted, 30)
        found = efs_file_system.find(client, wanted.name)
        assert found
        steps = efs_file_system.plan(found, wanted, compare_policies)
        efs_file_system.apply(client, steps)
        return [step.call for step in steps]

    for action in ("CreateFileSystem", "PutFileSystemPolicy", "CreateMountTarget"):
        account.fault(service="elasticfilesystem", action=action, lost=True)
        with pytest.raises(BotoCoreError):
            run()
    assert run() == ["create_mount_target"]
    assert run() == []
    efs = account.client("efs")
    (one,) = efs.describe_file_systems()["FileSystems"]
    assert len(efs.describe_mount_targets(FileSystemId=one["FileSystemId"])["MountTargets"]) == 2
    # Whoever had the answer to the first call lost, and asks again in the same run, gets the one that there is.
    assert efs_file_system.create(efs, wanted, 30) == one["FileSystemId"]
    step = efs_file_system.Step(
        "create_mount_target", {"FileSystemId": one["FileSystemId"], "SubnetId": network["subnets"][0]}, ""
    )
    efs_file_system.apply(efs, [step])
    assert efs_file_system.wait(efs, wanted.name, 30) == one["FileSystemId"]


def test_a_lost_answer_makes_no_second_endpoint(account: Endpoint, network: dict[str, list[str]]) -> None:
    ec2, (vpc,) = account.client("ec2"), network["vpc"]

    def run() -> list[str]:
        there = instance_connect.find(ec2, vpc)
        steps = list(instance_connect.plan(there, "shop", TAGS, network["subnets"][0], network["groups"]))
        for step in steps:
            getattr(ec2, step.call)(**step.words)
        return [step.call for step in steps]

    account.fault(action="CreateInstanceConnectEndpoint", lost=True)
    with pytest.raises(BotoCoreError):
        run()
    assert run() == []
    assert len(ec2.describe_instance_connect_endpoints()["InstanceConnectEndpoints"]) == 1
