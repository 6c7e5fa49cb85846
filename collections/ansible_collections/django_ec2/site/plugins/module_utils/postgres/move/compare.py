# SPDX-License-Identifier: MIT
"""Whether both sides have the same rows, while the site writes.

A table is compared in parts, by count and by a sum over a digest of each row's text. Neither depends on an order, and the text is
taken under COLLATE "C", so collations of two systems can't make a difference. Where a part differs, its rows are compared one by one. A
row that differs may be on its way: it counts when the source's row has stood still for a round trip and the target's still differs, twice
in a row.
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

# A row's digest (or the number of equal rows) by its key, and which version of the row it is, where the source says so.
Rows = Mapping[str, tuple[int, str]]


def unsettled(before: Rows, source: Rows, target: Rows) -> tuple[set[tuple], bool]:
    """Of the rows that differ, those whose source's row did not change, and whether there are others.

    Args:
        before: the source's rows as they were before a round trip.
        source: as they are now.
        target: as the other side has them now; their versions are not looked at.

    Returns:
        Key and both digests of each row that differs though the source's stood still; whether rows differ whose source's did not.
    """
    pairs = {
        key: ((source.get(key) or (None,))[0], (target.get(key) or (None,))[0]) for key in source.keys() | target.keys()
    }
    differ = {key: pair for key, pair in pairs.items() if pair[0] != pair[1]}
    stood = {(key, *pair) for key, pair in differ.items() if before.get(key) == source.get(key)}
    return stood, len(stood) < len(differ)


def differences(
    read_source: Callable[[], Rows], read_target: Callable[[], Rows], settle: Callable[[], None]
) -> set[str]:
    """Keys of the rows that differ for good."""
    before, suspected = read_source(), set()
    for _ in range(ROUNDS):
        settle()
        # The target first: what the source writes in between makes a row that moved, not one that differs.
        target = read_target()
        source = read_source()
        stood, moved = unsettled(before, source, target)
        # A row without a key is known by its digest alone, which may come and go between two looks at the source.
        if wrong := stood & suspected:
            return {key for key, *_digests in wrong}
        if not stood and not moved:
            return set()
        before, suspected = source, stood
    return set()


def parts(server: Server, database: str, table: str) -> dict[int, tuple[int, int]]:
    """Count and sum of each part of a table. The parts are made by the row's digest."""
    found = server.rows(
        f"SELECT (h & {PARTS - 1})::int, count(*), sum(h::numeric)::text FROM (SELECT {ROW} h FROM ONLY {table} t) x GROUP BY 1",
        database,
    )
    return {int(part): (int(count), int(total)) for part, count, total in found}


Reader = Callable[[], Rows]


def keyed(source: Server, target: Server, database: str, table: str, key: str, chosen: str) -> tuple[Reader, Reader]:
    """Readers of the rows that differ at a first look, by their primary key.

    A part is made by the rows' digests, so a row that changes leaves it, and comes back into it: from here on rows are asked for by
    key, whatever they have become.
    """
    first = [dict(server.rows(f"SELECT {key}, {ROW} {chosen}", database)) for server in (source, target)]
    keys = [one for one in first[0].keys() | first[1].keys() if first[0].get(one) != first[1].get(one)]
    escaped = key.replace("%", "%%")
    asked = f"FROM ONLY {table.replace('%', '%%')} t WHERE {escaped} = ANY(%(keys)s::text[])"

    def read(server: Server, version: str) -> Reader:
        statement = f"SELECT {escaped}, {ROW}, {version} {asked}"
        return lambda: {
            str(one): (int(digest), said) for one, digest, said in server.rows(statement, database, keys=keys)
        }

    # A row that was changed and changed back is another version, though its text is the same.
    return read(source, "t.xmin::text"), read(target, "''")


def counted(source: Server, target: Server, database: str, chosen: str) -> tuple[Reader, Reader]:
    """Readers of rows without a primary key: a row is its own key, and equal ones are counted."""
    statement = f"SELECT {ROW}::text, count(*) {chosen} GROUP BY 1"

    def read(server: Server) -> Reader:
        return lambda: {str(one): (int(count), "") for one, count in server.rows(statement, database)}

    return read(source), read(target)


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
        apart = sorted(part for part in mine.keys() | others.keys() if mine.get(part) != others.get(part))
        chosen = f"FROM ONLY {table} t WHERE ({ROW} & {PARTS - 1}) IN ({', '.join(map(str, apart))})"
        key = source.value(KEY, database, table=table)
        readers = (
            keyed(source, target, database, table, key, chosen) if key else counted(source, target, database, chosen)
        )
        wrong = differences(*readers, settle)
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
