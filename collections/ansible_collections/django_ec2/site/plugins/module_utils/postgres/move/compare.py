# SPDX-License-Identifier: MIT
"""Whether both sides have the same rows, while the site writes.

A table is compared in parts, by count and by a sum over a digest of each row's text. Neither depends on an order, and the text is
taken under COLLATE "C", so collations of two systems can't make a difference. Where a part differs, its rows are compared one by one. A
row that differs may be on its way: it counts when the source's row has stood still for a round trip and the target's still differs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from ansible_collections.django_ec2.site.plugins.module_utils.postgres.move import links
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.move.plan import MoveRefused
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.move.server import Server

PARTS = 4096
ROUNDS = 6
ROW = 'hashtextextended(t::text COLLATE "C", 0)'
KEY = """
SELECT coalesce(string_agg(format('t.%%I::text', a.attname), ' || ''/'' || ' ORDER BY a.attnum), '') FROM pg_index i
JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey)
WHERE i.indrelid = %(table)s::regclass AND i.indisprimary
"""

Rows = Mapping[str, int]


def unsettled(before: Rows, source: Rows, target: Rows) -> tuple[set[str], set[str]]:
    """Of the rows that differ, those that count and those that may be on their way.

    Args:
        before: the source's rows as they were before a round trip.
        source: as they are now.
        target: as the other side has them now.

    Returns:
        Keys of rows that differ though the source's did not change, and of rows that differ and did.
    """
    differ = {key for key in source.keys() | target.keys() if source.get(key) != target.get(key)}
    stood = {key for key in differ if before.get(key) == source.get(key)}
    return stood, differ - stood


def differences(
    read_source: Callable[[], Rows], read_target: Callable[[], Rows], settle: Callable[[], None]
) -> set[str]:
    """Keys of the rows that differ for good."""
    before = read_source()
    for _ in range(ROUNDS):
        settle()
        # The target first: what the source writes in between makes a row that moved, not one that differs.
        target = read_target()
        source = read_source()
        stood, moved = unsettled(before, source, target)
        if stood or not moved:
            return stood
        before = source
    return set()


def parts(server: Server, database: str, table: str) -> dict[int, tuple[int, int]]:
    """Count and sum of each part of a table. The parts are made by the row's digest."""
    found = server.rows(
        f"SELECT (h & {PARTS - 1})::int, count(*), sum(h::numeric)::text FROM (SELECT {ROW} h FROM ONLY {table} t) x GROUP BY 1",
        database,
    )
    return {int(part): (int(count), int(total)) for part, count, total in found}


def compare_table(
    source: Server, target: Server, database: str, name: tuple[str, str], settle: Callable[[], None]
) -> int:
    """Compare one table; returns how many rows it has.

    Raises:
        MoveRefused: rows differ.
    """
    table = links.qualified(*name)
    mine, others = parts(source, database, table), parts(target, database, table)
    rows = sum(count for count, _total in mine.values())
    if mine != others:
        key = source.value(KEY, database, table=table)
        # Without a primary key a row is its own key: equal ones are counted.
        columns = f"{key}, {ROW}" if key else f"{ROW}::text, count(*)"
        apart = sorted(part for part in mine.keys() | others.keys() if mine.get(part) != others.get(part))
        chosen = f"WHERE ({ROW} & {PARTS - 1}) IN ({', '.join(map(str, apart))})"
        statement = f"SELECT {columns} FROM ONLY {table} t {chosen} {'' if key else 'GROUP BY 1'}"

        def reader(server: Server) -> Callable[[], Rows]:
            return lambda: {str(one): int(digest) for one, digest in server.rows(statement, database)}

        wrong = differences(reader(source), reader(target), settle)
        if wrong:
            listed = ", ".join(sorted(wrong)[:5])
            raise MoveRefused(
                f"{database}: {len(wrong)} rows of {table} differ between the sides ({'keys' if key else 'digests'} {listed})"
            )
    return rows


def compare(source: Server, target: Server, database: str) -> int:
    """Compare all tables of a database; returns how many rows there are."""

    def settle() -> None:
        word = f"compare {time.time_ns()}"
        links.say(source, database, word)
        links.wait_for(target, database, word, 60)

    settle()
    return sum(compare_table(source, target, database, name, settle) for name in links.tables(source, database))
