"""A major upgrade that is cut: the controller killed in each step of a first one, at random points of later ones, and while it is finished.

Part of ``make test-faults`` (``ONLY=upgrades``), with a lab of its own. ``FAULTS_UPGRADES`` (3) is at how many random points later ones are
killed, ``FAULTS_SEED`` chooses others. ``FAULTS_KEEP=1`` leaves the lab for a run with ``FAULTS_BOOTED=1``.
"""

from __future__ import annotations

import os
import random
import select
import signal
import time
from collections.abc import Iterator

import pytest

from tests.bench.database.upgrade import UPGRADE, Upgradable
from tests.faults.cuts import SEED
from tests.faults.machines import Machines
from tests.faults.notes import note
from tests.faults.runs import TASK_SECONDS, Runs, kill, locked, points, read_until

pytestmark = pytest.mark.faults

POINTS = int(os.environ.get("FAULTS_UPGRADES") or 3)
MB = 60
COPY = "Wait for the first copy"
# The steps of a first one, in their order: each run goes on where the one before was killed, and is killed later.
STEPS = (
    "Install | ",
    "Say that nobody else writes here",
    "Take the lock",
    "Prepare both sides, and begin the copy",
    COPY,
    "Compare all rows",
    "Pause, catch up, decide, resume",
    "Close the side that was left",
    "Make the slot live",
)
MARK = "SELECT coalesce(shobj_description(oid, 'pg_authid'), '') FROM pg_roles WHERE rolname = 'database_move'"
STAGE = "Stage the other side for the poolers"
WAIT = "Wait for a step that a killed run has left"
COMPARE = "Compare all rows"
# How long the next run is watched while it waits.
STILL = 20
# The step that has the lock, by the port of its host that it asks the database from.
HOLDER = """
SELECT a.client_port FROM pg_locks l JOIN pg_stat_activity a USING (pid)
WHERE l.locktype = 'advisory' AND l.granted AND a.client_addr IS NOT NULL
"""
HERE = (
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name LIKE 'database_move here %'"
)
# What nothing but an upgrade that is under way needs.
LEFTOVERS = """
SELECT 'slot ' || slot_name FROM pg_replication_slots
UNION ALL SELECT 'publication ' || pubname FROM pg_publication
UNION ALL SELECT 'subscription ' || subname FROM pg_subscription
UNION ALL SELECT 'role ' || rolname FROM pg_roles WHERE rolname LIKE 'database_move%'
UNION ALL SELECT 'schema ' || nspname FROM pg_namespace WHERE nspname = 'database_move'
"""


class Cut(Upgradable):
    """A database host of Debian 12, one of Debian 13 on which nothing is, and how many tasks a whole upgrade has."""

    def __init__(self) -> None:
        super().__init__("db-upgrades", MB)
        self.runs, self.machines = Runs(self.lab, UPGRADE), Machines(self.lab)
        self.tasks, self.live = 0, "db1"

    def other(self) -> str:
        """Where an upgrade, or its way back, would lead to."""
        return "db1" if self.live == "db2" else "db2"

    def again(self, to: str) -> int:
        """Run it until it works; how often."""
        number = self.runs.again("-e", f"to={to}")
        self.live = to
        return number

    def problems(self) -> list[str]:
        """What is not as a whole upgrade leaves it."""
        left = self.other()
        found = []
        marks = self.sql(MARK, self.live), self.sql(MARK, left)
        if '"live"' not in marks[0] or '"closed"' not in marks[1]:
            found.append(f"marks: {marks[0]} and {marks[1]}")
        slots = [self.sql("SELECT count(*) FROM pg_replication_slots", host) for host in (self.live, left)]
        if slots != ["1", "0"]:
            found.append(f"slots: {slots[0]} on the live host, {slots[1]} on the other")
        if self.sql("SELECT rolconnlimit FROM pg_roles WHERE rolname = 'bench'", left) != "0":
            found.append(f"{left} lets the application in")
        if "database_move_peer" in self.sql(LEFTOVERS, "db1") + self.sql(LEFTOVERS, "db2"):
            found.append("one host still lets the other in as a superuser")
        if locked(self.lab):
            found.append(f"deploys are still kept away: {locked(self.lab)}")
        rows = self.both()
        if rows["db1"] != rows["db2"]:
            found.append(f"rows differ: {rows}")
        return found

    def holder(self) -> str:
        """The port on db2 of the step that has db1's lock; empty while nobody has."""
        return self.sql(HOLDER, "db1")

    def left_behind(self) -> str:
        """A switch whose controller is killed while it waits for web1, which is frozen; its process on db2, which then stands still."""
        with self.runs.started(("-e", "to=db2")) as process:
            read_until(process, STAGE, result=True)
            os.kill(process.pid, signal.SIGSTOP)
            try:
                self.machines.podman("pause", self.machines.container("web1"))
            finally:
                os.kill(process.pid, signal.SIGCONT)
            try:
                end = time.monotonic() + 60
                while not (port := self.holder()):
                    assert time.monotonic() < end, "the switch did not begin on db2"
                    time.sleep(0.5)
                kill(process)
                pid = self.machines.run(
                    "db2", f"ss -Htnp 'sport = :{port}' | grep -o 'pid=[0-9]*' | head -1 | cut -d= -f2"
                )
                self.machines.run("db2", f"kill -STOP {pid}")
            finally:
                self.machines.podman("unpause", self.machines.container("web1"))
        return pid


