"""Writes through the pooler of a web host, so many a second, until its standard input ends. Runs there, with the system's Python.

Prints one JSON object: ``acknowledged``, ``failed``, ``lost`` (acknowledged and not in the database at the end), ``longest`` (seconds of
the slowest write) and ``seconds``.

    stream.py INSTANCE DATABASE WRITES_A_SECOND
"""

from __future__ import annotations

import json
import random
import sys
import threading
import time

import psycopg2

INSTANCE, DATABASE, RATE = sys.argv[1], sys.argv[2], float(sys.argv[3])
WORKERS = 4
ROWS = 1000


class Writer(threading.Thread):
    """One connection. Half of its writes are new rows, half change old ones."""

    def __init__(self, name: str, enough: threading.Event) -> None:
        super().__init__()
        self.word, self.enough = name, enough
        self.acknowledged: list[str] = []
        self.failed: list[str] = []
        self.longest = 0.0

    def run(self) -> None:
        connection = connect()
        chosen = random.Random(self.word)
        number, due = 0, time.monotonic()
        while not self.enough.is_set():
            began = time.monotonic()
            try:
                with connection.cursor() as cursor:
                    cursor.execute("INSERT INTO stream (word) VALUES (%s)", [f"{self.word}-{number}"])
                    cursor.execute("UPDATE ballast SET n = n + 1 WHERE id = %s", [chosen.randint(1, ROWS)])
                connection.commit()
                self.acknowledged.append(f"{self.word}-{number}")
            except psycopg2.Error as error:
                self.failed.append(str(error).strip()[:200])
                connection.close()
                connection = connect()
            self.longest = max(self.longest, time.monotonic() - began)
            number += 1
            due += 2 * WORKERS / RATE
            time.sleep(max(0.0, due - time.monotonic()))
        connection.close()


def connect():
    """A connection to the pooler."""
    return psycopg2.connect(host=f"/run/pgbouncer/{INSTANCE}", port=6432, dbname=DATABASE, connect_timeout=30)


def main() -> None:
    """Entry point."""
    enough = threading.Event()
    began = time.monotonic()
    writers = [Writer(f"{began:.0f}-{number}", enough) for number in range(WORKERS)]
    for one in writers:
        one.start()
    sys.stdin.read()
    enough.set()
    for one in writers:
        one.join()
    seconds = time.monotonic() - began
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT word FROM stream")
        there = {word for (word,) in cursor.fetchall()}
    acknowledged = [word for one in writers for word in one.acknowledged]
    print(
        json.dumps(
            {
                "acknowledged": len(acknowledged),
                "failed": [said for one in writers for said in one.failed][:5],
                "lost": len(set(acknowledged) - there),
                "longest": round(max(one.longest for one in writers), 3),
                "seconds": round(seconds, 1),
            }
        )
    )


if __name__ == "__main__":
    main()
