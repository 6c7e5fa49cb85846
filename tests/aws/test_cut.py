"""A run of playbooks/aws_provision.yml that is cut anywhere: the next one goes on, and nothing has a twin."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.kinds.aws import control
from tests.aws import environments
from tests.aws.rehearsal import ROOT, Endpoint

CUTS = 10
# A run that failed is to be had again: the seed is in its output.
SEED = int(os.environ.get("TEST_SEED") or time.time())
# One of each kind of thing that a run makes, and few of them.
SETTINGS = {"aws_preset": "small", "database_mode": "rds", "aws_network_nat": "one"}
# Seconds that one run may take on a machine that is busy.
LONGEST = 600


@pytest.fixture
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """An empty account."""
    home = tmp_path_factory.mktemp("lab") / "aws"
    yield Endpoint(home, control.start_at(home))
    control.stop(home)


def cut_after(account: Endpoint, inventory: Path, writes: int) -> bool:
    """Run, and kill the run with all of its processes as soon as it made so many calls that write. Whether it came so far."""
    before = len(account.writes())
    with subprocess.Popen(
        account.command("aws_provision", inventory), cwd=ROOT, env=account.environment(), start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as running:  # fmt: skip
        deadline = time.monotonic() + LONGEST
        while running.poll() is None and len(account.writes()) - before < writes:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        cut = running.poll() is None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGKILL)
    return cut


@pytest.mark.aws
def test_a_run_that_is_cut_is_gone_on_with(account: Endpoint, tmp_path: Path) -> None:
    """Ten times on the way to one environment, each time after a random number of calls that write."""
    print(f"TEST_SEED={SEED}", file=sys.stderr)
    chosen = random.Random(SEED)
    inventory = environments.inventory(tmp_path / "inventory", {**environments.prepare(account), **SETTINGS})
    cuts: list[Any] = []
    while len(cuts) < CUTS and cut_after(account, inventory, number := chosen.randint(1, 12)):
        cuts.append((number, account.writes()[-1]))
    print(cuts, file=sys.stderr)
    assert len(cuts) >= CUTS // 2, "the environment was made before it was cut often"
    done = account.playbook("aws_provision", inventory)
    assert done.returncode == 0, (cuts, done.stdout + done.stderr)
    assert environments.twins(account) == [], cuts
    before = len(account.writes())
    again = account.playbook("aws_provision", inventory)
    assert environments.changed(again) == 0, again.stdout
    assert account.writes()[before:] == []
