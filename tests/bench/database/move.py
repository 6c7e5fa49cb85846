"""What a move costs: 1 GB to RDS (as the lab imitates it) and back, under 200 writes a second, against pg_dump and pg_restore.

Writers write through the pooler of a web host (``stream.py``). ``BENCH_MB`` (1000) and
``BENCH_WRITES`` (200) are the size and the writes a second: half of them are new rows, half change old ones. ``BENCH_KEEP=1``
leaves the lab running. The figures are written to ``build/bench/database-move.json``.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.bench.given import whole_number
from tests.bench.labs import BENCH, Lab, copy_project, write_results

MB = whole_number("BENCH_MB", 1000)
WRITES = whole_number("BENCH_WRITES", 200)
STALL_SECONDS = 2.0
INVENTORY = """\
env_lab:
  vars:
    ansible_group_priority: 10
  children:
    web:
      hosts:
        web1:
        web2:
    database:
      hosts:
        db1:
    rds:
      hosts:
        rds1: {lab_kind: rds}
"""
TABLES = """
SET ROLE bench_owner;
CREATE TABLE ballast (id bigserial PRIMARY KEY, body text NOT NULL, n integer NOT NULL DEFAULT 0);
CREATE TABLE stream (id bigserial PRIMARY KEY, word text NOT NULL);
INSERT INTO ballast (body) SELECT string_agg(md5(random()::text), '')
  FROM generate_series(1, {rows}) g, generate_series(1, 28) h GROUP BY g;
"""
# About a kilobyte a row, with its header and its share of the index.
ROWS_A_MB = 1000


class Site:
    """A lab whose database can move.

    Args:
        name: of the lab.
        megabytes: of rows beside the application's own.
    """

    def __init__(self, name: str, megabytes: int) -> None:
        self.megabytes = megabytes
        self.lab = Lab(name, INVENTORY, BENCH / "applications.yml")
        described = self.lab.inventory / "group_vars" / "env_lab" / "zz_database.yml"
        described.symlink_to(
            BENCH.parents[1] / "molecule" / "move" / "inventory" / "group_vars" / "env_lab" / "database.yml"
        )

    def boot(self) -> None:
        """Boot and configure it, and fill the database."""
        self.lab.command("down")
        self.lab.command("hosts")
        copy_project(self.lab)
        self.lab.run("rds1", "lab-rds", "parameter", "rds.logical_replication", "1")
        self.lab.run("rds1", "lab-rds", "reboot")
        self.lab.play("playbooks/secrets.yml")
        self.lab.play("site.yml")
        self.lab.run(
            "db1",
            "runuser",
            "-u",
            "postgres",
            "--",
            "psql",
            "-Xqd",
            "bench",
            stdin=TABLES.format(rows=self.megabytes * ROWS_A_MB),
        )
        self.lab.run("web1", "tee", "/usr/local/bin/stream", stdin=(Path(__file__).parent / "stream.py").read_text())

    @contextmanager
    def writers(self, instance: str) -> Iterator[dict[str, Any]]:
        """Writes all the time; what came of them is there at the end."""
        found: dict[str, Any] = {}
        command = shlex.join(
            ["sudo", "-u", "bench", "python3", "/usr/local/bin/stream", instance, "bench", str(WRITES)]
        )
        words = ["ssh", "-F", str(self.lab.directory / "ssh_config"), "web1", command]
        process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            yield found
        finally:
            said, _ = process.communicate(timeout=300)
        found |= json.loads(said)

    def move(self, to: str, mode: str) -> dict[str, Any]:
        """Move, under load."""
        with self.writers("self_hosted-transaction") as found:
            done = self.lab.play(
                "playbooks/database_move.yml", "-e", f"to={to}", environment={"MOVE_DATABASE_MODE": mode}
            )
            time.sleep(3)
        return {"to": to, "command_seconds": round(done.seconds, 1), **found}

    def dump_and_restore(self) -> float:
        """Seconds of pg_dump and pg_restore, the way that needs the site in maintenance."""
        told = json.loads((self.lab.directory / "rds1.json").read_text())
        script = f"""
        set -e
        export PGSSLMODE=verify-full PGSSLROOTCERT=/etc/ssl/rds/ca.pem PGHOST={told["host"]} PGUSER={told["master_user"]}
        psql -Xqd postgres -c 'CREATE DATABASE restored'
        env -u PGHOST -u PGUSER -u PGPASSWORD runuser -u postgres -- pg_dump -h /var/run/postgresql -Fc -Z1 bench > /var/tmp/bench.dump
        pg_restore --no-owner --no-privileges --exit-on-error -d restored /var/tmp/bench.dump
        rm /var/tmp/bench.dump
        """
        began = time.monotonic()
        self.lab.run("db1", "env", f"PGPASSWORD={told['master_password']}", "sh", "-c", script)
        return round(time.monotonic() - began, 1)


def main() -> None:
    """Measure, and print the table."""
    site = Site("database-move", MB)
    try:
        site.boot()
        results: dict[str, Any] = {"mb": MB, "writes_a_second": WRITES, "moves": []}
        results["moves"].append(site.move("rds", "self_hosted"))
        results["moves"].append(site.move("self_hosted", "self_hosted"))
        results["dump_seconds"] = site.dump_and_restore()
        write_results("database-move", results)
    finally:
        if not os.environ.get("BENCH_KEEP"):
            site.lab.command("down")
    print(f"\n{MB} MB, {WRITES} writes a second (goal: no row lost, none failed, longest stall {STALL_SECONDS:.0f} s)")
    print(f"{'move':<16}{'command':>10}{'written':>10}{'failed':>8}{'lost':>6}{'longest':>10}")
    for one in results["moves"]:
        print(
            f"to {one['to']:<13}{one['command_seconds']:>8} s{one['acknowledged']:>10}{len(one['failed']):>8}{one['lost']:>6}"
            f"{one['longest']:>8} s"
        )
    print(f"pg_dump and pg_restore, with the site in maintenance: {results['dump_seconds']} s of outage at least")
