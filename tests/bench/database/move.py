"""What a move costs: 1 GB to RDS (as the lab imitates it) and back, under 200 writes a second, against pg_dump and pg_restore.

Writers write through the pooler of a web host (``programs/stream.py``). ``BENCH_MB`` (1000) and ``BENCH_WRITES`` (200) are the size and the
writes a second: half of them are new rows, half change old ones. ``BENCH_KEEP=1`` leaves the lab running. The figures are written to
``build/bench/database-move.json``.
"""

from __future__ import annotations

import json
import time
from typing import Any

from tests.bench.database.site import CHECKSUM, HEAD, MB, WRITES, Site, inventory, row
from tests.bench.labs import BENCH, write_results

STALL_SECONDS = 2.0
CAUGHT_UP_SECONDS = 120
INVENTORY = inventory(web="web1 web2", database="db1", rds="rds1").replace("rds1:", "rds1: {lab_kind: rds}")
SETTINGS = BENCH.parents[1] / "molecule" / "move" / "inventory" / "group_vars" / "env_lab" / "database.yml"


class Movable(Site):
    """A lab whose database can move."""

    def __init__(self, name: str, megabytes: int = MB, hosts: str = INVENTORY) -> None:
        super().__init__(name, hosts, megabytes, SETTINGS)

    def prepare(self) -> None:
        self.lab.run("rds1", "lab-rds", "parameter", "rds.logical_replication", "1")
        self.lab.run("rds1", "lab-rds", "reboot")

    def ask(self, side: str, statement: str, database: str = "bench") -> str:
        """Ask a side as its superuser."""
        if side == "rds":
            return self.lab.run("rds1", "lab-rds", "psql", "-c", statement, database).strip()
        return self.sql(statement, database=database)

    def sides(self) -> dict[str, list[str]]:
        """Rows and checksums of both sides, once nobody writes and one has followed the other."""
        end = time.monotonic() + CAUGHT_UP_SECONDS
        while True:
            found = {
                side: [self.ask(side, CHECKSUM.format(table=table)) for table in ("ballast", "stream")]
                for side in ("self_hosted", "rds")
            }
            if found["self_hosted"] == found["rds"] or time.monotonic() > end:
                return found
            time.sleep(1)

    def move(self, to: str) -> dict[str, Any]:
        """Move, under load; then compare."""
        found = self.under_load(
            "playbooks/database_move.yml", "-e", f"to={to}", environment={"MOVE_DATABASE_MODE": "self_hosted"}
        )
        sides = self.sides()
        return {"to": to, **found, "checksums": sides, "equal": sides["self_hosted"] == sides["rds"]}

    def dump_and_restore(self) -> float:
        """Seconds of pg_dump and pg_restore, the way that needs the site in maintenance."""
        told = json.loads((self.lab.directory / "rds1.json").read_text())
        script = f"""
        set -e
        export PGSSLMODE=verify-full PGSSLROOTCERT=/etc/ssl/rds/ca.pem PGHOST={told["host"]} PGUSER={told["master_user"]}
        psql -Xqd postgres -c 'DROP DATABASE IF EXISTS restored' -c 'CREATE DATABASE restored'
        env -u PGHOST -u PGUSER -u PGPASSWORD runuser -u postgres -- pg_dump -h /var/run/postgresql -Fc -Z1 bench > /var/tmp/bench.dump
        pg_restore --no-owner --no-privileges --exit-on-error -d restored /var/tmp/bench.dump
        rm /var/tmp/bench.dump
        """
        began = time.monotonic()
        self.lab.run("db1", "env", f"PGPASSWORD={told['master_password']}", "sh", "-c", script)
        return round(time.monotonic() - began, 1)


def main() -> None:
    """Measure, and print the table."""
    site = Movable("db-move")
    try:
        site.boot()
        results: dict[str, Any] = {"mb": MB, "writes_a_second": WRITES}
        results["moves"] = [site.move("rds"), site.move("self_hosted")]
        results["dump_seconds"] = site.dump_and_restore()
        write_results("database-move", results)
    finally:
        site.leave()
    stall = max(one["longest"] for one in results["moves"])
    print(f"\n{MB} MB, {WRITES} writes a second (goal: no row lost, none failed, longest stall {STALL_SECONDS:.0f} s)")
    print(HEAD + "  rows of both sides")
    for one in results["moves"]:
        print(row(f"to {one['to']}", one) + ("  equal" if one["equal"] else f"  differ: {one['checksums']}"))
    print(
        f"pg_dump and pg_restore, with the site in maintenance: {results['dump_seconds']} s of outage at least; "
        f"the move's longest stall is {stall / results['dump_seconds']:.3f} of it"
    )
