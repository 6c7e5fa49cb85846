"""What an operator does with two database hosts, and an application that writes all the while."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from site_playbooks import on

PROMOTE = "playbooks/database_promote.yml"
SITE = ("site.yml",)
# Runs inside the live release, with the application's own connection. It notes each row whose commit was acknowledged.
WRITER = """
import json, time
from django.db import connection
acknowledged, errors, number = [], 0, 0
end = time.monotonic() + {seconds}
while time.monotonic() < end:
    number += 1
    try:
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO promotion_rows (writer, number) VALUES (%s, %s)", ["{name}", number])
        acknowledged.append((number, time.time()))
    except Exception as error:
        errors += 1
        connection.close()
        time.sleep(0.02)
    time.sleep(0.005)
print("WRITTEN " + json.dumps({{"acknowledged": acknowledged, "errors": errors}}))
"""


class Written(NamedTuple):
    """What a writer did."""

    numbers: list[int]
    longest_stall: float
    errors: int


def sql(host: str, statement: str, database: str = "postgres") -> str:
    """What a server answers to its superuser."""
    return on(host).check_output(
        f'cd / && runuser -u postgres -- psql -XAt -h /var/run/postgresql -d {database} -c "{statement}"'
    )


def address(host: str) -> str:
    """A host's address, as the others know it."""
    return on(host).check_output("hostname -i").split()[0]


def led_to(pooler: str) -> str:
    """The server that a pooler of web1 leads to."""
    entry = on("web1").check_output(f"grep ^board /etc/pgbouncer/{pooler}/target.ini")
    return entry.partition("host=")[2].split()[0]


def recovering(host: str) -> bool:
    """Whether a host's server is a standby."""
    return sql(host, "SELECT pg_is_in_recovery()") == "t"


def soon(host: str, statement: str, answer: str, seconds: float = 20) -> bool:
    """Whether a server comes to an answer in that time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if sql(host, statement) == answer:
            return True
        time.sleep(0.5)
    return False


@contextmanager
def writing(name: str, seconds: int) -> Iterator[list[Written]]:
    """An application that writes while the block runs, and afterwards until its time is over; the list has what it did."""
    done: list[Written] = []
    script = WRITER.format(seconds=seconds, name=name)
    web = on("web1")
    web.check_output(f"cat > /tmp/writer-{name}.py <<'END'\n{script}\nEND")
    web.check_output(f"chmod 0644 /tmp/writer-{name}.py")
    web.check_output(
        f"systemd-run --quiet --unit writer-{name} sh -c 'board-manage shell < /tmp/writer-{name}.py > /run/writer-{name} 2>&1'"
    )
    time.sleep(2)
    yield done
    deadline = time.monotonic() + seconds + 30
    while web.run(f"systemctl is-active --quiet writer-{name}").rc == 0 and time.monotonic() < deadline:
        time.sleep(1)
    text = web.check_output(f"cat /run/writer-{name}")
    line = next((line for line in text.splitlines() if "WRITTEN " in line), "")
    assert line, text[-2000:]
    said = json.loads(line.partition("WRITTEN ")[2])
    times = [moment for _number, moment in said["acknowledged"]]
    stalls = [after - before for before, after in itertools.pairwise(times)]
    done.append(Written([number for number, _moment in said["acknowledged"]], max(stalls, default=0.0), said["errors"]))


def rows(host: str, name: str) -> set[int]:
    """The rows of a writer that a server has."""
    asked = "SELECT coalesce(json_agg(number), '[]') FROM promotion_rows WHERE writer = '{}'"
    return set(json.loads(sql(host, asked.format(name), "board")))
