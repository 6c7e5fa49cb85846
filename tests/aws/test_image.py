"""playbooks/aws_image.yml on an account without hosts behind it: which calls it makes, what it leaves, and what it goes on with."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.kinds.aws import control
from tests.aws import environments
from tests.aws.policies import compare
from tests.aws.rehearsal import PUBLIC_KEY, Endpoint
from tests.aws.test_terminate import left, listed, terminate

NAME = "django-production"
SETTINGS = {
    "aws_endpoint_is_a_test": True,
    "aws_fleet_certificate": "arn:aws:acm:eu-central-1:123456789012:certificate/board",
    "aws_fleet_images_kept": 1,
    "aws_fleet_public_key": PUBLIC_KEY,
    "aws_preset": "small",
    "network_operators": ["203.0.113.0/24"],
    "nginx_tls_mode": "none",
}

# Rights that AWS asks for beside those of a call.
WITHOUT_CALL = {"ec2:CreateTags": "tags of images, snapshots and the copy, which are made with them"}


@pytest.fixture
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """Two web hosts with encrypted disks."""
    home = tmp_path_factory.mktemp("lab") / "aws"
    found = Endpoint(home, control.start_at(home))
    ec2 = found.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.20.0.0/24")["Subnet"]["SubnetId"]
    disk = {"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 30, "VolumeType": "gp3", "Encrypted": True}}
    for host in ("web1", "web2"):
        tags = [{"ResourceType": "instance", "Tags": listed(NAME, Name=host, Role="web")}]
        ec2.run_instances(
            ImageId="ami-12c6146b", MinCount=1, MaxCount=1, SubnetId=subnet, TagSpecifications=tags,
            BlockDeviceMappings=[disk], InstanceType="t3.small",
        )  # fmt: skip
    yield found
    control.stop(home)


@pytest.fixture
def inventory(tmp_path: Path) -> Path:
    """inventory/production, without its hosts."""
    return environments.inventory(tmp_path / "inventory", SETTINGS)


def images(account: Endpoint) -> list[dict[str, Any]]:
    """The account's own images."""
    return list(account.client("ec2").describe_images(Owners=["self"])["Images"])


def tags(one: dict[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in one["Tags"]}


def hosts(account: Endpoint) -> list[str]:
    """The names of the instances that are not terminated."""
    found = [one for each in account.client("ec2").describe_instances()["Reservations"] for one in each["Instances"]]
    return sorted(tags(one)["Name"] for one in found if one["State"]["Name"] != "terminated")


def test_an_image_is_baked_kept_and_replaced(account: Endpoint, inventory: Path) -> None:
    """One test, as the steps build on each other."""
    ec2, own = account.client("ec2"), {"Project": "django", "Environment": "production"}
    first = ec2.describe_instances()["Reservations"][0]["Instances"][0]["InstanceId"]
    older = ec2.create_image(InstanceId=first, Name=f"{NAME}-web-1")["ImageId"]
    ec2.create_tags(Resources=[older], Tags=[{"Key": key, "Value": value} for key, value in own.items()])
    begun = len(account.calls())
    before = len(account.writes())
    checked = account.playbook("aws_image", inventory, "--check")
    assert f"A run would bake an image of web2 and remove {older}" in checked.stdout, checked.stdout + checked.stderr
    assert account.writes()[before:] == []

    # Cut in the middle: what was made until then goes all the same.
    account.fault(service="ec2", action="RunInstances", code="VcpuLimitExceeded", status=400)
    cut = account.playbook("aws_image", inventory)
    assert cut.returncode != 0
    assert [one["ImageId"] for one in images(account)] == [older]

    done = account.playbook("aws_image", inventory)
    assert done.returncode == 0, done.stdout + done.stderr
    calls = account.calls()[begun:]
    found = [tags(one) for one in images(account)]
    assert found == [{**own, "Name": f"{NAME}-web", "Release": "nothing"}]
    assert hosts(account) == ["web1", "web2"]
    copies = [one for one in account.calls()[begun:] if one["action"] == "RunInstances" and one["status"] < 400]
    assert len(copies) == 1
    # The older image went with its snapshot, and so did what was there on the way.
    snapshots = account.client("ec2").describe_snapshots(OwnerIds=["self"])["Snapshots"]
    of_images = {one["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"] for one in images(account)}
    assert {one["SnapshotId"] for one in snapshots if "CreateImage" in one["Description"]} == of_images
    compare("aws_image", calls, WITHOUT_CALL)

    refused = account.playbook("aws_image", inventory, "-e", "host=web7")
    assert refused.returncode != 0
    assert "AWS has no web host of this name" in re.sub(r"\s+", " ", refused.stdout + refused.stderr)

    assert any("image" in one for one in left(account, NAME))
    terminate(account, NAME)
    assert images(account) == []
