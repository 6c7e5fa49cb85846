"""Writes through the pooler of a web host, so many a second, until its standard input ends. Runs there, with the system's Python.

Prints one JSON object: ``acknowledged``, ``failed`` (their messages), ``lost`` (acknowledged and not in the database at the end),
``longest`` (the longest time, in seconds, between two answers that one of the clients got) and ``seconds``.

    stream.py INSTANCE DATABASE WRITES_A_SECOND        0: read instead
"""

from __future__ import annotations

import json
import random
import sys
import threading
import time

import psycopg2

INSTANCE, DATABASE, RATE = sys.argv[1], sys.argv[2], float(sys.argv[3])
CLIENTS = 4
ROWS = 1000
# A write is a new row, or a change of an old one: each transaction has one of both.
PAUSE = (2 * CLIENTS / RATE) if RATE else 0.05
# After the end, for a server that is about to come back.
PATIENCE = 60


class Client(threading.Thread):
    """One connection."""

    def __init__(self, name: str, enough: threading.Event) -> None:
        super().__init__()
        self.word, self.enough = name, enough
        self.acknowledged: list[str] = []
        self.failed: list[str] = []
        self.longest = 0.0
        self.random = random.Random(name)

    def run(self) -> None:
        connection = None
        number, due = 0, time.monotonic()
        answered = due
        while not self.enough.is_set():
            word = f"{self.word}-{number}"
            try:
                connection = connection or connect()
                self.ask(connection, word)
                self.acknowledged.append(word)
                self.longest = max(self.longest, time.monotonic() - answered)
                answered = time.monotonic()
            except psycopg2.Error as error:
                self.failed.append(str(error).strip()[:200])
                if connection:
                    connection.close()
                connection = None
                time.sleep(0.02)
            number += 1
            due = max(due + PAUSE, time.monotonic() - 1)
            time.sleep(max(0.0, due - time.monotonic()))
        self.longest = max(self.longest, time.monotonic() - answered)

    def ask(self, connection, word: str) -> None:
        """One transaction."""
        with connection.cursor() as cursor:
            if RATE:
                cursor.execute("INSERT INTO stream (word) VALUES (%s)", [word])
                cursor.execute("UPDATE ballast SET n = n + 1 WHERE id = %s", [self.random.randint(1, ROWS)])
            else:
                cursor.execute("SELECT n FROM ballast WHERE id = %s", [self.random.randint(1, ROWS)])
                cursor.fetchall()
        connection.commit()


def connect():
    """A connection to the pooler."""
    return psycopg2.connect(host=f"/run/pgbouncer/{INSTANCE}", port=6432, dbname=DATABASE, connect_timeout=30)


def there() -> set[str]:
    """The rows that the database has."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            with connect() as connection, connection.cursor() as cursor:
                cursor.execute("SELECT word FROM stream")
                return {word for (word,) in cursor.fetchall()}
        except psycopg2.Error:
            if time.monotonic() > end:
                raise
            time.sleep(0.5)


def main() -> None:
    """Entry point."""
    enough = threading.Event()
    began = time.monotonic()
    clients = [Client(f"{began:.0f}-{number}", enough) for number in range(CLIENTS)]
    for one in clients:
        one.start()
    sys.stdin.read()
    enough.set()
    for one in clients:
        one.join()
    seconds = time.monotonic() - began
    acknowledged = [word for one in clients for word in one.acknowledged]
    failed = [said for one in clients for said in one.failed]
    print(
        json.dumps(
            {
                "acknowledged": len(acknowledged),
                "failed": failed,
                "lost": len(set(acknowledged) - there()) if RATE else 0,
                "longest": round(max(one.longest for one in clients), 3),
                "seconds": round(seconds, 1),
            }
        )
    )


if __name__ == "__main__":
    main()
