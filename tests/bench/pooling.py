#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What a pooler costs a query, and what it saves a connection: run on a web host, as root.

    ssh -F .lab/lab/ssh_config web1 sudo python3 - self_hosted-transaction board < tests/bench/pooling.py

Asks the same database by turns through the pooler and straight at the server (TLS verify-full, as the pooler does it), in rounds, and
prints the median of the rounds. CPU is that of this process and of the pooler together; the server's is the same on both ways.
"""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

import psycopg2

ROUNDS = 7
QUERIES = 1500
CONNECTIONS = 60


def target(instance: str, name: str) -> dict[str, str]:
    """How the pooler logs in to a database."""
    text = Path(f"/etc/pgbouncer/{instance}/target.ini").read_text()
    line = next(line for line in text.splitlines() if line.startswith(f"{name} = "))
    found = {key: value.strip("'") for key, value in re.findall(r"(\w+)=('[^']*'|\S+)", line)}
    authority = re.search(r"^server_tls_ca_file = (.+)$", text, re.MULTILINE)
    return {
        **{key: found[key] for key in ("host", "port", "dbname", "user", "password")},
        "sslmode": "verify-full",
        "sslrootcert": authority[1] if authority else "",
    }


def pooler_pid(instance: str) -> int:
    shown = ["systemctl", "show", "--property=MainPID", "--value", f"pgbouncer@{instance}.service"]
    return int(subprocess.run(shown, capture_output=True, text=True, check=True).stdout)


def cpu(pid: int) -> float:
    """Seconds of this process and of the pooler."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    own = os.times()
    return own.user + own.system + (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def kept(given: dict[str, str]) -> None:
    """Queries over one connection."""
    connection = psycopg2.connect(**given)
    connection.autocommit = True
    cursor = connection.cursor()
    for _ in range(QUERIES):
        cursor.execute("SELECT 1")
        cursor.fetchone()
    connection.close()


def fresh(given: dict[str, str]) -> None:
    """A connection for each query, as Django without CONN_MAX_AGE has them."""
    for _ in range(CONNECTIONS):
        connection = psycopg2.connect(**given)
        connection.autocommit = True
        connection.cursor().execute("SELECT 1")
        connection.close()


def main() -> None:
    """Entry point."""
    instance, name = sys.argv[1:3]
    account = sys.argv[3] if len(sys.argv) > 3 else name
    direct, pid = target(instance, name), pooler_pid(instance)
    pooled = {"host": f"/run/pgbouncer/{instance}", "port": "6432", "dbname": name, "user": account}
    uid = int(subprocess.run(["id", "-u", account], capture_output=True, text=True, check=True).stdout)
    os.environ["HOME"] = "/"  # libpq looks for certificates of its own there
    os.seteuid(uid)  # the kernel names it to the pooler
    for title, work, count in (
        ("a kept connection, per query", kept, QUERIES),
        ("a new connection each", fresh, CONNECTIONS),
    ):
        rounds: dict[str, list[tuple[float, float]]] = {"direct": [], "pooled": []}
        for _ in range(ROUNDS):
            for way, given in (("direct", direct), ("pooled", pooled)):
                began, before = time.monotonic(), cpu(pid)
                work(given)
                spent = ((time.monotonic() - began) / count, (cpu(pid) - before) / count)
                rounds[way].append(spent)
        wall = {way: statistics.median(one for one, _ in found) * 1e6 for way, found in rounds.items()}
        work_done = {way: statistics.median(one for _, one in found) * 1e6 for way, found in rounds.items()}
        print(
            f"{title}: direct {wall['direct']:.0f} µs ({work_done['direct']:.0f} µs CPU), pooled {wall['pooled']:.0f} µs "
            f"({work_done['pooled']:.0f} µs CPU), ratio {wall['pooled'] / wall['direct']:.2f}"
        )


main()
