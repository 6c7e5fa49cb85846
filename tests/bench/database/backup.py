"""What a backup and a restore cost: 1 GB to the repository host under 200 writes a second, and back to a named transaction.

Beside them what one would do without pgBackRest: ``pg_dump``, and ``pg_restore`` of it with the site in maintenance. ``BENCH_MB`` (1000)
and ``BENCH_WRITES`` (200) are the size and the writes a second; ``BENCH_RESTORES`` (3) is how often it is restored. ``BENCH_KEEP=1``
leaves the lab running. The figures are written to ``build/bench/database-backup.json``.

``BENCH_MB=10000 BENCH_RESTORES=1`` shows how it grows: it needs some 60 GB of disk, and half an hour; with ``BENCH_DUMP=0``, which leaves
``pg_dump`` out, some 45 GB.
"""

from __future__ import annotations

import json
import time
from typing import Any

from tests.bench.database.site import HEAD, MB, WRITES, Site, inventory, row
from tests.bench.given import whole_number
from tests.bench.labs import spread, write_results

RESTORES = whole_number("BENCH_RESTORES", 3)
DUMP = whole_number("BENCH_DUMP", 1)
RESTORE_SECONDS = 120.0
BACKUP = "playbooks/database_backup.yml"
RESTORE = "playbooks/database_restore.yml"
INVENTORY = inventory(web="web1", database="db1", backup="backup1")


class BackedUp(Site):
    """A lab with a repository host."""

    def __init__(self, name: str, megabytes: int = MB) -> None:
        super().__init__(name, INVENTORY, megabytes)

    def info(self) -> dict[str, Any]:
        """What the repository says of the cluster."""
        words = ["runuser", "-u", "postgres", "--", "pgbackrest", "--stanza=main", "--output=json", "info"]
        return dict(json.loads(self.lab.run("backup1", *words))[0])

    def first_backup(self) -> None:
        """Wait for the one that begins by itself."""
        end = time.monotonic() + 300
        while not self.info().get("backup"):
            if time.monotonic() > end:
                raise SystemExit("the first backup, which site.yml begins, was not made within 300 s")
            time.sleep(1)

    def backup(self, kind: str) -> dict[str, Any]:
        """A backup under load."""
        found = self.under_load(BACKUP, "-e", f"backup_type={kind}")
        newest = self.info()["backup"][-1]
        return {
            "kind": newest["type"], **found,
            "own_seconds": newest["timestamp"]["stop"] - newest["timestamp"]["start"],
            "database_mb": round(newest["info"]["size"] / 1e6), "copied_mb": round(newest["info"]["repository"]["delta"] / 1e6),
        }  # fmt: skip

    def restore(self) -> dict[str, Any]:
        """Back to a named transaction inside a stream of writes, while clients read; the rows have to be those of that moment."""
        with self.writers():
            time.sleep(5)
        named = self.sql("INSERT INTO stream (word) VALUES ('named') RETURNING pg_current_xact_id()")
        wanted = self.checksums()
        with self.writers():
            time.sleep(5)
        found = self.under_load(RESTORE, "-e", f"restore_to={named}", "-e", "confirm=db1", writes=0)
        equal = self.checksums() == wanted
        self.lab.play(RESTORE, "-e", "restore_remove=before")
        return {"transaction": named, **found, "equal": equal}

    def dump(self) -> tuple[float, float]:
        """Seconds of pg_dump, and of the way back, for which the site is in maintenance."""
        postgres = "runuser -u postgres --"
        made = self.timed(f"{postgres} pg_dump -Fc -Z1 bench > /var/tmp/bench.dump")
        back = self.timed(
            f"{postgres} createdb restored && {postgres} pg_restore --exit-on-error -d restored < /var/tmp/bench.dump"
        )
        self.lab.run("db1", "sh", "-c", f"{postgres} dropdb restored && rm /var/tmp/bench.dump")
        return made, back

    def timed(self, script: str) -> float:
        """Seconds that a script takes on the database host."""
        began = time.monotonic()
        self.lab.run("db1", "sh", "-c", script)
        return round(time.monotonic() - began, 1)


def main() -> None:
    """Measure, and print the tables."""
    site = BackedUp("db-backup")
    try:
        site.boot()
        site.first_backup()
        results: dict[str, Any] = {"mb": MB, "writes_a_second": WRITES}
        results["backups"] = [site.backup("full"), site.backup("diff")]
        results["restores"] = [site.restore() for _ in range(RESTORES)]
        if DUMP:
            results["dump_seconds"], results["dump_restore_seconds"] = site.dump()
        write_results("database-backup", results)
    finally:
        site.leave()
    print(f"\n{MB} MB, {WRITES} writes a second")
    print(HEAD)
    for one in results["backups"]:
        print(row(f"backup, {one['kind']}", one) + f"  pgBackRest alone {one['own_seconds']} s, {one['copied_mb']} MB")
    for one in results["restores"]:
        said = "rows as they were" if one["equal"] else "ROWS DIFFER"
        print(row("restore (readers)", one) + f"  {said}")
    stall, whole = (spread([one[key] for one in results["restores"]]) for key in ("longest", "command_seconds"))
    print(
        f"restore to a named transaction: {whole['median']:.0f} s ({whole['min']:.0f}–{whole['max']:.0f}; goal {RESTORE_SECONDS:.0f} s), "
        f"of it without an answer {stall['median']:.1f} s ({stall['min']:.1f}–{stall['max']:.1f})"
    )
    if not DUMP:
        return
    print(
        f"pg_dump {results['dump_seconds']} s; pg_restore of it, to the moment of the dump alone and with the site in maintenance, "
        f"{results['dump_restore_seconds']} s: the restore's stall is {stall['median'] / results['dump_restore_seconds']:.2f} of it"
    )
