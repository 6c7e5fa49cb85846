"""A lab whose database is backed up, for faults: what must hold after each of them."""

from __future__ import annotations

import time
from collections.abc import Callable

from tests.bench.database.backup import RESTORE, BackedUp
from tests.bench.database.site import CHECKSUM
from tests.faults.machines import Machines
from tests.faults.runs import Runs

MB = 200
STATUS = "playbooks/database_status.yml"
PATIENCE = 180


class Database(BackedUp):
    """A web host, a database host and a repository host."""

    def __init__(self) -> None:
        super().__init__("db-faults", MB)
        self.machines = Machines(self.lab)
        self.restores, self.status = Runs(self.lab, RESTORE), Runs(self.lab, STATUS, locks=False)

    def until(self, what: str, condition: Callable[[], bool], seconds: float = PATIENCE) -> None:
        """Wait for something; hosts may not answer meanwhile."""
        end = time.monotonic() + seconds
        while True:
            try:
                if condition():
                    return
            except SystemExit:
                pass
            assert time.monotonic() < end, f"{what} did not happen within {seconds:.0f} s"
            time.sleep(1)

    def serves(self) -> bool:
        """Whether the cluster takes writes."""
        return self.sql("SELECT pg_is_in_recovery()") == "f"

    def archived(self) -> bool:
        """Whether nothing waits to be archived."""
        waiting = "SELECT count(*) FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready'"
        return self.sql(waiting, database="postgres") == "0"

    def healthy(self) -> None:
        """The cluster serves, the archive has what it should, and the status has nothing to say against it."""
        self.until("the cluster's return", self.serves)
        self.sql("SELECT pg_switch_wal()")
        self.until("the archive's return", self.archived)
        end = time.monotonic() + PATIENCE
        while True:
            status, said = self.status.whole("--limit", "database:backup")
            if status == 0:
                break
            assert time.monotonic() < end, said[-3000:]
            time.sleep(5)
        clusters = self.lab.run("db1", "pg_lsclusters", "--no-header").split("\n")
        online = [line for line in clusters if "online" in line]
        assert len(online) == 1 and " main " in online[0], clusters

    def restorable(self) -> None:
        """The newest backup restores, with every row that the live cluster has."""
        point = f"after_{time.time_ns()}"
        wanted = self.checksums()
        self.sql(f"SELECT pg_create_restore_point('{point}')")
        status, said = self.restores.whole(
            "-e", f"restore_to={point}", "-e", "restore_as=scratch", "--limit", "database:backup"
        )
        assert status == 0, said[-3000:]
        found = [self.scratch(table) for table in ("ballast", "stream")]
        assert self.restores.whole("-e", "restore_remove=scratch", "--limit", "database:backup")[0] == 0
        assert found == wanted

    def scratch(self, table: str) -> str:
        """Rows and checksum of a table of the scratch copy."""
        words = [*self.psql("bench"), "-p", "5433"]
        return self.lab.run("db1", *words, stdin=CHECKSUM.format(table=table)).strip()

    def reads(self) -> bool:
        """Whether the application's way to the database leads to rows."""
        with self.writers(0) as found:
            time.sleep(1)
        return bool(found["acknowledged"]) and not found["failed"]
