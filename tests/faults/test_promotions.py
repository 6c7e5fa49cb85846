"""A promotion that is cut: the controller killed at random points, and either host without power; never two primaries.

Part of ``make test-faults`` (``ONLY=promotions``), with a lab of its own. ``FAULTS_PROMOTIONS`` (6) is at how many points the controller of
a planned one is killed, ``FAULTS_UNPLANNED`` (3) that of one whose primary is gone, ``FAULTS_SEED`` chooses others.
``FAULTS_KEEP=1`` leaves the lab for a run with ``FAULTS_BOOTED=1``.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.bench.database.promotion import HOSTS, PROMOTE, Replicated
from tests.faults.machines import Machines
from tests.faults.notes import note
from tests.faults.runs import SOON, Runs, locked, points, told

pytestmark = pytest.mark.faults

POINTS = int(os.environ.get("FAULTS_PROMOTIONS") or 6)
UNPLANNED = int(os.environ.get("FAULTS_UNPLANNED") or 3)
MB = 60
READY = "Let the standby wait for the end of the primary"
HAND_OVER = "End the primary"
HOLD = "Hold the clients of the poolers back"


class Pair:
    """The lab, who is the primary, and how many tasks a whole promotion has."""

    def __init__(self) -> None:
        self.site = Replicated("db-pair", MB)
        self.machines = Machines(self.site.lab)
        self.runs = Runs(self.site.lab, PROMOTE)

    def primaries(self) -> list[str]:
        """The hosts that take writes; one that is down does not."""
        found = []
        for host in HOSTS:
            try:
                if self.site.sql("SELECT pg_is_in_recovery()", host) == "f":
                    found.append(host)
            except SystemExit:
                pass
        return found

    def other(self) -> str:
        """The standby."""
        primaries = self.primaries()
        assert len(primaries) == 1, primaries
        return next(host for host in HOSTS if host not in primaries)

    def until_up(self, host: str) -> None:
        """Wait until a host that boots has its PostgreSQL."""
        self.machines.until("PostgreSQL's return", host, "runuser -u postgres -- psql -XAtqc 'SELECT 1'")

    def serves(self) -> dict[str, Any]:
        """Whoever is the primary takes all that is written in two seconds; what the writers saw."""
        with self.site.writers() as found:
            time.sleep(2)
        assert found["acknowledged"] and not found["failed"] and not found["lost"], found
        return found

    def ended(self, to: str, found: dict[str, Any]) -> None:
        """One primary, the one that was asked for; the other follows it with every row; nothing that was acknowledged is lost."""
        assert self.primaries() == [to]
        assert not locked(self.site.lab), f"deploys are still kept away: {locked(self.site.lab)}"
        both = self.site.both()
        assert both["db1"] == both["db2"]
        left = next(host for host in HOSTS if host != to)
        assert self.site.sql("SELECT count(*) FROM pg_replication_slots", left) == "0"
        assert not found["lost"], found


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    """Boot the lab."""
    found = Pair()
    try:
        if not os.environ.get("FAULTS_BOOTED"):
            found.site.boot()
        yield found
    finally:
        if not os.environ.get("FAULTS_KEEP"):
            found.site.lab.command("down")


def test_a_killed_controller_is_made_up_for(pair: Pair) -> None:
    tasks = pair.runs.tasks("-e", f"to={pair.other()}")
    seen = []
    for number, share in enumerate(points(POINTS, "promotion")):
        to = pair.other()
        with pair.site.writers() as found:
            last = pair.runs.killed(share, tasks, "-e", f"to={to}", whole=number % 2 == 0)
            assert len(pair.primaries()) <= 1
            runs = pair.runs.again("-e", f"to={to}")
        print(f"\nto {to}, killed in '{last}': {runs} runs, {len(found['failed'])} failed, {found['longest']} s")
        pair.ended(to, found)
        seen.append(found)
    acknowledged, failed = sum(one["acknowledged"] for one in seen), sum(len(one["failed"]) for one in seen)
    note(
        "promotion-controller",
        f"{POINTS} of {POINTS} random points: never two that take writes, the other follows, rows equal; {acknowledged} transactions "
        f"acknowledged, {failed} failed, none lost",
    )


def test_a_slot_that_a_cut_run_left_is_dropped_by_the_next(pair: Pair) -> None:
    """Of the time when the host was the primary: nobody reads it, and it would keep the log until the disk is full."""
    standby = pair.other()
    primary = next(host for host in HOSTS if host != standby)
    pair.site.sql(f"SELECT pg_create_physical_replication_slot('standby_{primary}', true)", standby)
    pair.runs.again("-e", f"to={primary}")
    assert pair.primaries() == [primary]
    assert pair.site.sql("SELECT count(*) FROM pg_replication_slots", standby) == "0"


@pytest.mark.parametrize(("name", "standby"), [("promotion-old", False), ("promotion-new", True)])
def test_a_host_that_dies_during_a_promotion(pair: Pair, name: str, standby: bool) -> None:
    to = pair.other()
    host = next(one for one in HOSTS if (one == to) is standby)
    with pair.site.writers() as found:
        status, _said = pair.runs.struck(HAND_OVER, without_power(pair, host), "-e", f"to={to}")
        assert len(pair.primaries()) <= 1
        runs = pair.runs.again("-e", f"to={to}")
    pair.ended(to, found)
    note(
        name,
        f"{'the run fails' if status else 'the run goes on'}; never two that take writes; {runs} more run(s) promote; "
        f"{found['acknowledged']} transactions acknowledged, {len(found['failed'])} failed, none lost",
    )


@pytest.mark.parametrize(("name", "standby"), [("promotion-old-gone", False), ("promotion-new-gone", True)])
def test_a_host_that_dies_during_a_promotion_and_stays_away(pair: Pair, name: str, standby: bool) -> None:
    to = pair.other()
    old = next(one for one in HOSTS if one != to)
    host = to if standby else old
    # A standby that dies later may have been promoted before.
    task = READY if standby else HOLD
    status, said = pair.runs.struck(task, lambda: pair.machines.power_cut(host), "-e", f"to={to}")
    seconds = pair.runs.seconds
    assert status != 0 and seconds < SOON, f"{seconds:.0f} s:\n{said[-4000:]}"
    if standby:
        # The old primary goes on, and nobody has to do anything for it.
        assert pair.primaries() == [old], said[-4000:]
        assert f"{to} does not answer, and {old} goes on as the primary. Bring {to} back" in told(said), said[-4000:]
        after = pair.serves()
        pair.machines.power_back(host)
        pair.until_up(host)
        runs = pair.runs.again("-e", f"to={to}")
        pair.ended(to, after)
        note(
            name,
            f"the run fails after {seconds:.0f} s, and the old primary goes on; with the host back {runs} more run promotes",
        )
        return
    assert f"{old} does not answer any more" in told(said) and f"-e away={old}" in told(said), said[-4000:]
    runs = pair.runs.again("-e", f"to={to}", "-e", f"away={old}")
    assert pair.primaries() == [to]
    after = pair.serves()
    pair.machines.power_back(old)
    pair.until_up(old)
    pair.runs.again("-e", f"to={to}", "-e", f"confirm_rewind={old}")
    pair.ended(to, after)
    note(
        name,
        f"the run fails after {seconds:.0f} s and names it and the way on, which {runs} run is; once it is back it follows",
    )


def test_a_standby_that_dies_when_the_primary_has_ended_is_waited_for_or_given_up(pair: Pair) -> None:
    """It may have been promoted in the moment before it died, or not, and nobody can ask it: a person decides."""
    to = pair.other()
    old = next(one for one in HOSTS if one != to)

    def strike() -> None:
        pair.machines.until("the primary's end", old, "! runuser -u postgres -- psql -XAtqc 'SELECT 1' 2>/dev/null", 60)
        pair.machines.power_cut(to)

    status, said = pair.runs.struck(HAND_OVER, strike, "-e", f"to={to}")
    seconds = pair.runs.seconds
    assert status != 0 and seconds < SOON, f"{seconds:.0f} s:\n{said[-4000:]}"
    assert pair.primaries() == []
    assert f"Nobody knows whether {to} was promoted: it does not answer." in told(said), said[-4000:]
    way = f"start PostgreSQL of {old}, which starts as a standby, and promote that: -e to={old} -e away={to}."
    assert way in told(said), said[-4000:]
    pair.machines.run(old, "systemctl start postgresql@$(pg_lsclusters --no-header | cut -d' ' -f1)-main")
    pair.until_up(old)
    runs = pair.runs.again("-e", f"to={old}", "-e", f"away={to}")
    assert pair.primaries() == [old]
    after = pair.serves()
    pair.machines.power_back(to)
    pair.until_up(to)
    promoted = pair.primaries() != [old]
    if promoted:
        status, said = pair.runs.whole("-e", f"to={old}", *pair.runs.breaks)
        assert status != 0
        assert "neither follows from the other" in told(said) and "remove its cluster (pg_dropcluster)" in told(said)
        pair.machines.run(to, "pg_dropcluster --stop $(pg_lsclusters --no-header | cut -d' ' -f1) main")
    pair.runs.again("-e", f"to={old}")
    pair.ended(old, after)
    note(
        "promotion-new-late",
        f"the run fails after {seconds:.0f} s, as nobody knows whether it was promoted; the old primary is started by hand, and {runs} run "
        f"promotes it; once the other is back, which was {'' if promoted else 'not '}promoted, it follows"
        f"{', after its cluster was removed as runs say' if promoted else ''}",
    )


def test_an_unplanned_promotion_is_made_up_for_and_the_old_primary_comes_back(pair: Pair) -> None:
    tasks = 0
    # The first run is whole: it says how many tasks there are.
    for number, share in enumerate([1.0, *points(UNPLANNED, "unplanned")]):
        to = pair.other()
        old = next(host for host in HOSTS if host != to)
        words = ("-e", f"to={to}", "-e", f"away={old}")
        with pair.site.writers() as found:
            time.sleep(1)
            pair.machines.power_cut(old)
            if number:
                last = pair.runs.killed(share, tasks, *words, whole=number % 2 == 0)
                runs = pair.runs.again(*words)
                print(f"\nto {to}, {old} gone, killed in '{last}': {runs} runs, {found}")
            else:
                tasks = pair.runs.tasks(*words)
        assert pair.primaries() == [to]
        after = pair.serves()
        pair.machines.power_back(old)
        pair.until_up(old)
        pair.runs.again("-e", f"to={to}", "-e", f"confirm_rewind={old}")
        pair.ended(to, after)
    note(
        "promotion-unplanned",
        f"{UNPLANNED} of {UNPLANNED} random points: the old primary is fenced, the next run promotes; once it is back it is rewound and "
        "follows, rows equal",
    )


def without_power(pair: Pair, host: str) -> Callable[[], None]:
    """A host that dies at once, and boots five seconds later."""

    def strike() -> None:
        pair.machines.power_cut(host)
        time.sleep(5)
        pair.machines.power_back(host)

    return strike
