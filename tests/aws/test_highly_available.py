"""The preset highly_available with RDS, whole: made, found without a fault by a scanner, made again without a call, taken away."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.audit.findings import judge, read_reasons
from tests.aws import environments, posture
from tests.aws.rehearsal import Endpoint
from tests.aws.test_terminate import left

SETTINGS = {
    # Alarms that tell nobody are a finding.
    "aws_fleet_alarm_actions": ["arn:aws:sns:eu-central-1:123456789012:operators"],
    "aws_preset": "highly_available",
    "database_mode": "rds",
}


@pytest.mark.aws
def test_the_whole_of_it(account: Endpoint, tmp_path: Path) -> None:
    """One test, as the steps build on each other."""
    posture.install()
    settings = {**environments.prepare(account), **SETTINGS}
    inventory = environments.inventory(tmp_path / "inventory", settings)
    assert environments.changed(account.playbook("aws_provision", inventory)) > 10
    assert environments.twins(account) == []
    nothing_is_there_once(account)

    found = posture.scan({**os.environ, **account.variables, "NO_PROXY": "127.0.0.1"}, tmp_path)
    judgement = judge(dict.fromkeys(found), read_reasons(posture.REASONS), [posture.TOOL])
    assert len(judgement.explained) > 10, "the scanner saw next to nothing"
    assert [f"{one.name}, {one.host}: {one.text}" for one in judgement.open] == []
    assert [one.name for one in judgement.stale] == [], "these explain nothing any more"

    before = len(account.writes())
    for words in ([], ["--check"]):
        again = account.playbook("aws_provision", inventory, *words)
        assert environments.changed(again) == 0, again.stdout
    assert account.writes()[before:] == []

    gone = account.playbook("aws_terminate", inventory, "-e", f"confirm={environments.NAME}")
    assert gone.returncode == 0, gone.stdout + gone.stderr
    assert left(account, environments.NAME) == []
    # What asked the other buckets has been logged.
    logs = f"{environments.NAME}-logs-123456789012"
    assert [one["Name"] for one in account.client("s3").list_buckets()["Buckets"]] == [logs]
    assert f"bucket {logs}, which has data" in gone.stdout


def nothing_is_there_once(account: Endpoint) -> None:
    """Hosts, gateways and database in two zones, and no host with a public address."""
    ec2 = account.client("ec2")
    hosts = [one for each in ec2.describe_instances()["Reservations"] for one in each["Instances"]]
    assert len(hosts) == 2
    assert len({one["Placement"]["AvailabilityZone"] for one in hosts}) == 2
    assert not any(one.get("PublicIpAddress") for one in hosts)
    gateways = ec2.describe_nat_gateways()["NatGateways"]
    assert len({one["SubnetId"] for one in gateways}) == 2
    database = account.client("rds").describe_db_instances()["DBInstances"][0]
    assert (database["MultiAZ"], database["DBInstanceClass"]) == (True, "db.m7g.large")