@pytest.fixture(scope="module")
def upgraded() -> Iterator[Cut]:
    """Boot the lab."""
    found = Cut()
    try:
        if os.environ.get("FAULTS_BOOTED"):
            found.beside()
        else:
            found.boot()
        yield found
    finally:
        if not os.environ.get("FAULTS_KEEP"):
            found.lab.command("down")


def test_a_first_one_that_was_killed_is_given_up_without_a_trace(upgraded: Cut) -> None:
    with upgraded.writers() as found:
        last = upgraded.runs.killed_in(COPY, 0.5, "-e", "to=db2")
        runs = upgraded.runs.again("-e", "to=db2", "-e", "cancel=true")
    print(f"\nkilled in '{last}', given up by {runs} run(s): {found}")
    assert upgraded.sql(LEFTOVERS, "db1") == ""
    assert found["acknowledged"] and not found["failed"] and not found["lost"], found
    note(
        "upgrade-cancel",
        f"{runs} run gives it up: no slot and no role is left; {found['acknowledged']} writes, none failed",
    )


def test_a_switch_that_outlives_its_controller_is_waited_for(upgraded: Cut) -> None:
    with upgraded.writers() as found:
        pid = upgraded.left_behind()
        with upgraded.runs.started(("-e", "to=db2", *upgraded.runs.breaks)) as process:
            read_until(process, WAIT)
            more, _, _ = select.select([process.stdout], [], [], STILL)
            assert not more, f"the next run does not wait: {kill(process)[-5000:]}"
            assert upgraded.holder(), "the switch did not live on"
            # What web1 did not do while it was frozen it does not do now: so nothing is switched.
            upgraded.sql(HERE, "db1")
            upgraded.machines.run("db2", f"kill -CONT {pid}")
            after = read_until(process, COMPARE)
            kill(process)
        assert "Undo what was begun" not in after, after[-5000:]
        upgraded.runs.again("-e", "to=db2", "-e", "cancel=true")
    assert upgraded.sql(LEFTOVERS, "db1") == ""
    assert found["acknowledged"] and not found["failed"] and not found["lost"], found
    note(
        "upgrade-lives",
        f"the next run waits for as long as it lives ({STILL} s here), undoes nothing and goes on; {found['acknowledged']} writes, none "
        f"failed, the longest wait {found['longest']:.1f} s, of the frozen host's",
    )


def test_a_first_one_that_is_killed_in_every_step_goes_on_where_it_was(upgraded: Cut) -> None:
    chosen = random.Random(f"{SEED} upgrade")
    with upgraded.writers() as found:
        for number, step in enumerate(STEPS):
            last = upgraded.runs.killed_in(
                step, chosen.random() * TASK_SECONDS, "-e", "to=db2", *upgraded.runs.breaks, whole=number % 2 == 0
            )
            print(f"\nkilled in '{last}'")
        runs = upgraded.again("db2")
    problems = upgraded.problems()
    print(f"\n{runs} run(s) to the end: {found} {problems}")
    assert not problems and not found["lost"] and not found["failed"], (problems, found)
    note(
        "upgrade-first",
        f"killed in {len(STEPS)} steps, one run after the other, and the next ends it: rows of both hosts equal, one slot, the old host "
        f"shut; {found['acknowledged']} transactions, none failed or lost, the longest wait {found['longest']:.1f} s",
    )


def test_later_ones_that_are_killed_are_made_up_for(upgraded: Cut) -> None:
    upgraded.live = "db1" if '"live"' in upgraded.sql(MARK, "db1") else "db2"
    to = upgraded.other()
    upgraded.tasks, upgraded.live = upgraded.runs.tasks("-e", f"to={to}"), to
    seen = []
    for number, share in enumerate(points(POINTS, "upgrade")):
        to = upgraded.other()
        with upgraded.writers() as found:
            last = upgraded.runs.killed(share, upgraded.tasks, "-e", f"to={to}", whole=number % 2 == 0)
            runs = upgraded.again(to)
        problems = upgraded.problems()
        print(f"\nto {to}, killed in '{last}': {runs} run(s), {found} {problems}")
        assert not problems and not found["lost"], f"killed in '{last}': {problems} {found}"
        seen.append(found)
    acknowledged, failed = sum(one["acknowledged"] for one in seen), sum(len(one["failed"]) for one in seen)
    note(
        "upgrade-later",
        f"{POINTS} of {POINTS} random points, back and there: rows of both hosts equal, one slot; {acknowledged} transactions, {failed} "
        f"failed, none lost, the longest wait {max(one['longest'] for one in seen):.1f} s",
    )


def test_an_end_that_is_killed_is_ended_by_the_next_run(upgraded: Cut) -> None:
    if upgraded.live == "db1":
        upgraded.again("db2")
    words = ("-e", "to=db2", "-e", "finish=true")
    last = upgraded.runs.killed_in("Close the side that was left", 1, *words)
    runs = upgraded.runs.again(*words)
    assert upgraded.sql(LEFTOVERS, "db2") == ""
    assert upgraded.sql(LEFTOVERS, "db1") == "role database_move"
    with upgraded.writers() as found:
        time.sleep(2)
    assert found["acknowledged"] and not found["failed"] and not found["lost"], found
    note("upgrade-finish", f"killed in '{last}'; {runs} run(s) leave the old rows and nothing else")
