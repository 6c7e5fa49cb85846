# SPDX-License-Identifier: MIT
"""What a file is that somebody calls a dump, and how PostgreSQL's programs read it."""

from __future__ import annotations

import contextlib
import gzip
import os
import re
import subprocess
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from ansible_collections.django_ec2.site.plugins.module_utils.postgres.imports import script
from ansible_collections.django_ec2.site.plugins.module_utils.tar_archive import DamagedArchive, open_whole

CUSTOM, DIRECTORY, TAR, PLAIN = "custom", "directory", "tar", "plain"
HEAD = 4096
ALL_OF = b"-- PostgreSQL database cluster dump"
# What files begin with that people take for a dump of PostgreSQL.
OTHERS = (
    (
        b"SQLite format 3",
        "a database of SQLite. Load it into PostgreSQL first (pgloader, or manage.py dumpdata and loaddata)",
    ),
    (b"-- MySQL dump", "a dump of MySQL. Load it into PostgreSQL first (pgloader)"),
    (b"-- MariaDB dump", "a dump of MariaDB. Load it into PostgreSQL first (pgloader)"),
    (b"/*M!999999", "a dump of MariaDB. Load it into PostgreSQL first (pgloader)"),
    (b"PK\x03\x04", "a zip archive. Unpack it"),
    (b"\x28\xb5\x2f\xfd", "compressed by zstd. Unpack it, or compress it by gzip"),
    (b"\xfd7zXZ", "compressed by xz. Unpack it, or compress it by gzip"),
    (b"BZh", "compressed by bzip2. Unpack it, or compress it by gzip"),
)
WANTED = "Make it with: pg_dump --format=custom --file=site.dump <database>"
ENTRY = re.compile(r"^(\d+); \d+ \d+ (.+)$")
EXTENSION = re.compile(rb'CREATE EXTENSION IF NOT EXISTS "?([\w-]+)"? WITH SCHEMA "?([\w-]+)"?;')
KINDS = sorted((*script.LEFT_OUT,), key=len, reverse=True)


class DumpRefused(Exception):
    """The file can't be imported; the text says why, and what to do instead."""


@dataclass
class Dump:
    """A dump on this host. ``major`` is that of the server that it was made of, 0 where it does not say."""

    path: Path
    kind: str
    major: int = 0
    made_by: int = 0
    zipped: bool = False
    extensions: list[tuple[str, str]] = field(default_factory=list)
    listed: list[str] = field(default_factory=list)

    @property
    def words(self) -> str:
        """What it is, for people."""
        kind = {PLAIN: "plain SQL", TAR: "tar", CUSTOM: "custom format", DIRECTORY: "directory format"}[self.kind]
        return f"{kind}{', gzip' if self.zipped else ''}, of PostgreSQL {self.major or 'unknown'}"


def look(path: Path, room: Path) -> Dump:
    """Tell what a file is; an archive of a directory is unpacked.

    Args:
        path: of the file, or of a directory that ``pg_dump --format=directory`` made.
        room: a directory to unpack into.

    Raises:
        DumpRefused: it is no dump of pg_dump.
    """
    if not path.exists():
        raise DumpRefused(f"there is no {path}")
    if path.is_dir():
        return _archive(Dump(path, DIRECTORY))
    head = _begin(path)
    zipped = head.startswith(b"\x1f\x8b")
    if zipped:
        try:
            with gzip.open(path) as stream:
                head = stream.read(HEAD)
        except (OSError, EOFError) as error:
            raise DumpRefused(f"{path.name} can't be unpacked ({error}): copy it again") from None
    for magic, words in OTHERS:
        if head.startswith(magic):
            raise DumpRefused(f"{path.name} is {words}. {WANTED}")
    if head.startswith(b"PGDMP"):
        if zipped:
            raise DumpRefused(
                f"{path.name} is a dump in the custom format in a gzip: unpack it, it is compressed within (gunzip)"
            )
        return _archive(Dump(path, CUSTOM))
    if head[257:262] == b"ustar" or (zipped and tarfile.is_tarfile(path)):
        try:
            return _of_tar(path, room)
        except DamagedArchive as error:
            raise DumpRefused(f"{error}. Make it again, and copy it whole. {WANTED}") from None
    if not head:
        raise DumpRefused(f"{path.name} is empty. {WANTED}")
    return _plain(path, head, zipped)


