"""What a file is, and what of it is refused."""

from __future__ import annotations

import gzip
import tarfile
from pathlib import Path

import pytest
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.imports import dump

PLAIN = """--
-- PostgreSQL database dump
--

-- Dumped from database version 16.4 (Debian)
-- Dumped by pg_dump version 17.2

CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA public;

COPY public.django_migrations (id) FROM stdin;
1
\\.

--
-- PostgreSQL database dump complete
--
"""


def written(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize("zipped", [False, True])
def test_a_plain_one_says_what_it_is(tmp_path: Path, zipped: bool) -> None:
    path = written(tmp_path / "site.sql", gzip.compress(PLAIN.encode()) if zipped else PLAIN)
    found = dump.look(path, tmp_path / "room")
    assert (found.kind, found.major, found.made_by, found.zipped) == ("plain", 16, 17, zipped)
    assert found.extensions == [("pg_trgm", "public")]
    assert dump.count(found).rows == {"public.django_migrations": 1}


@pytest.mark.parametrize(
    ("head", "said"),
    [
        (b"", "is empty"),
        (b"SQLite format 3\0", "SQLite"),
        (b"-- MySQL dump 10.13", "MySQL"),
        (b"-- MariaDB dump 10", "MariaDB"),
        (b"PK\x03\x04", "zip"),
        (b"\x28\xb5\x2f\xfd", "zstd"),
        (b"hello", "no dump of pg_dump"),
        (b"--\n-- PostgreSQL database cluster dump\n--\n", "pg_dumpall"),
        (gzip.compress(b"PGDMP\1\2"), "gunzip"),
        (gzip.compress(PLAIN.encode())[:60], "can't be"),
    ],
    ids=["empty", "sqlite", "mysql", "mariadb", "zip", "zstd", "text", "all", "gzip", "cut"],
)
def test_other_files_are_refused_with_a_remedy(tmp_path: Path, head: bytes, said: str) -> None:
    with pytest.raises(dump.DumpRefused, match=said):
        dump.count(dump.look(written(tmp_path / "file", head), tmp_path / "room"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (PLAIN[: PLAIN.index("1\n")], "cut off"),
        (PLAIN.replace("database dump complete", ""), "cut off"),
        (PLAIN.replace("django_migrations", "wp_posts"), "no table django_migrations"),
        (PLAIN.replace("COPY public.django_migrations (id) FROM stdin;\n1\n\\.\n", ""), "schema-only"),
    ],
)
def test_what_holds_another_thing_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(dump.DumpRefused, match=said):
        dump.count(dump.look(written(tmp_path / "site.sql", text), tmp_path / "room"))


def test_an_archive_of_something_else_is_refused(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "site.tar.gz", "w:gz") as archive:
        archive.add(written(tmp_path / "hello.txt", "hello"), "hello.txt")
    with pytest.raises(dump.DumpRefused, match=r"without toc\.dat"):
        dump.look(tmp_path / "site.tar.gz", tmp_path / "room")


def test_entries_that_are_not_the_applications_are_not_restored() -> None:
    listed = [
        "5; 2615 2200 SCHEMA - public postgres",
        "2; 3079 16384 EXTENSION - pg_trgm ",
        "3360; 0 0 COMMENT - EXTENSION pg_trgm ",
        "3361; 0 0 ACL public TABLE posts_post joe",
        "2090; 826 16500 DEFAULT ACL public DEFAULT PRIVILEGES FOR TABLES joe",
        "3300; 6104 16600 PUBLICATION - pub joe",
        "220; 1259 16390 TABLE public posts_post joe",
        "3355; 0 16390 TABLE DATA public posts_post joe",
        "3356; 0 0 SEQUENCE SET public posts_post_id_seq joe",
        "3357; 0 0 COMMENT public FUNCTION f() joe",
        ";",
    ]
    assert dump.wanted_entries(listed) == listed[6:10]
