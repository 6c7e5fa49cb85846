"""Backups and restores that are cut, hosts that die meanwhile, disks that fill up, and a database host that is lost with its controller.

Part of ``make test-faults`` (``ONLY=backups``; ``ONLY=lost`` for the lost host alone), with a lab of its own. ``FAULTS_RESTORES`` (3) is
at how many points restores are killed, ``FAULTS_SEED`` chooses others. ``FAULTS_KEEP=1`` leaves the lab for a run with ``FAULTS_BOOTED=1``.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator

import pytest

from tests.bench.database.backup import BACKUP, RESTORE
from tests.faults.database import DATA, REPOSITORY, STATUS, Database
from tests.faults.lost import BY_HAND, another_controller, cluster, empty_host
from tests.faults.notes import note
from tests.faults.runs import SOON, points, told

pytestmark = pytest.mark.faults

RESTORES = int(os.environ.get("FAULTS_RESTORES") or 3)
LIMIT = ("--limit", "database:backup")
BESIDE = "Restore beside the live cluster"
SWITCH = "Put the restored cluster in the live one's place"


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


def test_a_log_that_fills_the_disk_is_archived_without_a_gap_once_there_is_room(database: Database) -> None:
    directory = f"{DATA}/{database.version()}/main"
    with database.small_disk(directory, "size=1200m"), database.repository_disk(room=4):
        with database.writers() as found:
            database.flood()
            database.until("a disk that is full", lambda: not database.writes(), 300)
            database.lab.run("backup1", "rm", "-f", f"{REPOSITORY}/fill")
            # As one grows a volume. The log is sent by a server that runs, and it needs room to start.
            database.machines.run("db1", f"mount -o remount,size=4g {directory}")
            database.until("the cluster's return without a hand on it", database.writes, 300)
        runs = database.backups.again(*LIMIT)
        database.healthy()
        database.restorable()
    assert not found["lost"], found
    note(
        "backup-log",
        f"nothing is written while the disk is full: {found['acknowledged']} writes acknowledged, {len(found['failed'])} failed, none "
        f"lost. With room PostgreSQL starts by itself and sends its log without a gap; {runs} more backup",
    )


def test_a_restore_whose_controller_is_killed_is_taken_up_by_the_next(database: Database) -> None:
    point, wanted = database.point()
    words = ("-e", f"restore_to={point}", "-e", "confirm=db1")
    tasks = database.restores.tasks(*words)
    database.restored(wanted)
    seen = []
    for number, share in enumerate(points(RESTORES, "restore")):
        point, wanted = database.point()
        words = ("-e", f"restore_to={point}", "-e", "confirm=db1")
        last = database.restores.killed(share, tasks, *words, whole=number % 2 == 0)
        runs = database.restores.again(*words)
        print(f"\nkilled in '{last}': {runs} runs")
        database.restored(wanted)
        seen.append(last)
    note(
        "restore-controller",
        f"{RESTORES} of {RESTORES} random points end with the rows of the moment, one cluster, a new full backup",
    )


def test_a_restore_in_place_holds_readers_and_writers_back(database: Database) -> None:
    """Readers wait as well: the cluster that they read from ends, too."""
    after = "SELECT count(*) FROM stream WHERE word = 'after'"
    before = database.sql(after)
    point, _wanted = database.point()
    with database.writers(0) as readers, database.writers() as writers:
        time.sleep(2)
        status, said = database.restores.whole("-e", f"restore_to={point}", "-e", "confirm=db1")
        time.sleep(2)
    assert status == 0, said[-5000:]
    for who, found in (("readers", readers), ("writers", writers)):
        print(f"\n{who} around a restore in place: {found}")
        assert found["acknowledged"] and not found["failed"], f"{who}: {found}"
    # What was written after the moment is gone, as it was asked for; what came after the switch is there.
    assert database.sql(after) == before
    assert 0 < writers["lost"] < writers["acknowledged"], writers
    database.restored(database.checksums())


@pytest.mark.parametrize(
    ("name", "host", "task"),
    [("restore-database", "db1", BESIDE), ("restore-repository", "backup1", BESIDE), ("restore-switch", "db1", SWITCH)],
)
def test_a_host_that_dies_during_a_restore(database: Database, name: str, host: str, task: str) -> None:
    point, wanted = database.point()
    words = ("-e", f"restore_to={point}", "-e", "confirm=db1")
    reached = database.restoring if task == BESIDE else lambda: time.sleep(1.5)
    status, said = database.restores.struck(task, power(database, host, reached), *words)
    print("\n".join(line for line in said.splitlines() if "UNREACHABLE" in line or "fatal" in line))
    database.until("the return of both hosts", lambda: bool(database.serves() and database.info()["backup"]))
    runs = database.restores.again(*words) if status else 0
    database.restored(wanted)
    said = f"the run fails, and {runs} more ends" if status else "the run goes on once the host is back, and ends"
    note(name, f"{said} with the rows of the moment, one cluster and a new full backup")


@pytest.mark.parametrize(("name", "host"), [("restore-database-gone", "db1"), ("restore-repository-gone", "backup1")])
def test_a_host_that_dies_during_a_restore_and_stays_away_ends_the_run_soon(
    database: Database, name: str, host: str
) -> None:
    point, wanted = database.point()
    words = ("-e", f"restore_to={point}", "-e", "confirm=db1")

    def strike() -> None:
        database.restoring()
        database.machines.power_cut(host)

    status, said = database.restores.struck(BESIDE, strike, *words)
    seconds = database.restores.seconds
    if host == "backup1":
        assert database.serves(), "the live cluster has ended with the repository host"
    database.machines.power_back(host)
    assert status != 0 and seconds < SOON, f"{seconds:.0f} s:\n{said[-4000:]}"
    database.until("the return of both hosts", lambda: bool(database.serves() and database.info()["backup"]))
    runs = database.restores.again(*words)
    database.restored(wanted)
    note(
        name,
        f"the run fails after {seconds:.0f} s{'' if host == 'db1' else ', and the live cluster goes on'}; with the host back {runs} more "
        "run ends with the rows of the moment, one cluster and a new full backup",
    )


def test_a_disk_that_fills_up_during_a_restore(database: Database) -> None:
    with database.small_disk(DATA, "size=3g"):
        point, wanted = database.point()
        words = ("-e", f"restore_to={point}", "-e", "confirm=db1")
        fill = lambda: database.machines.run("db1", f"dd if=/dev/zero of={DATA}/fill bs=1M 2>/dev/null; true")  # noqa: E731
        status, said = database.restores.struck(BESIDE, fill, *words)
        assert status != 0, said[-3000:]
        database.lab.run("db1", "rm", "-f", f"{DATA}/fill")
        database.until("the cluster's return", database.serves)
        runs = database.restores.again(*words)
        database.restored(wanted)
    note(
        "restore-full", f"the run fails, the live cluster stays; after that {runs} run ends with the rows of the moment"
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
