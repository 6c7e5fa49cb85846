"""A move that is cut: the controller killed at ten points, the target killed while it copies; the next run ends right.

Part of ``make test-faults``, with a lab of its own. ``FAULTS_MOVES`` (10) is at how many points the controller is killed, ``FAULTS_SEED``
chooses others.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from tests.bench.database.move import Site
from tests.bench.labs import PROJECT
from tests.faults.cuts import begun, descendants

pytestmark = pytest.mark.faults

POINTS = int(os.environ.get("FAULTS_MOVES") or 10)
SEED = int(os.environ.get("FAULTS_SEED") or 20)
MB = 30
TASK_SECONDS = 2
MOVE = "playbooks/database_move.yml"
INSTANCE = "self_hosted-transaction"
SIDES = ("rds", "self_hosted")
MARK = "SELECT coalesce(shobj_description(oid, 'pg_authid'), '') FROM pg_roles WHERE rolname = 'database_move'"
SLOTS = "SELECT count(*) FROM pg_replication_slots WHERE slot_name LIKE 'database_move%'"


class Moved:
    """The lab, and how many tasks a whole move has."""

    def __init__(self) -> None:
        self.site = Site("faults-move", MB)
        self.tasks = 0
        self.live = "self_hosted"

    def sql(self, side: str, statement: str, database: str = "bench") -> str:
        """Ask a side as its superuser."""
        if side == "rds":
            return self.site.lab.run("rds1", "lab-rds", "psql", "-c", statement, database).strip()
        words = ["runuser", "-u", "postgres", "--", "psql", "-XAtq", "-d", database, "-c", statement]
        return self.site.lab.run("db1", *words).strip()

    def play(self, to: str, *words: str) -> subprocess.CompletedProcess[str]:
        """A run of the playbook, whole."""
        return subprocess.run(
            self.command(to, *words), cwd=PROJECT, env=self.site.lab.environment, stdin=subprocess.DEVNULL, capture_output=True,
            text=True, check=False,
        )  # fmt: skip

    def command(self, to: str, *words: str) -> list[str]:
        """The words of a run."""
        return [
            str(PROJECT / ".venv/bin/ansible-playbook"),
            "-i",
            str(self.site.lab.inventory),
            MOVE,
            "-e",
            f"to={to}",
            *words,
        ]

    def cut(self, to: str, share: float, whole: bool) -> str:
        """Start a run and kill it in one of its tasks, with all of its processes or the first alone; returns the last task."""
        target, within = divmod(share * self.tasks, 1)
        with subprocess.Popen(
            self.command(to), cwd=PROJECT, env=self.site.lab.environment, text=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        ) as process:  # fmt: skip
            assert process.stdout
            output = ""
            for line in process.stdout:
                output += line
                if len(begun(output)) > target:
                    break
            time.sleep(within * TASK_SECONDS)
            for pid in [process.pid, *(descendants(process.pid) if whole else [])]:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            output += process.communicate()[0]
        return (begun(output) or ["before the first task"])[-1]

    def again(self, to: str) -> None:
        """Run it until it ends: a step whose controller was killed goes on, and the next run may have to wait for it."""
        said = ""
        for _ in range(4):
            done = self.play(to, "-e", "deploy_break_lock=true")
            said = done.stdout[-4000:] + done.stderr[-1000:]
            if done.returncode == 0:
                self.live = to
                return
            time.sleep(10)
        pytest.fail(said, pytrace=False)

    def problems(self) -> list[str]:
        """What is not as a whole move leaves it."""
        left = "self_hosted" if self.live == "rds" else "rds"
        found = []
        if '"live"' not in self.sql(self.live, MARK) or '"closed"' not in self.sql(left, MARK):
            found.append(f"marks: {self.sql(self.live, MARK)} and {self.sql(left, MARK)}")
        if (self.sql(self.live, SLOTS), self.sql(left, SLOTS)) != ("1", "0"):
            found.append(f"slots: {self.sql(self.live, SLOTS)} on the live side, {self.sql(left, SLOTS)} on the other")
        if self.sql(left, "SELECT rolconnlimit FROM pg_roles WHERE rolname = 'bench'") != "0":
            found.append(f"{left} lets the application in")
        return found


@pytest.fixture(scope="module")
def moved() -> Iterator[Moved]:
    """Boot the lab, and move once there: later moves have the same tasks."""
    found = Moved()
    try:
        found.site.boot()
        done = found.play("rds")
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]
        found.tasks, found.live = len(begun(done.stdout)), "rds"
        yield found
    finally:
        if not os.environ.get("FAULTS_KEEP"):
            found.site.lab.command("down")


def points() -> list[float]:
    """One random point in each of so many equal parts of a move, in random order."""
    chosen = random.Random(f"{SEED} move")
    found = [(number + chosen.random()) / POINTS for number in range(POINTS)]
    chosen.shuffle(found)
    return found


def lost(found: dict[str, Any]) -> list[str]:
    """What writers saw that they should not."""
    return [f"{key}: {found[key]}" for key in ("lost",) if found[key]]


@pytest.mark.parametrize("number", range(POINTS))
def test_a_killed_controller_is_made_up_for(moved: Moved, number: int) -> None:
    to = "self_hosted" if moved.live == "rds" else "rds"
    with moved.site.writers(INSTANCE) as found:
        last = moved.cut(to, points()[number], whole=number % 2 == 0)
        moved.again(to)
    problems = [*moved.problems(), *lost(found)]
    print(f"\nkilled at '{last}': {found} {problems}")
    assert not problems, f"killed at '{last}': {problems}"


def test_a_first_move_whose_target_dies_leaves_the_old_side_live_and_no_slot(moved: Moved) -> None:
    if moved.live == "rds":
        moved.again("self_hosted")
    assert moved.play("self_hosted", "-e", "finish=true").returncode == 0
    moved.sql("rds", "DROP DATABASE bench", "postgres")
    with subprocess.Popen(
        moved.command("rds"), cwd=PROJECT, env=moved.site.lab.environment, text=True, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as process:  # fmt: skip
        assert process.stdout
        output = ""
        for line in process.stdout:
            output += line
            if "Wait for the first copy" in line:
                break
        moved.site.lab.run("rds1", "systemctl", "kill", "--signal", "KILL", "lab-rds@a.service")
        output += process.communicate()[0]
        assert process.returncode != 0
    assert "The applications write to self_hosted, as before" in " ".join(output.split())
    assert moved.sql("self_hosted", SLOTS) == "0"
    assert moved.sql("self_hosted", MARK) == ""
    with moved.site.writers(INSTANCE) as found:
        time.sleep(3)
    assert not found["lost"] and not found["failed"], found
