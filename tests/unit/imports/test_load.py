"""A copy that is not what the dump holds is told; rows reach COPY in blocks of any size."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.imports.dump import DumpRefused
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.imports.jobs import room_problem, summary
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


def test_a_name_that_is_too_long_is_refused() -> None:
    assert before_name("shop", 0) == "shop_before_19700101t000000"
    with pytest.raises(DumpRefused, match="longer"):
        before_name("s" * 50, 0)
