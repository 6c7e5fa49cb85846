"""Backups that are cut, hosts that die during a backup or a restore, a full repository, and a database host lost with its controller.

Part of ``make test-faults`` (``ONLY=backups``; ``ONLY=lost`` for the lost host alone), with a lab of its own. ``FAULTS_KEEP=1`` leaves the
lab for a run with ``FAULTS_BOOTED=1``.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator

import pytest

from tests.bench.database.backup import BACKUP, RESTORE
from tests.faults.database import REPOSITORY, STATUS, Database
from tests.faults.lost import BY_HAND, another_controller, cluster, empty_host
from tests.faults.notes import note
from tests.faults.runs import told

pytestmark = pytest.mark.faults

LIMIT = ("--limit", "database:backup")
BESIDE = "Restore beside the live cluster"


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    """Boot the lab, and wait for its first backup."""
    found = Database()
    try:
        if not os.environ.get("FAULTS_BOOTED"):
            found.boot()
        found.first_backup()
        yield found
    finally:
        if not os.environ.get("FAULTS_KEEP"):
            found.lab.command("down")


def power(database: Database, host: str, reached: Callable[[], object], away: float = 5) -> Callable[[], None]:
    """A host without power, as soon as something is reached after a task has begun."""

    def strike() -> None:
        reached()
        database.machines.power_cut(host)
        time.sleep(away)
        database.machines.power_back(host)

    return strike


def test_a_backup_whose_controller_is_killed_is_made_up_for(database: Database) -> None:
    backups = len(database.info()["backup"])
    with database.writers() as found:
        last = database.backups.killed_in("Make a backup", 2, *LIMIT)
        runs = database.backups.again(*LIMIT)
    assert len(database.info()["backup"]) > backups
    database.healthy()
    database.restorable()
    assert not found["lost"] and not found["failed"], found
    note(
        "backup-controller",
        f"killed in '{last}'; {runs} run; {found['acknowledged']} writes, none failed; all rows in the next backup",
    )


@pytest.mark.parametrize(("name", "host"), [("backup-database", "db1"), ("backup-repository", "backup1")])
def test_a_host_that_dies_during_a_backup_costs_this_backup_alone(database: Database, name: str, host: str) -> None:
    with database.writers() as found:
        status, said = database.backups.struck("Make a backup", power(database, host, database.copying()), *LIMIT)
        assert status != 0, said[-3000:]
        database.until("the return of both hosts", lambda: bool(database.serves() and database.info()["backup"]))
        runs = database.backups.again(*LIMIT)
    database.healthy()
    database.restorable()
    assert not found["lost"], found
    if host == "backup1":
        assert not found["failed"], found
    note(
        name,
        f"the run fails; {found['acknowledged']} writes acknowledged, {len(found['failed'])} failed, none lost; the next backup "
        f"({runs} run) has all rows",
    )


def test_a_full_repository_costs_the_site_nothing(database: Database) -> None:
    with database.repository_disk(room=8), database.writers() as found:
        status, said = database.backups.whole(*LIMIT)
        assert status != 0, said[-3000:]
        status, said = database.status.whole(*LIMIT)
        assert status != 0 and "room" in told(said).partition("TASK [Fail when something is late]")[2], said[-3000:]
        database.lab.run("backup1", "rm", "-f", f"{REPOSITORY}/fill")
        runs = database.backups.again(*LIMIT)
    database.healthy()
    database.restorable()
    assert not found["lost"] and not found["failed"], found
    note(
        "backup-full",
        f"the backup fails, and the status says that there is no room; {found['acknowledged']} writes, none failed; after that {runs} run",
    )


def test_a_database_host_that_dies_during_a_restore(database: Database) -> None:
    point, wanted = database.point()
    words = ("-e", f"restore_to={point}", "-e", "confirm=db1")
    status, said = database.restores.struck(BESIDE, power(database, "db1", database.restoring), *words)
    assert status != 0, said[-3000:]
    database.until("the return of both hosts", lambda: bool(database.serves() and database.info()["backup"]))
    runs = database.restores.again(*words)
    database.restored(wanted)
    note(
        "restore-database",
        f"the run fails; a cluster serves once its host is up; {runs} more run(s) end with the rows of the moment",
    )


def test_a_database_host_that_is_lost_with_its_controller(database: Database) -> None:
    database.sql("DROP ROLE IF EXISTS analyst")
    database.sql(BY_HAND)
    with database.writers():
        time.sleep(2)
    rows, was = database.checksums(), cluster(database)
    database.sql("SELECT pg_switch_wal()")
    database.until("the archive", database.archived)
    database.machines.power_cut("db1")
    empty_host(database.lab, "db1")
    assert "postgresql" not in database.lab.run("db1", "ls", "/var/lib"), "the new host has a database"

    with another_controller(database.lab) as lab:
        began = time.monotonic()
        lab.play(RESTORE, "-e", "restore_to=latest", "-e", "confirm=db1")
        seconds = time.monotonic() - began
        # Nothing is owed: backups go on by the same controller.
        lab.play(BACKUP, *LIMIT)
        lab.play(STATUS, *LIMIT)
        lab.play(RESTORE, "-e", "restore_remove=before", *LIMIT)

    assert database.checksums() == rows
    assert cluster(database) == was
    database.until("the site", database.reads)
    with database.writers() as found:
        time.sleep(1)
    assert found["acknowledged"] and not found["failed"] and not found["lost"], found
    # Nobody has to start the next backup, or the next drill.
    database.lab.run("backup1", "systemctl", "is-active", "pgbackrest-full.timer", "pgbackrest-diff.timer")
    database.lab.run("db1", "systemctl", "is-active", "database-drill.timer")
    database.healthy()
    database.restorable()
    note(
        "lost",
        f"rows, roles, passwords and settings are there {seconds:.0f} s after the new host answered, and the site serves; backups go on",
    )
