"""playbooks/aws_scale.yml on the account: which calls it makes. The hosts' half is in tests/scenarios/test_aws_fleet.py."""

from __future__ import annotations

from pathlib import Path

from tests.aws import environments
from tests.aws.policies import compare
from tests.aws.rehearsal import WITHOUT_HOSTS, Endpoint, said

NAME = environments.NAME
LARGER = ("-e", "aws_web_count=4", "-e", "aws_database_class=db.m7g.large", "-e", "aws_database_storage_gb=80")
# Rights that AWS asks for beside those of a call, and those of what this environment has already.
WITHOUT_CALL = {
    "ec2:ImportKeyPair": "an account whose key pair somebody removed",
    "iam:PassRole": "instances that are started with a profile",
    "elasticloadbalancing:RegisterTargets": "a new host that serves, which there is none of here",
}


def serve(account: Endpoint, *names: str) -> None:
    """Make hosts targets of the balancer, as a run does when they serve."""
    elb, found = account.client("elbv2"), environments.host_instances(account)
    group = elb.describe_target_groups()["TargetGroups"][0]["TargetGroupArn"]
    elb.register_targets(
        TargetGroupArn=group, Targets=[{"Id": found[name]["InstanceId"], "Port": 80} for name in names]
    )  # fmt: skip


def test_hosts_and_database_become_what_the_inventory_says(account: Endpoint, tmp_path: Path) -> None:
    """One test, as the steps build on each other. Without hosts a run ends when the account is as the inventory says."""
    inventory = environments.inventory(tmp_path / "inventory", environments.make_small(account))
    begun, before = len(account.calls()), len(account.writes())
    checked = account.playbook("aws_scale", inventory, *LARGER, "--check")
    assert "web3 is started, configured, and put into the balancer when it serves" in said(checked)
    assert f"{NAME}: class db.t4g.small becomes db.m7g.large" in said(checked)
    assert WITHOUT_HOSTS in said(checked)
    assert account.writes()[before:] == []

    grown = account.playbook("aws_scale", inventory, *LARGER)
    assert WITHOUT_HOSTS in said(grown), grown.stdout + grown.stderr
    assert list(environments.host_instances(account)) == ["web1", "web2", "web3", "web4"]
    database = account.client("rds").describe_db_instances()["DBInstances"][0]
    assert (database["DBInstanceClass"], database["AllocatedStorage"]) == ("db.m7g.large", 80)
    # Class and storage in one call, and no host is a target before it is configured.
    assert account.writes()[before:].count("rds:ModifyDBInstance") == 1
    assert not any(one.startswith("elasticloadbalancing:") for one in account.writes()[before:])
    calls = account.calls()[begun:]
    serve(account, "web3", "web4")
    begun, before = len(account.calls()), len(account.writes())

    shrunk = account.playbook("aws_scale", inventory, *LARGER[2:])
    assert WITHOUT_HOSTS in said(shrunk), shrunk.stdout + shrunk.stderr
    assert list(environments.host_instances(account)) == ["web1", "web2"]
    alarms = account.client("cloudwatch").describe_alarms()["MetricAlarms"]
    assert [one["AlarmName"] for one in alarms if one["AlarmName"].endswith(("web3-status", "web4-status"))] == []
    assert "rds:ModifyDBInstance" not in account.writes()[before:]
    compare("aws_scale", [*calls, *account.calls()[begun:]], WITHOUT_CALL)
