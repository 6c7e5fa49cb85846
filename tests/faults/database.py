"""A lab whose database is backed up, for faults: what must hold after each of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.bench.database.backup import BACKUP, RESTORE, BackedUp
from tests.bench.database.site import CHECKSUM
from tests.faults.machines import Machines
from tests.faults.runs import Runs, locked

# Backups and copies have to last for long enough to be hit.
MB = 200
STATUS = "playbooks/database_status.yml"
DATA = "/var/lib/postgresql"
REPOSITORY = "/var/lib/pgbackrest"
SERVER = "pgbackrest.service"
PATIENCE = 180


class Database(BackedUp):
    """A web host, a database host and a repository host."""

    def __init__(self) -> None:
        super().__init__("db-faults", MB)
        self.machines = Machines(self.lab)
        self.restores = Runs(self.lab, RESTORE)
        self.backups, self.status = Runs(self.lab, BACKUP, locks=False), Runs(self.lab, STATUS, locks=False)

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

    def point(self) -> tuple[str, list[str]]:
        """A named restore point, and the rows of that moment; others follow it."""
        name = f"point_{time.time_ns()}"
        wanted = self.checksums()
        self.sql(f"SELECT pg_create_restore_point('{name}')")
        self.sql("INSERT INTO stream (word) SELECT 'after' FROM generate_series(1, 1000)")
        return name, wanted

    def restored(self, wanted: list[str]) -> None:
        """A restore has ended right: those rows, one cluster, a full backup of the new timeline, no lock; then it is tidied up."""
        assert self.checksums() == wanted
        assert not locked(self.lab), f"deploys are still kept away: {locked(self.lab)}"
        timeline = int(self.sql("SELECT timeline_id FROM pg_control_checkpoint()"))
        newest = self.info()["backup"][-1]
        assert newest["type"] == "full" and int(newest["archive"]["start"][:8], 16) == timeline, newest
        assert self.restores.whole("-e", "restore_remove=before", "--limit", "database:backup")[0] == 0
        assert len(self.lab.run("db1", "pg_lsclusters", "--no-header").splitlines()) == 1
        left = self.lab.run("db1", "find", DATA, "-mindepth", "2", "-maxdepth", "2").split()
        assert [path.rpartition("/")[2] for path in left] == ["main"], left
        self.healthy()

    # -- what faults need

    def copying(self) -> Callable[[], None]:
        """Wait until the next backup copies."""
        there = f"ls -d {REPOSITORY}/backup/main/*F* | wc -l"
        before = int(self.machines.run("backup1", there))
        script = f"while [ $({there}) -le {before} ]; do sleep 0.05; done"
        return lambda: self.machines.run("backup1", f"timeout 60 sh -c '{script}'")

    def restoring(self) -> None:
        """Wait until a restore beside the live cluster has copied some of it."""
        begun = f"[ $(du -sm {DATA}/*/main.restored-* 2>/dev/null | cut -f1 || echo 0) -gt 20 ]"
        self.machines.run("db1", f"timeout 120 sh -c 'until {begun} 2>/dev/null; do sleep 0.1; done'")

    def version(self) -> str:
        """The major version of the cluster."""
        return self.lab.run("db1", "pg_lsclusters", "--no-header").split()[0]

    def cluster_unit(self) -> str:
        """Its unit."""
        return f"postgresql@{self.version()}-main.service"

    def writes(self) -> bool:
        """Whether a row can be written."""
        words = [*self.psql("bench"), "-c", "SET statement_timeout = '5s'; INSERT INTO stream (word) VALUES ('probe')"]
        try:
            self.lab.run("db1", *words)
        except SystemExit:
            return False
        return True

    def reads(self) -> bool:
        """Whether the application's way to the database leads to rows."""
        with self.writers(0) as found:
            time.sleep(1)
        return bool(found["acknowledged"]) and not found["failed"]

    def flood(self) -> None:
        """So much log that a small disk is full."""
        ask = "SELECT pg_logical_emit_message(true, 'fault', repeat('x', 15000000))"
        script = (
            f'for n in $(seq 90); do runuser -u postgres -- psql -XAtqd bench -c "{ask}" >/dev/null || exit 0; done'
        )
        self.machines.run("db1", script, check=False)

    @contextmanager
    def small_disk(self, directory: str, options: str) -> Iterator[None]:
        """A directory of the database host on a file system of its own, which pgBackRest's server sees, too."""
        try:
            with self.machines.small_disk("db1", directory, self.cluster_unit(), options):
                self.lab.run("db1", "systemctl", "restart", SERVER)
                self.until("the cluster's return", self.serves)
                yield
        finally:
            self.lab.run("db1", "systemctl", "restart", SERVER)

    @contextmanager
    def repository_disk(self, room: int) -> Iterator[None]:
        """The repository on a file system with so many megabytes of room; removing `fill` makes more."""
        disk = f"{REPOSITORY}.disk"
        # The server sees what was mounted when it started.
        self.machines.run(
            "backup1",
            f"set -e; systemctl stop {SERVER}; mkdir {disk}; "
            f"mount -t tmpfs -o size=$(( $(du -sm {REPOSITORY} | cut -f1) + 400 ))m,mode=0750 tmpfs {disk}; "
            f"chown --reference {REPOSITORY} {disk}; cp -a {REPOSITORY}/. {disk}/; mount --bind {disk} {REPOSITORY}; "
            f"fallocate -l $(( $(df --output=avail -B1 {disk} | tail -1) - {room} * 1000000 )) {disk}/fill; systemctl start {SERVER}",
        )
        try:
            yield
        finally:
            self.machines.run(
                "backup1",
                f"set -e; systemctl stop {SERVER}; umount --lazy {REPOSITORY}; rm -f {disk}/fill; rm -rf {REPOSITORY}/*; "
                f"cp -a {disk}/. {REPOSITORY}/; umount --lazy {disk}; rmdir {disk}; systemctl start {SERVER}",
            )