def _begin(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(HEAD)


def _plain(path: Path, head: bytes, zipped: bool) -> Dump:
    if ALL_OF in head:
        raise DumpRefused(f"{path.name} is of pg_dumpall: all databases and roles of a server. {WANTED}")
    if b"PostgreSQL database dump" not in head:
        raise DumpRefused(f"{path.name} is no dump of pg_dump: it begins with {head[:40]!r}. {WANTED}")
    of = re.search(rb"-- Dumped from database version (\d+)", head)
    by = re.search(rb"-- Dumped by pg_dump version (\d+)", head)
    dump = Dump(path, PLAIN, int(of[1]) if of else 0, int(by[1]) if by else 0, zipped)
    with dump_text(dump) as stream:
        dump.extensions = _extensions(stream)
    return dump


def _of_tar(path: Path, room: Path) -> Dump:
    with open_whole(path) as archive:
        members = [
            one
            for one in archive
            if one.isfile() and os.path.basename(one.name) and not os.path.basename(one.name).startswith("._")
        ]
        table = next((one for one in members if os.path.basename(one.name) == "toc.dat"), None)
        if table is None:
            raise DumpRefused(f"{path.name} is a tar archive without toc.dat, so no dump of pg_dump is in it. {WANTED}")
        if any(one.name == "restore.sql" for one in members) and not path.name.endswith("gz"):
            return _archive(Dump(path, TAR))
        inside = room / "directory"
        inside.mkdir(parents=True, exist_ok=True)
        for one in members:
            # By their own names alone: no path of the archive counts.
            if os.path.dirname(one.name) == os.path.dirname(table.name):
                target, source = inside / os.path.basename(one.name), archive.extractfile(one)
                with target.open("wb") as handle:
                    while source and (block := source.read(1 << 20)):
                        handle.write(block)
                target.chmod(0o644)
        inside.chmod(0o755)
    return _archive(Dump(inside, DIRECTORY))


def _archive(dump: Dump) -> Dump:
    done = subprocess.run(["pg_restore", "--list", str(dump.path)], capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip()
        newer = re.search(r"unsupported version \(([\d.]+)\)", said)
        remedy = (
            "It was made by a newer pg_dump than this host has: make it with the pg_dump of this server's version, or in plain SQL"
            if newer
            else f"It is damaged or cut off: make it again, and copy it whole. {WANTED}"
        )
        raise DumpRefused(f"{dump.path.name} can't be read ({said[-300:]}). {remedy}")
    of = re.search(r"^;\s+Dumped from database version: (\d+)", done.stdout, re.MULTILINE)
    by = re.search(r"^;\s+Dumped by pg_dump version: (\d+)", done.stdout, re.MULTILINE)
    dump.major, dump.made_by = int(of[1]) if of else 0, int(by[1]) if by else 0
    dump.listed = [line for line in done.stdout.splitlines() if ENTRY.match(line)]
    before = subprocess.run(
        ["pg_restore", "--section=pre-data", "--file=-", str(dump.path)], capture_output=True, check=False
    )
    dump.extensions = _extensions(before.stdout.splitlines())
    return dump


def _extensions(lines: Iterable[bytes]) -> list[tuple[str, str]]:
    """The extensions that a script makes, each with its schema."""
    return [(found[1].decode(), found[2].decode()) for line in lines if (found := EXTENSION.match(line))]


def wanted_entries(listed: list[str]) -> list[str]:
    """The lines of ``pg_restore --list`` that are restored: those that are the application's own."""
    return [line for line in listed if (found := ENTRY.match(line)) and not _left_out(found[2])]


def _left_out(entry: str) -> bool:
    if entry.startswith(("SCHEMA - public ", "COMMENT - SCHEMA public ", "COMMENT - EXTENSION ")):
        return True
    return any(entry.startswith(f"{kind} ") for kind in KINDS)


@contextlib.contextmanager
def dump_text(dump: Dump) -> Iterator[IO[bytes]]:
    """The script of a plain dump; of an archive the part with its rows and sequences.

    Raises:
        DumpRefused: it can't be read to its end.
    """
    if dump.kind == PLAIN:
        try:
            with gzip.open(dump.path) if dump.zipped else dump.path.open("rb") as stream:
                yield stream  # type: ignore[misc]
        except (OSError, EOFError, script.NotAScript) as error:
            raise DumpRefused(f"{dump.path.name} can't be read to its end: {error}") from None
        return
    words = ["pg_restore", "--data-only", "--no-owner", "--file=-", str(dump.path)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            yield process.stdout  # type: ignore[misc]
        except script.NotAScript as error:
            raise DumpRefused(f"{dump.path.name} can't be read to its end: {error}") from None
        _out, err = process.communicate()
        if process.returncode:
            raise DumpRefused(
                f"{dump.path.name} can't be read to its end: {err.decode(errors='replace').strip()[-300:]}"
            )


def count(dump: Dump) -> script.Counts:
    """What the dump holds.

    Raises:
        DumpRefused: it holds no rows of a Django project.
    """
    with dump_text(dump) as stream:
        counts = script.count(stream)
    if dump.kind == PLAIN and not counts.complete:
        raise DumpRefused(
            f"{dump.path.name} ends before its end: it was cut off. Make it again, and copy it whole. {WANTED}"
        )
    if not counts.rows:
        raise DumpRefused(f"{dump.path.name} holds no rows: it was made with --schema-only. {WANTED}")
    if not any(name.rpartition(".")[2] == "django_migrations" for name in counts.rows):
        some = ", ".join(sorted(counts.rows)[:5])
        raise DumpRefused(
            f"{dump.path.name} holds no table django_migrations, so it is not of a Django project's database; it has {some}. Dump the "
            f"whole database, without --table or --exclude-table. {WANTED}"
        )
    return counts
