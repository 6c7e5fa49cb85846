"""A move that is cut: the controller killed at ten points, hosts that die and a disk that is full; the next run ends right.

Part of ``make test-faults`` (``ONLY=moves``), with a lab of its own. ``FAULTS_MOVES`` (10) is at how many points the controller is killed,
``FAULTS_SEED`` chooses others. ``FAULTS_KEEP=1`` leaves the lab for a run with ``FAULTS_BOOTED=1``.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest

from tests.bench.database.move import Movable
from tests.faults.machines import Machines
from tests.faults.notes import note
from tests.faults.runs import SOON, Runs, locked, points, told

pytestmark = pytest.mark.faults

POINTS = int(os.environ.get("FAULTS_MOVES") or 10)
MB = 60
MOVE = "playbooks/database_move.yml"
COPY = "Wait for the first copy"
SWITCH = "Pause, catch up, decide, resume"
MARK = "SELECT coalesce(shobj_description(oid, 'pg_authid'), '') FROM pg_roles WHERE rolname = 'database_move'"
SLOTS = "SELECT count(*) FROM pg_replication_slots WHERE slot_name LIKE 'database_move%'"
# The instance's data, and its unit.
DISK, UNIT = "/var/lib/lab-rds", "lab-rds@a.service"


class Moved:
    """The lab, and how many tasks a whole move has."""

    def __init__(self) -> None:
        self.site = Movable("db-moves", MB)
        self.machines = Machines(self.site.lab)
        self.runs = Runs(self.site.lab, MOVE)
        self.tasks = 0
        self.live = "self_hosted"
        self.sql = self.site.ask

    def move(self) -> str:
        """Where a move would lead to."""
        return "self_hosted" if self.live == "rds" else "rds"

    def again(self, to: str) -> int:
        """Run it until it works; how often."""
        number = self.runs.again("-e", f"to={to}")
        self.live = to
        return number

    def begin_anew(self) -> None:
        """The old side live, and nothing of a move on either."""
        if self.live == "rds":
            self.again("self_hosted")
        if self.sql("self_hosted", MARK):
            status, said = self.runs.whole("-e", "to=self_hosted", "-e", "finish=true")
            assert status == 0, said[-4000:]
        self.sql("rds", "DROP DATABASE IF EXISTS bench", "postgres")

    def problems(self) -> list[str]:
        """What is not as a whole move leaves it."""
        left = self.move()
        found = []
        if '"live"' not in self.sql(self.live, MARK) or '"closed"' not in self.sql(left, MARK):
            found.append(f"marks: {self.sql(self.live, MARK)} and {self.sql(left, MARK)}")
        if (self.sql(self.live, SLOTS), self.sql(left, SLOTS)) != ("1", "0"):
            found.append(f"slots: {self.sql(self.live, SLOTS)} on the live side, {self.sql(left, SLOTS)} on the other")
        if self.sql(left, "SELECT rolconnlimit FROM pg_roles WHERE rolname = 'bench'") != "0":
            found.append(f"{left} lets the application in")
        if locked(self.site.lab):
            found.append(f"deploys are still kept away: {locked(self.site.lab)}")
        sides = self.site.sides()
        if sides["rds"] != sides["self_hosted"]:
            found.append(f"rows differ: {sides}")
        return found

    def undone(self, said: str) -> None:
        """A first move has failed: the old side is live, and nothing of the move is left there."""
        assert "The applications write to self_hosted, as before" in told(said), said[-3000:]
        assert self.sql("self_hosted", SLOTS) == "0"
        assert self.sql("self_hosted", MARK) == ""
        with self.site.writers() as found:
            time.sleep(3)
        assert not found["lost"] and not found["failed"], found


@pytest.fixture(scope="module")
def moved() -> Iterator[Moved]:
    """Boot the lab, and move once there: later moves have the same tasks."""
    found = Moved()
    try:
        if not os.environ.get("FAULTS_BOOTED"):
            found.site.boot()
        found.tasks, found.live = found.runs.tasks("-e", "to=rds"), "rds"
        yield found
    finally:
        if not os.environ.get("FAULTS_KEEP"):
            found.site.lab.command("down")


def test_a_killed_controller_is_made_up_for(moved: Moved) -> None:
    seen = []
    for number, share in enumerate(points(POINTS, "move")):
        to = moved.move()
        with moved.site.writers() as found:
            last = moved.runs.killed(share, moved.tasks, "-e", f"to={to}", whole=number % 2 == 0)
            runs = moved.again(to)
        problems = moved.problems()
        print(f"\nto {to}, killed in '{last}': {runs} runs, {found} {problems}")
        assert not problems and not found["lost"], f"killed in '{last}': {problems} {found}"
        seen.append(found)
    acknowledged, failed = sum(one["acknowledged"] for one in seen), sum(len(one["failed"]) for one in seen)
    note(
        "move-controller",
        f"{POINTS} of {POINTS} random points, in both directions: rows of both sides equal, one slot, the left side shut; {acknowledged} "
        f"transactions, {failed} failed, none lost, the longest wait {max(one['longest'] for one in seen):.1f} s",
    )


def test_a_first_move_whose_target_dies_leaves_the_old_side_live_and_no_slot(moved: Moved) -> None:
    moved.begin_anew()
    kill = lambda: moved.site.lab.run("rds1", "systemctl", "kill", "--signal", "KILL", UNIT)  # noqa: E731
    status, said = moved.runs.struck(COPY, kill, "-e", "to=rds")
    assert status != 0
    moved.undone(said)
    moved.site.lab.run("rds1", "lab-rds", "reboot")
    runs = moved.again("rds")
    assert not moved.problems()
    note("move-target", f"the run fails, the old side stays live, its slots are gone; {runs} more run moves")


def test_a_source_that_dies_while_it_is_copied_is_moved_by_the_next_run(moved: Moved) -> None:
    moved.begin_anew()

    def strike() -> None:
        moved.machines.power_cut("db1")
        time.sleep(5)
        moved.machines.power_back("db1")

    with moved.site.writers() as found:
        status, said = moved.runs.struck(COPY, strike, "-e", "to=rds")
        failed = "the run fails" if status else "the run waits for it and goes on"
        runs = moved.again("rds")
    assert not moved.problems(), said[-2000:]
    assert not found["lost"], found
    note(
        "move-source",
        f"{failed}; {runs} more run moves; {found['acknowledged']} transactions, {len(found['failed'])} failed, none lost",
    )


@pytest.mark.parametrize(
    ("name", "host", "task"), [("move-source-gone", "db1", COPY), ("move-web-gone", "web2", SWITCH)]
)
def test_a_host_that_dies_and_stays_away_ends_the_run_soon(moved: Moved, name: str, host: str, task: str) -> None:
    moved.begin_anew()
    with moved.site.writers() as found:
        status, said = moved.runs.struck(task, lambda: moved.machines.power_cut(host), "-e", "to=rds")
        seconds = moved.runs.seconds
        time.sleep(2)
        moved.machines.power_back(host)
        ready = "runuser -u postgres -- psql -XAtqc 'SELECT 1'" if host == "db1" else "systemctl is-active ssh"
        moved.machines.until("the host's return", host, ready)
        assert status != 0 and f"Not reached: {host}." in told(said), said[-4000:]
        assert seconds < SOON, said[-4000:]
        runs = moved.again("rds")
    assert not moved.problems()
    assert not found["lost"] and (host == "db1" or not found["failed"]), found
    note(
        name,
        f"the run fails after {seconds:.0f} s and names it; {'' if host == 'db1' else 'the old side goes on; '}with the host back "
        f"{runs} more run moves; {found['acknowledged']} transactions, {len(found['failed'])} failed, none lost",
    )


def test_a_new_side_whose_disk_is_full_leaves_the_old_one_live(moved: Moved) -> None:
    moved.begin_anew()
    with moved.machines.small_disk("rds1", DISK, "lab-rds@a.service lab-rds@b.service", "size=600m"):
        fill = lambda: moved.machines.run("rds1", f"dd if=/dev/zero of={DISK}/fill bs=1M 2>/dev/null; true")  # noqa: E731
        status, said = moved.runs.struck("Prepare both sides, and begin the copy", fill, "-e", "to=rds")
        assert status != 0
        moved.site.lab.run("rds1", "rm", "-f", f"{DISK}/fill")
        moved.site.lab.run("rds1", "lab-rds", "reboot")
        moved.undone(said)
        runs = moved.again("rds")
        assert not moved.problems()
        moved.begin_anew()
    note("move-full", f"the run fails, the old side stays live, its slots are gone; after that {runs} run moves")
