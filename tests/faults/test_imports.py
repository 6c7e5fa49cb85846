"""An import whose database host has no room left, or that is cut just before it becomes live; the next run ends right.

Part of ``make test-faults`` (``ONLY=imports``), with a lab of its own. ``FAULTS_KEEP=1`` leaves the lab for a run with ``FAULTS_BOOTED=1``.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest

from tests.bench.database.site import Site, inventory
from tests.faults.machines import Machines
from tests.faults.notes import note
from tests.faults.runs import Runs, locked, told

pytestmark = pytest.mark.faults

MB = 60
IMPORT = "playbooks/database_import.yml"
DUMP = "/var/tmp/site.dump"
GOOD = ("-e", "confirm=bench")
LOAD = "Restore it beside the live database, and compare"
DATA, KEPT = "/var/lib/postgresql", "/var/backups/bench"
MARK = "INSERT INTO stream (word) VALUES ('came with the dump')"
CAME = "SELECT count(*) FROM stream WHERE word = 'came with the dump'"
DATABASES = "SELECT string_agg(datname, ' ' ORDER BY datname) FROM pg_database WHERE datname LIKE 'bench%'"
# In which task, and how many seconds after its beginning.
CUTS = [
    ("Write a last dump", 0.5),
    ("Let the poolers hold requests back", 1.0),
    ("Give the copy the name", 0.3),
    ("Give the copy the name", 1.2),
]
FULL = "dd if=/dev/zero of={}/fill bs=1M 2>/dev/null; true"


class Imported:
    """A site, and a dump of another one, which has one row more."""

    def __init__(self) -> None:
        self.site = Site("db-imports", inventory(web="web1", database="db1"), MB)
        self.machines = Machines(self.site.lab)
        self.runs = Runs(self.site.lab, IMPORT)
        self.words = ("-e", "app=bench", "-e", f"dump=db1:{DUMP}")

    def dumped(self) -> None:
        """Make the dump, of the site's own rows."""
        self.site.sql(MARK)
        dump = ["runuser", "-u", "postgres", "--", "pg_dump", "--format=custom", f"--file={DUMP}", "bench"]
        self.site.lab.run("db1", *dump)
        self.site.sql("DELETE FROM stream WHERE word = 'came with the dump'")

    def unit(self) -> str:
        """The unit of the cluster."""
        version = self.site.lab.run("db1", "pg_lsclusters", "--no-header").split()[0]
        return f"postgresql@{version}-main.service"

    def serves(self) -> None:
        """Wait until the database answers, and ask the application's way to it."""
        end = time.monotonic() + 120
        while True:
            try:
                self.site.sql("SELECT 1")
                break
            except SystemExit:
                assert time.monotonic() < end, "the cluster did not come back"
                time.sleep(1)
        with self.site.writers() as found:
            time.sleep(1)
        assert found["acknowledged"] and not found["failed"] and not found["lost"], found

    def as_before(self) -> None:
        """Nothing has become live, and nothing is left of the copy."""
        self.serves()
        assert self.site.sql(DATABASES) == "bench"
        assert self.site.sql(CAME) == "0"

    def live(self) -> None:
        """The import is live, what was before is kept, deploys are free again; then both are as at the beginning."""
        assert self.site.sql(CAME) == "1"
        database, kept = self.site.sql(DATABASES).split()
        assert database == "bench" and kept.startswith("bench_before_")
        assert not locked(self.site.lab), f"deploys are still kept away: {locked(self.site.lab)}"
        self.serves()
        status, said = self.runs.whole("-e", "app=bench", "-e", "import_remove=before")
        assert status == 0, said[-3000:]
        assert self.site.sql(DATABASES) == "bench"
        self.site.sql("DELETE FROM stream WHERE word = 'came with the dump'")


@pytest.fixture(scope="module")
def imported() -> Iterator[Imported]:
    """Boot the lab, and make the dump."""
    found = Imported()
    try:
        if not os.environ.get("FAULTS_BOOTED"):
            found.site.boot()
        found.dumped()
        yield found
    finally:
        if not os.environ.get("FAULTS_KEEP"):
            found.site.lab.command("down")


@pytest.mark.parametrize("good", [(), GOOD], ids=["rehearsal", "good"])
def test_a_disk_that_fills_up_while_a_dump_is_restored(imported: Imported, good: tuple[str, ...]) -> None:
    with imported.machines.small_disk("db1", DATA, imported.unit(), "size=1500m"):
        fill = lambda: imported.machines.run("db1", FULL.format(DATA))  # noqa: E731
        status, said = imported.runs.struck(LOAD, fill, *imported.words, *good)
        assert status != 0
        assert "is full: make room" in told(said), said[-3000:]
        imported.machines.run("db1", f"rm -f {DATA}/fill")
        imported.as_before()
        runs = imported.runs.again(*imported.words, *good)
        if good:
            imported.live()
        else:
            imported.as_before()
    if good:
        note(
            "import-full",
            f"the run fails and says so, the old database stays live, the copy is dropped; after that {runs} run ends",
        )


def test_a_last_dump_that_has_no_room_keeps_the_old_database(imported: Imported) -> None:
    imported.machines.run("db1", f"mkdir -p {KEPT}; mount -t tmpfs -o size=1m tmpfs {KEPT}")
    try:
        status, said = imported.runs.whole(*imported.words, *GOOD)
        assert status != 0
        assert f"Make room in {KEPT}" in told(said), said[-3000:]
        imported.as_before()
    finally:
        imported.machines.run("db1", f"umount {KEPT}")
    runs = imported.runs.again(*imported.words, *GOOD)
    imported.live()
    note(
        "import-dump",
        f"the run fails and names the directory, the old database stays live, the copy is dropped; after that {runs} run ends",
    )


def test_an_import_that_is_cut_just_before_it_is_live(imported: Imported) -> None:
    seen = []
    for task, after in CUTS:
        with imported.site.writers(0) as found:
            last = imported.runs.killed_in(task, after, *imported.words, *GOOD)
            runs = imported.runs.again(*imported.words, *GOOD)
        print(f"\nkilled in '{last}': {runs} runs, {found}")
        imported.live()
        seen.append(found)
    asked, failed = sum(one["acknowledged"] for one in seen), sum(len(one["failed"]) for one in seen)
    note(
        "import-cut",
        f"{len(CUTS)} of {len(CUTS)} points: the old database stays live, or the new one is, and the next run ends with the new one; "
        f"{asked} reads, {failed} failed",
    )
