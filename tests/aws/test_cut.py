"""A run of a playbook that is cut anywhere: the same command goes on, and nothing has a twin."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.aws import environments
from tests.aws.rehearsal import ROOT, WITHOUT_HOSTS, Endpoint, said
from tests.aws.test_resize import LARGER as WIDER
from tests.aws.test_resize import host, left_stopped
from tests.aws.test_scale import LARGER, serve
from tests.aws.test_terminate import final_snapshots, left

pytestmark = pytest.mark.aws

NAME = environments.NAME
CUTS = 10
# A run that failed is to be had again: the seed is in its output.
SEED = int(os.environ.get("TEST_SEED") or time.time())
# One of each kind of thing that a run makes, and few of them.
SETTINGS = {"aws_preset": "small", "database_mode": "rds", "aws_network_nat": "one"}
# Seconds that one run may take on a machine that is busy.
LONGEST = 600


def cut_after(account: Endpoint, command: list[str], writes: int) -> bool:
    """Run, and kill the run with all of its processes as soon as it made so many calls that write. Whether it came so far."""
    before = len(account.writes())
    with subprocess.Popen(
        command, cwd=ROOT, env=account.environment(), start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as running:  # fmt: skip
        deadline = time.monotonic() + LONGEST
        while running.poll() is None and len(account.writes()) - before < writes:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        cut = running.poll() is None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGKILL)
    return cut


class Cutter:
    """Cuts runs at random calls, the same ones with the same seed."""

    def __init__(self, account: Endpoint, inventory: Path) -> None:
        print(f"TEST_SEED={SEED}", file=sys.stderr)
        self._account, self._inventory, self._chosen = account, inventory, random.Random(SEED)

    def cut(
        self, playbook: str, *words: str, most: int, times: int = CUTS, after: Callable[[], None] | None = None
    ) -> list[Any]:
        """Cut runs of a playbook, until one ends by itself or there were enough of them.

        Args:
            playbook: its name.
            words: of its command.
            most: after how many calls that write it is cut at the latest.
            times: how many cuts are enough.
            after: is asked after each cut.

        Returns:
            Of each cut, the number of calls and the last one.
        """
        command = [*self._account.command(playbook, self._inventory), *words]
        cuts: list[Any] = []
        while len(cuts) < times and cut_after(self._account, command, number := self._chosen.randint(1, most)):
            cuts.append((number, self._account.writes()[-1]))
            if after:
                after()
        print(playbook, cuts, file=sys.stderr)
        return cuts


def test_a_run_that_is_cut_is_gone_on_with(account: Endpoint, tmp_path: Path) -> None:
    """Ten times on the way to one environment, each time after a random number of calls that write."""
    inventory = environments.inventory(tmp_path / "inventory", {**environments.prepare(account), **SETTINGS})
    cuts = Cutter(account, inventory).cut("aws_provision", most=12)
    assert len(cuts) >= CUTS // 2, "the environment was made before it was cut often"
    done = account.playbook("aws_provision", inventory)
    assert done.returncode == 0, (cuts, done.stdout + done.stderr)
    assert environments.twins(account) == [], cuts
    before = len(account.writes())
    again = account.playbook("aws_provision", inventory)
    assert environments.changed(again) == 0, again.stdout
    assert account.writes()[before:] == []


def balanced(account: Endpoint) -> set[str]:
    """The names of the hosts that are targets of the balancer; what is a target is there."""
    elb, hosts = account.client("elbv2"), environments.host_instances(account)
    group = elb.describe_target_groups()["TargetGroups"][0]["TargetGroupArn"]
    listed = elb.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
    names = {one["InstanceId"]: name for name, one in hosts.items()}
    assert {one["Target"]["Id"] for one in listed} <= names.keys(), "the balancer asks a host that is not there"
    return {names[one["Target"]["Id"]] for one in listed}


def test_scaling_that_is_cut_is_gone_on_with(account: Endpoint, tmp_path: Path) -> None:
    """From two hosts to four with a larger database, and back. One test, as the second half needs what the first has made."""
    inventory = environments.inventory(tmp_path / "inventory", environments.make_small(account))
    cutter = Cutter(account, inventory)

    def those_that_serve_stay() -> None:
        hosts = environments.host_instances(account)
        assert [hosts[name]["State"]["Name"] for name in ("web1", "web2")] == ["running", "running"]
        assert balanced(account) >= {"web1", "web2"}
        assert environments.twins(account) == []

    def goes_on(words: tuple[str, ...], cuts: list[Any]) -> None:
        assert cuts, "nothing was cut"
        done = account.playbook("aws_scale", inventory, *words)
        assert WITHOUT_HOSTS in said(done), (cuts, done.stdout + done.stderr)
        those_that_serve_stay()
        before = len(account.writes())
        assert WITHOUT_HOSTS in said(account.playbook("aws_scale", inventory, *words))
        assert account.writes()[before:] == [], cuts

    goes_on(LARGER, cutter.cut("aws_scale", *LARGER, most=4, times=5, after=those_that_serve_stay))
    hosts = environments.host_instances(account)
    assert sorted(hosts) == ["web1", "web2", "web3", "web4"]
    assert {name for name, one in hosts.items() if any(tag["Key"] == "HostKey" for tag in one["Tags"])} == set(hosts)
    # Whoever is not configured gets no visitors.
    assert balanced(account) == {"web1", "web2"}
    database = account.client("rds").describe_db_instances()["DBInstances"][0]
    assert (database["DBInstanceClass"], database["AllocatedStorage"]) == ("db.m7g.large", 80)
    assert account.writes().count("rds:ModifyDBInstance") == 1

    serve(account, "web3", "web4")
    fewer = LARGER[2:]
    goes_on(fewer, cutter.cut("aws_scale", *fewer, most=4, times=5, after=those_that_serve_stay))
    assert sorted(environments.host_instances(account)) == ["web1", "web2"]
    assert balanced(account) == {"web1", "web2"}
    alarms = account.client("cloudwatch").describe_alarms()["MetricAlarms"]
    assert [one["AlarmName"] for one in alarms if "web3" in one["AlarmName"] or "web4" in one["AlarmName"]] == []


def test_resizing_that_is_cut_is_gone_on_with(account: Endpoint, tmp_path: Path) -> None:
    """A first run was cut when it had stopped its host; and those that go on with it are cut, too."""
    inventory = environments.inventory(tmp_path / "inventory", environments.make_small(account))
    left_stopped(account, "web2")
    cuts = Cutter(account, inventory).cut("aws_resize", *WIDER, most=2, times=3)
    assert cuts, "nothing was cut"
    done = account.playbook("aws_resize", inventory, *WIDER)
    assert WITHOUT_HOSTS in said(done), (cuts, done.stdout + done.stderr)
    assert host(account, "web2") == {"state": "running", "type": "t3.medium", "disk": 40, "marked": True}, cuts
    assert host(account, "web1") == {"state": "running", "type": "t3.small", "disk": 30, "marked": False}


def test_power_that_is_cut_is_gone_on_with(account: Endpoint, tmp_path: Path) -> None:
    """Hosts and database, down and up again."""
    inventory = environments.inventory(tmp_path / "inventory", environments.make_small(account))
    cutter = Cutter(account, inventory)
    for power, database in (("stopped", "stopped"), ("running", "available")):
        words = ("-e", f"power={power}")
        assert cutter.cut("aws_power", *words, most=1, times=1)
        done = account.playbook("aws_power", inventory, *words)
        assert done.returncode == 0, done.stdout + done.stderr
        assert {one["State"]["Name"] for one in environments.host_instances(account).values()} == {power}
        assert account.client("rds").describe_db_instances()["DBInstances"][0]["DBInstanceStatus"] == database


def test_taking_away_that_is_cut_is_gone_on_with(account: Endpoint, tmp_path: Path) -> None:
    """Of each disk with data and of the database there is one last snapshot, and the last run names both."""
    inventory = environments.inventory(tmp_path / "inventory", environments.make_small(account))
    host = environments.host_instances(account)["web2"]["InstanceId"]
    account.client("ec2").create_tags(Resources=[host], Tags=[{"Key": "Role", "Value": "web database"}])
    words = ("-e", f"confirm={NAME}")
    cuts = Cutter(account, inventory).cut("aws_terminate", *words, most=5)
    assert cuts, "nothing was cut"
    done = account.playbook("aws_terminate", inventory, *words)
    assert done.returncode == 0, (cuts, done.stdout + done.stderr)
    assert left(account, NAME) == []
    (disk,) = final_snapshots(account)
    (database,) = account.client("rds").describe_db_snapshots(SnapshotType="manual")["DBSnapshots"]
    for one in (disk["SnapshotId"], database["DBSnapshotIdentifier"]):
        assert one in done.stdout, cuts
