"""A site that began on RDS moves to a database host that has nothing yet, by a run that is cut once, and gives the way back up.

Part of ``make test-faults`` (``ONLY=first_move``), with a lab of its own. ``FAULTS_KEEP=1`` leaves the lab, which then has a database host.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest

from tests.bench.database.move import INVENTORY, Movable
from tests.bench.labs import copy_project
from tests.faults.notes import note
from tests.faults.runs import Runs, told

pytestmark = pytest.mark.faults

MB = 60
MOVE = "playbooks/database_move.yml"
TO = ("-e", "to=self_hosted")


class Began(Movable):
    """A site on RDS, whose inventory has a database host since."""

    def __init__(self) -> None:
        super().__init__("db-first", MB, INVENTORY.replace("        web2:\n", ""))
        self.runs = Runs(self.lab, MOVE)
        self.live("rds")

    def live(self, mode: str) -> None:
        """Write ``database_mode`` into the inventory."""
        self.lab.environment["MOVE_DATABASE_MODE"] = mode
        self.pooler = f"{mode}-transaction"

    def configure(self) -> None:
        copy_project(self.lab)
        self.prepare()
        self.lab.play("playbooks/secrets.yml")
        self.lab.play("site.yml")
        self.ask("rds", self.tables())
        self.place_writer()

    def cluster(self) -> str:
        """The database host's PostgreSQL; empty while it has none."""
        return self.lab.run("db1", "sh", "-c", "ls /var/lib/postgresql 2>/dev/null; true").strip()


@pytest.fixture(scope="module")
def began() -> Iterator[Began]:
    """Boot the lab, with all data on RDS."""
    found = Began()
    try:
        found.boot()
        yield found
    finally:
        if not os.environ.get("FAULTS_KEEP"):
            found.lab.command("down")


def test_first_move_from_rds_to_an_empty_host(began: Began) -> None:
    status, said = began.runs.whole(*TO, "--check")
    assert status != 0 and "so there is no plan to show" in told(said), said[-3000:]
    assert began.cluster() == ""

    with began.writers() as found:
        last = began.runs.killed_in("Create and update databases and roles", 0, *TO)
        runs = began.runs.again(*TO)
        time.sleep(2)
    assert began.cluster()
    assert not found["failed"] and not found["lost"], found
    sides = began.sides()
    assert sides["rds"] == sides["self_hosted"]

    # As an operator who has written the line.
    began.live("self_hosted")
    began.lab.play("site.yml")
    with began.writers() as after:
        time.sleep(2)
    assert after["acknowledged"] and not after["failed"] and not after["lost"], after
    began.lab.play(MOVE, *TO, "-e", "finish=true")
    for side in ("rds", "self_hosted"):
        assert began.ask(side, "SELECT count(*) FROM pg_replication_slots") == "0"
    began.lab.play("site.yml")
    note(
        "move-first",
        f"killed in '{last.rpartition(' : ')[2]}', before anything is copied; {runs} more run installs and moves: {found['acknowledged']} "
        f"transactions, {len(found['failed'])} failed, none lost, the longest wait {found['longest']:.1f} s",
    )
