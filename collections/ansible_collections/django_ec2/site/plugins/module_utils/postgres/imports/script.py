# SPDX-License-Identifier: MIT
"""A script as pg_dump and pg_restore write it, in pieces: what each is about, its statements, and the rows of its tables.

No program that knows commands of its own (``\\!``) reads it: statements go to the server as they are, and rows behind COPY.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO

SECTION = re.compile(rb"-- (?:Data for )?Name: (.*?); Type: (.*?); Schema: (.*?); Owner: ?(.*?)(?:; Tablespace: .*)?$")
COPY = re.compile(rb"COPY (.+?) (?:\((?:.*)\) )?FROM stdin;$")
SETVAL = re.compile(rb"SELECT pg_catalog\.setval\('((?:[^']|'')+)', (-?\d+), (true|false)\);$")
# The last line of a whole one.
COMPLETE = b"-- PostgreSQL database dump complete"
DOLLARS = re.compile(rb"\$(?:[A-Za-z_][\w]*)?\$")
# Statements are sent when they are as long as this; rows that are INSERTs would otherwise fill the memory.
BATCH = 1 << 20

# What the server's own roles, and not this application, decide. Extensions are made before, by who may.
LEFT_OUT = (
    "ACL", "DEFAULT ACL", "DATABASE", "DATABASE PROPERTIES", "EXTENSION", "PUBLICATION", "PUBLICATION TABLE",
    "PUBLICATION TABLES IN SCHEMA", "SUBSCRIPTION", "EVENT TRIGGER", "PROCEDURAL LANGUAGE", "SECURITY LABEL",
)  # fmt: skip
# Lines of one statement each, outside of functions.
OWNERSHIP = re.compile(
    rb"(ALTER .+ OWNER TO [^;]+|SET SESSION AUTHORIZATION [^;]+|SET default_tablespace = [^;]+|SET transaction_timeout = 0);$"
)
COMMAND = re.compile(rb"\\(restrict|unrestrict|connect|encoding)\b")


class NotAScript(Exception):
    """The text is no dump that can be taken; it says why."""


@dataclass(frozen=True)
class Section:
    """What pg_dump says above a piece: ``kind`` is its Type."""

    name: str
    kind: str
    schema: str

    @property
    def left_out(self) -> bool:
        """Whether it has no place in the database of an application."""
        extension = self.kind == "COMMENT" and self.name.startswith("EXTENSION ")
        public = self.kind in ("SCHEMA", "COMMENT") and self.name in ("public", "SCHEMA public")
        return self.kind in LEFT_OUT or extension or public


@dataclass(frozen=True)
class Sql:
    """Statements that may be sent together."""

    text: bytes
    section: Section | None


@dataclass(frozen=True)
class Rows:
    """The rows of a table: the COPY statement, and its lines, which have to be read before the next piece is asked for."""

    table: str
    statement: bytes
    lines: Iterator[bytes]


@dataclass(frozen=True)
class End:
    """The script says that it is whole."""


@dataclass
class Counts:
    """What a dump holds, by its own word. ``uncounted`` are tables whose rows are INSERTs."""

    rows: dict[str, int] = field(default_factory=dict)
    sequences: dict[str, tuple[int, bool]] = field(default_factory=dict)
    uncounted: set[str] = field(default_factory=set)
    complete: bool = False
    bytes: int = 0


def pieces(stream: IO[bytes]) -> Iterator[Sql | Rows | End]:
    """The pieces of a script.

    Raises:
        NotAScript: it ends within the rows of a table, or has a command of psql.
    """
    section: Section | None = None
    held: list[bytes] = []
    size = 0
    tags: list[bytes] = []

    def sent() -> Iterator[Sql]:
        nonlocal size
        text = b"".join(held)
        held.clear()
        size = 0
        if text.strip() and not (section and section.left_out):
            yield Sql(text, section)

    for line in stream:
        bare = line.rstrip(b"\r\n")
        if not tags and bare.startswith(b"--"):
            if bare == COMPLETE:
                yield from sent()
                yield End()
            if found := SECTION.match(bare):
                yield from sent()
                name, kind, schema, _owner = (part.decode(errors="replace") for part in found.groups())
                section = Section(name, kind, schema)
            continue
        if not tags and bare.startswith(b"COPY ") and (copy := COPY.match(bare)):
            yield from sent()
            rows = Rows(copy[1].decode(), bare.rstrip(b";"), _lines(stream))
            yield rows
            for _ in rows.lines:
                pass
            continue
        inserts = section is not None and section.kind == "TABLE DATA"
        if not tags and not inserts and bare.startswith(b"\\"):
            if COMMAND.match(bare):
                continue
            raise NotAScript(
                f"it has a command of psql, which pg_dump does not write: {bare.decode(errors='replace')[:60]}"
            )
        if not tags and not inserts and OWNERSHIP.match(bare):
            continue
        if not inserts:
            _follow(bare, tags)
        held.append(line)
        size += len(line)
        if size > BATCH and not tags and bare.endswith(b");") and b"".join(held).count(b"'") % 2 == 0:
            yield from sent()
    yield from sent()


def _lines(stream: IO[bytes]) -> Iterator[bytes]:
    for line in stream:
        if line.rstrip(b"\r\n") == b"\\.":
            return
        yield line
    raise NotAScript("it ends within the rows of a table: it was cut off. Make the dump again, and copy it whole")


def _follow(line: bytes, tags: list[bytes]) -> None:
    """Note the dollar-quoted text that a line begins or ends: a function's body is no statement of the script."""
    for found in DOLLARS.findall(line):
        if not tags:
            tags.append(found)
        elif tags[-1] == found:
            tags.pop()


def count(stream: IO[bytes]) -> Counts:
    """Rows of each table, and the values of its sequences, in one pass."""
    counts = Counts()
    for piece in pieces(stream):
        if isinstance(piece, Rows):
            number = 0
            for line in piece.lines:
                number += 1
                counts.bytes += len(line)
            counts.rows[piece.table] = counts.rows.get(piece.table, 0) + number
            continue
        if isinstance(piece, End):
            counts.complete = True
            continue
        counts.bytes += len(piece.text)
        if piece.section and piece.section.kind == "TABLE DATA" and b"INSERT INTO" in piece.text:
            counts.uncounted.add(piece.section.name)
            counts.rows.setdefault(f"{piece.section.schema}.{piece.section.name}", -1)
        for line in piece.text.splitlines():
            if found := SETVAL.match(line):
                counts.sequences[found[1].decode().replace("''", "'")] = (int(found[2]), found[3] == b"true")
    return counts
