"""The database host and the controller are lost: another controller, with what has to be kept, brings the site back by one playbook.

Part of ``make test-faults`` (``ONLY=backups``; ``ONLY=lost`` for this alone), with a lab of its own. ``FAULTS_KEEP=1`` leaves the lab for
a run with ``FAULTS_BOOTED=1``.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest

from tests.bench.database.backup import BACKUP, RESTORE
from tests.faults.database import STATUS, Database
from tests.faults.lost import BY_HAND, another_controller, cluster, empty_host
from tests.faults.notes import note

pytestmark = pytest.mark.faults

LIMIT = ("--limit", "database:backup")


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
