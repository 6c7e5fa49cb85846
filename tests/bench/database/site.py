"""A lab whose database is filled, written to all the time, and compared row by row."""

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
from tests.bench.labs import BENCH, Lab, copy_project

MB = whole_number("BENCH_MB", 1000)
WRITES = whole_number("BENCH_WRITES", 200)
# Applications reach the database through a pooler of their host, and the lab's hosts share this machine.
POOLED = "database_pooling: transaction\nuwsgi_processes: 3\n"
TABLES = """
SET ROLE bench_owner;
CREATE TABLE ballast (id bigserial PRIMARY KEY, body text NOT NULL, n integer NOT NULL DEFAULT 0);
CREATE TABLE stream (id bigserial PRIMARY KEY, word text NOT NULL);
INSERT INTO ballast (body) SELECT string_agg(md5(random()::text), '')
  FROM generate_series(1, {rows}) g, generate_series(1, 28) h GROUP BY g;
"""
# About a kilobyte a row, with its header and its share of the index.
ROWS_A_MB = 1000
# A checksum of each row, with its number in it; added up, as no server sorts millions of them in memory.
CHECKSUM = "SELECT count(*), sum(('x' || left(md5({table}::text), 16))::bit(64)::bigint::numeric) FROM {table}"


def inventory(**groups: str) -> str:
    """An inventory: for each group the names of its hosts."""
    text = "env_lab:\n  vars:\n    ansible_group_priority: 10\n  children:\n"
    for group, names in groups.items():
        hosts = "".join(f"        {name}:\n" for name in names.split())
        text += f"    {group}:\n      hosts:\n{hosts}"
    return text


class Site:
    """A lab of web and database hosts with so many megabytes of rows.

    Args:
        name: of the lab.
        hosts: the inventory, as text.
        megabytes: of rows beside the application's own.
        settings: a file of group variables, or its text.

    Attributes:
        pooler: the instance that the writers go through.
    """

    pooler = "self_hosted-transaction"

    def __init__(self, name: str, hosts: str, megabytes: int = MB, settings: Path | str = POOLED) -> None:
        self.megabytes = megabytes
        self.lab = Lab(name, hosts, BENCH / "applications.yml")
        described = self.lab.inventory / "group_vars" / "env_lab" / "zz_database.yml"
        if isinstance(settings, Path):
            described.symlink_to(settings)
        else:
            described.write_text(settings)

    def boot(self) -> None:
        """Boot and configure it, and fill the database."""
        self.lab.command("down")
        self.lab.command("hosts")
        self.configure()

    def configure(self) -> None:
        """Configure the hosts, and fill the database."""
        copy_project(self.lab)
        self.prepare()
        self.lab.play("playbooks/secrets.yml")
        self.lab.play("site.yml")
        self.fill()

    def prepare(self) -> None:
        """What the hosts need before site.yml."""

    def fill(self) -> None:
        """Fill the database, and place the program that writes to it."""
        self.lab.run("db1", *self.psql("bench"), stdin=self.tables())
        self.place_writer()

    def tables(self) -> str:
        """What makes the tables, with their rows."""
        return TABLES.format(rows=self.megabytes * ROWS_A_MB)

    def place_writer(self) -> None:
        """Place the program that writes."""
        program = Path(__file__).parent / "programs" / "stream.py"
        self.lab.run("web1", "tee", "/usr/local/bin/stream", stdin=program.read_text())

    def leave(self) -> None:
        """Away with the lab, unless ``BENCH_KEEP`` is set."""
        if not os.environ.get("BENCH_KEEP"):
            self.lab.command("down")

    @staticmethod
    def psql(database: str) -> list[str]:
        """The superuser's psql on a host of the group `database`."""
        return ["runuser", "-u", "postgres", "--", "psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", database]

    def sql(self, statement: str, host: str = "db1", database: str = "bench") -> str:
        """Ask a database host as its superuser."""
        return self.lab.run(host, *self.psql(database), stdin=statement).strip()

    def checksums(self, host: str = "db1") -> list[str]:
        """Rows and checksum of each table that is written to."""
        return [self.sql(CHECKSUM.format(table=table), host) for table in ("ballast", "stream")]

    @contextmanager
    def writers(self, writes: int = WRITES) -> Iterator[dict[str, Any]]:
        """Writes all the time, or reads where ``writes`` is 0; what came of them is there at the end."""
        found: dict[str, Any] = {}
        command = shlex.join(
            ["sudo", "-u", "bench", "python3", "/usr/local/bin/stream", self.pooler, "bench", str(writes)]
        )
        words = ["ssh", "-F", str(self.lab.directory / "ssh_config"), "web1", command]
        process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            yield found
        finally:
            said, _ = process.communicate(timeout=300)
        found |= json.loads(said)

    def under_load(self, *words: str, writes: int = WRITES, after: float = 3, **more: Any) -> dict[str, Any]:
        """Run a playbook while the site works; its seconds, and what came of the writes until so many seconds after it."""
        with self.writers(writes) as found:
            time.sleep(2)
            done = self.lab.play(*words, **more)
            time.sleep(after)
        return {"command_seconds": round(done.seconds, 1), **found}


def row(name: str, one: dict[str, Any]) -> str:
    """A line of the table for one that ran under load."""
    return f"{name:<18}{one['command_seconds']:>8} s{one['acknowledged']:>10}{len(one['failed']):>8}{one['lost']:>6}{one['longest']:>9} s"


HEAD = f"{'':<18}{'command':>10}{'answered':>10}{'failed':>8}{'lost':>6}{'longest':>11}"
