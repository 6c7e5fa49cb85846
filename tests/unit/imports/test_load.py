"""A copy that is not what the dump holds is told; rows reach COPY in blocks of any size."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.django_ec2.site.plugins.module_utils.postgres import remove
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.imports.dump import DumpRefused
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.imports.jobs import (
    Job,
    full_problem,
    room_problem,
    summary,
)
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.imports.load import Lines, compared
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.imports.script import Counts
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.imports.switch import before_name

COUNTS = Counts(
    rows={"public.a": 2, "public.b": 0, "public.c": -1}, sequences={"public.a_id_seq": (7, True)}, uncounted={"c"}
)


@pytest.mark.parametrize(
    ("rows", "values", "said"),
    [
        ({"public.a": 2, "public.b": 0}, {"public.a_id_seq": (7, True)}, []),
        ({"public.a": 1, "public.b": 0}, {"public.a_id_seq": (7, True)}, ["public.a has 1 rows, and the dump 2"]),
        ({"public.a": 2}, {"public.a_id_seq": (7, True)}, ["public.b is missing"]),
        ({"public.a": 2, "public.b": 0}, {}, ["the sequence public.a_id_seq is at nothing, and in the dump at 7"]),
        (
            {"public.a": 2, "public.b": 0},
            {"public.a_id_seq": (7, False)},
            ["the sequence public.a_id_seq is at 7, and in the dump at 7"],
        ),
    ],
)
def test_differences_are_told(rows: dict[str, int], values: dict[str, Any], said: list[str]) -> None:
    assert compared(COUNTS, rows, values) == said


def test_rows_that_are_not_counted_are_said() -> None:
    assert "Rows of 1 tables are INSERTs" in summary(COUNTS)[-1]
    assert summary(COUNTS)[0] == "It holds 3 tables with 2 rows, and 1 sequences."


@pytest.mark.parametrize("size", [1, 3, 7, 100, -1])
def test_lines_are_a_stream(size: int) -> None:
    stream = Lines(iter([b"one\n", b"zwei\n", b"3\n"]))
    read = [stream.read(size)]
    while size > 0 and (block := stream.read(size)):
        assert len(block) <= size
        read.append(block)
    assert b"".join(read) == b"one\nzwei\n3\n"
    assert stream.read(size) == b""


def test_room_is_asked_for_before_the_first_row() -> None:
    assert room_problem(1 << 30, 4 << 30, "/data") == ""
    assert "make room" in room_problem(2 << 30, 4 << 30, "/data")


@pytest.mark.parametrize(
    ("said", "free", "place", "full"),
    [
        ("could not extend file: No space left on device", 1 << 30, "/data", True),
        # The server ended, for it could not write its log.
        ("server closed the connection unexpectedly", 0, "/data", True),
        ("could not extend file: No space left on device", 0, "", True),
        ("server closed the connection unexpectedly", 1 << 30, "/data", False),
        ("server closed the connection unexpectedly", 0, "", False),
    ],
)
def test_a_disk_that_filled_up_is_named(said: str, free: int, place: str, full: bool) -> None:
    problem = full_problem(said, free, place)
    assert bool(problem) is full
    if full:
        assert problem.startswith(said) and (place or "server") in problem and "is full: make room" in problem


def test_a_name_that_is_too_long_is_refused() -> None:
    assert before_name("shop", 0) == "shop_before_19700101t000000"
    with pytest.raises(DumpRefused, match="longer"):
        before_name("s" * 50, 0)


class Fails:
    """A part of a job that can't be done."""

    def __call__(self, *_words: object) -> str:
        raise DumpRefused("somebody stays in shop")


def test_what_does_not_become_live_is_dropped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given = {
        "login": {"user": "postgres"},
        "database": {"name": "shop", "owner": "shop_owner"},
        "dump": "",
        "kept": str(tmp_path / "x"),
    }
    job = Job(given)
    dropped: list[str] = []
    monkeypatch.setattr(job.copy, "drop", lambda: dropped.append(job.copy.name))
    monkeypatch.setattr(job, "_digest", lambda: "0" * 16)
    monkeypatch.setattr(job.names, "switch", Fails())
    with pytest.raises(DumpRefused, match="somebody stays"):
        job.switch()

    def no_room(*_words: object) -> str:
        raise remove.NoLastDump("the last dump failed. give -e keep_dump=false", "No space left on device")

    monkeypatch.setattr(remove, "dump", no_room)
    with pytest.raises(
        DumpRefused, match=f"No space left on device. Make room in {tmp_path}. The old database is live"
    ) as refused:
        job.keep()
    assert "keep_dump" not in str(refused.value)
    assert dropped == ["shop_scratch"] * 2
