"""playbooks/aws_resize.yml on the account: which calls it makes. The hosts' half is in tests/scenarios/test_aws_fleet.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.aws import environments
from tests.aws.policies import compare
from tests.aws.rehearsal import WITHOUT_HOSTS, Endpoint, said

LARGER = ("-e", '{"aws_sizes": {"web": {"type": "t3.medium", "disk_gb": 40}}}')
# A whole run needs hosts, whose balancer it asks.
WITHOUT_CALL = {
    "ec2:CreateTags": "the mark, which the run that was cut has made",
    "ec2:StopInstances": "what the run that was cut has done",
    "ec2:DeleteTags": "a host that serves again, which there is none of here",
    "elasticloadbalancing:DeregisterTargets": "a host that leaves the balancer",
    "elasticloadbalancing:DescribeTargetGroups": "a host that leaves the balancer",
    "elasticloadbalancing:DescribeTargetHealth": "a host that leaves the balancer",
    "elasticloadbalancing:RegisterTargets": "a host that comes back",
}


def host(account: Endpoint, name: str) -> dict[str, Any]:
    """A host's state, its type, the GiB of its disk, and whether a run is changing it."""
    one = environments.host_instances(account)[name]
    volume = one["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]
    size = account.client("ec2").describe_volumes(VolumeIds=[volume])["Volumes"][0]["Size"]
    marked = any(tag["Key"] == "Resizing" for tag in one["Tags"])
    return {"state": one["State"]["Name"], "type": one["InstanceType"], "disk": size, "marked": marked}


def left_stopped(account: Endpoint, name: str) -> None:
    """What a run of aws_resize.yml leaves that is cut when it has stopped a host."""
    ec2, instance = account.client("ec2"), environments.host_instances(account)[name]["InstanceId"]
    ec2.create_tags(Resources=[instance], Tags=[{"Key": "Resizing", "Value": "t3.medium"}])
    ec2.stop_instances(InstanceIds=[instance])


@pytest.mark.aws
def test_a_run_that_was_cut_is_gone_on_with(account: Endpoint, tmp_path: Path) -> None:
    """A cut run left web2 marked and stopped; without hosts a run ends when it was started in its new size."""
    inventory = environments.inventory(tmp_path / "inventory", environments.make_small(account))
    small = {"state": "running", "type": "t3.small", "disk": 30, "marked": False}
    begun = len(account.calls())
    before = len(account.writes())
    checked = account.playbook("aws_resize", inventory, *LARGER, "--check")
    assert "web1: t3.small becomes t3.medium" in said(checked), checked.stdout + checked.stderr
    assert "web2: its disk of 30 GiB becomes 40 GiB" in said(checked)
    assert account.writes()[before:] == []
    calls = account.calls()[begun:]
    left_stopped(account, "web2")
    begun = len(account.calls())
    done = account.playbook("aws_resize", inventory, *LARGER)
    assert WITHOUT_HOSTS in said(done), done.stdout + done.stderr
    assert host(account, "web2") == {"state": "running", "type": "t3.medium", "disk": 40, "marked": True}
    assert host(account, "web1") == small
    compare("aws_resize", [*calls, *account.calls()[begun:]], WITHOUT_CALL)
