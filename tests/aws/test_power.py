"""playbooks/aws_power.yml and aws_terminate.yml as a user runs them, on an environment that boto3 made."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.kinds.aws import control
from tests.aws import environments
from tests.aws.policies import compare
from tests.aws.rehearsal import PUBLIC_KEY, Endpoint
from tests.aws.test_terminate import build, final_snapshots, left

NAME = "django-production"
SETTINGS = {
    "aws_endpoint_is_a_test": True,
    "aws_fleet_certificate": "arn:aws:acm:eu-central-1:123456789012:certificate/board",
    "aws_fleet_public_key": PUBLIC_KEY,
    # The endpoint's instances take no time.
    "aws_fleet_wait_seconds": 15,
    "aws_fleet_zone": "example.org",
    "aws_preset": "small",
    "database_mode": "rds",
    "network_operators": ["203.0.113.0/24"],
    "nginx_tls_mode": "none",
}


@pytest.fixture
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """Two web hosts, a balancer and an instance of RDS."""
    home = tmp_path_factory.mktemp("lab") / "aws"
    found = Endpoint(home, control.start_at(home))
    hosts = build(found, NAME, 20)["hosts"]
    tags = [{"Key": "Name", "Value": "web2"}, {"Key": "Role", "Value": "web"}]
    found.client("ec2").create_tags(Resources=[hosts["db1"]], Tags=tags)
    yield found
    control.stop(home)


@pytest.fixture
def inventory(tmp_path: Path) -> Path:
    """inventory/production, without its hosts."""
    return environments.inventory(tmp_path / "inventory", SETTINGS)


def states(account: Endpoint) -> dict[str, str]:
    """Each host and the database, and what state AWS says it is in."""
    hosts = [one for each in account.client("ec2").describe_instances()["Reservations"] for one in each["Instances"]]
    named = {tag["Value"]: one["State"]["Name"] for one in hosts for tag in one["Tags"] if tag["Key"] == "Name"}
    databases = account.client("rds").describe_db_instances()["DBInstances"]
    return {**named, **{one["DBInstanceIdentifier"]: one["DBInstanceStatus"] for one in databases}}


def test_an_environment_is_stopped_started_and_taken_away(environment: Endpoint, inventory: Path) -> None:
    """One test, as the steps build on each other."""
    begun = len(environment.calls())

    def power(words: str) -> subprocess.CompletedProcess[str]:
        return environment.playbook("aws_power", inventory, "-e", words)

    for words, web1, web2, database in (
        ("power=stopped host=web2", "running", "stopped", "available"),
        ("power=stopped", "stopped", "stopped", "stopped"),
        ("power=running", "running", "running", "available"),
    ):
        if words == "power=running":
            environment.fault(action="StartInstances", ends="Client.InternalError: Client error on launch")
            a_host_that_does_not_start_is_told(power(words))
        done = power(words)
        assert done.returncode == 0, done.stdout + done.stderr
        assert states(environment) == {"web1": web1, "web2": web2, NAME: database}
    denied = {"code": "UnauthorizedOperation", "status": 403, "message": "You are not authorized."}
    environment.fault(action="StopInstances", **denied)
    refused = environment.playbook("aws_power", inventory, "-e", "power=stopped host=web2")
    assert refused.returncode != 0
    assert "the right to StopInstances: docs/policies/aws_power.json has all" in " ".join(refused.stdout.split())
    before = len(environment.writes())
    again = environment.playbook("aws_power", inventory, "-e", "power=running")
    assert re.search(r"^aws_account .* changed=0 .* failed=0 ", again.stdout, re.MULTILINE), again.stdout
    assert environment.writes()[before:] == []
    compare("aws_power", environment.calls()[begun:], {})

    refused = environment.playbook("aws_terminate", inventory)
    assert refused.returncode != 0
    assert f"repeat the name: -e confirm={NAME}" in " ".join(refused.stdout.split())
    assert environment.writes()[before:] == []
    environment.fault(action="DeleteNatGateway", **denied)
    cut = environment.playbook("aws_terminate", inventory, "-e", f"confirm={NAME}")
    assert cut.returncode != 0
    assert "the right to DeleteNatGateway: docs/policies/aws_terminate.json has all" in " ".join(cut.stdout.split())
    # The run that made it names it, also if it comes no further.
    assert re.search(
        rf"What stays: file system fs-\w+ [^:]*, snapshot {NAME}-final-\d+ of the database {NAME}: ",
        " ".join(cut.stdout.split()),
    )
    gone = environment.playbook("aws_terminate", inventory, "-e", f"confirm={NAME}")
    assert gone.returncode == 0, gone.stdout + gone.stderr
    assert states(environment) == {"web1": "terminated", "web2": "terminated"}
    # The playbook asks for the buckets by the names that the roles give them, which build() does not.
    assert [one for one in left(environment, NAME) if not one.startswith("bucket ")] == []


@pytest.mark.aws
def test_an_answer_that_is_lost_costs_no_last_snapshot(environment: Endpoint, inventory: Path) -> None:
    """Of a disk the run ends, for boto3 would make a second one; RDS knows its by name, and the run goes on."""
    ec2, web2 = environment.client("ec2"), environments.host_instances(environment)["web2"]["InstanceId"]
    ec2.create_tags(Resources=[web2], Tags=[{"Key": "Name", "Value": "db1"}, {"Key": "Role", "Value": "database"}])
    environment.fault(action="CreateSnapshot", code="RequestLimitExceeded", status=503, times=2)
    for action in ("CreateSnapshot", "DeleteDBInstance"):
        environment.fault(action=action, lost=True)
    words = ("-e", f"confirm={NAME}")
    lost = environment.playbook("aws_terminate", inventory, *words)
    assert lost.returncode != 0
    assert "AWS was not reached: look at the network and at aws_region, and run it again" in " ".join(
        lost.stdout.split()
    )
    gone = environment.playbook("aws_terminate", inventory, *words)
    assert gone.returncode == 0, gone.stdout + gone.stderr
    (disk,) = final_snapshots(environment)
    (database,) = environment.client("rds").describe_db_snapshots(SnapshotType="manual")["DBSnapshots"]
    for run in (gone, environment.playbook("aws_terminate", inventory, "--check")):
        assert f"snapshot {NAME}-db1-final ({disk['SnapshotId']})" in run.stdout
        assert f"snapshot {database['DBSnapshotIdentifier']} of the database {NAME}" in run.stdout


def a_host_that_does_not_start_is_told(done: subprocess.CompletedProcess[str]) -> None:
    """With AWS's reason, and that the next run starts it."""
    told = " ".join(done.stdout.split())
    assert done.returncode != 0, told
    assert "It stopped at 'Power | Refuse to go on with one that did not'" in told
    assert "is stopped: Client.InternalError: Client error on launch (Client.InternalError). It went back" in told
    assert "the next run of playbooks/aws_power.yml finds it, and goes on." in told
