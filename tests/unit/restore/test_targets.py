"""What one may ask to restore to."""

from __future__ import annotations

import datetime

import pytest
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.restore.targets import (
    TargetRefused,
    parse,
    point_name,
    stamp,
)

NOW = datetime.datetime(2026, 11, 26, 12, tzinfo=datetime.UTC).timestamp()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2026-11-22 10:31:07+00", "2026-11-22 10:31:07+00"),
        ("2026-11-22T10:31:07Z", "2026-11-22 10:31:07+00"),
        ("2026-11-22 10:31:07 UTC", "2026-11-22 10:31:07+00"),
        ("2026-11-22 10:31:07+02", "2026-11-22 08:31:07+00"),
        ("2026-11-22 10:31:07.25-05:30", "2026-11-22 16:01:07.25+00"),
        ("2026-11-22 10:31:07+0530", "2026-11-22 05:01:07+00"),
    ],
)
def test_a_time_with_a_zone_is_told_in_utc(text: str, value: str) -> None:
    target = parse(text, NOW)
    assert (target.kind, target.value) == ("time", value)
    assert target.moment == datetime.datetime.fromisoformat(value).timestamp()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2026-11-22 10:31:07", "has no zone"),
        ("2026-11-22 10:31", "has no zone"),
        ("2026-11-22 10:31+00", "write '2026-11-22 10:31:00+00'"),
        ("2026-11-22", "give a time with its zone"),
        ("10:31:07+00", "give a time with its zone"),
        ("2026-13-22 10:31:07+00", "is no time"),
        ("2026-11-26 12:00:01+00", "lies in the future: it is 2026-11-26 12:00:00+00 now"),
        ("yesterday evening", "give a time with its zone"),
        ("", "is empty"),
        ("a" * 64, "give a time with its zone"),
        ("it's", "give a time with its zone"),
    ],
)
def test_what_could_be_another_moment_is_refused(text: str, said: str) -> None:
    with pytest.raises(TargetRefused, match=r".") as refused:
        parse(text, NOW)
    assert said in str(refused.value)


def test_other_targets() -> None:
    assert parse("latest", NOW).kind == "latest"
    assert parse("73482", NOW) == parse(" 73482 ", NOW)
    assert (parse("73482", NOW).kind, parse("73482", NOW).moment) == ("xid", None)
    assert (parse("before_import", NOW).kind, parse("before_import", NOW).moment) == ("name", None)


def test_the_name_of_a_restore_point_has_its_moment() -> None:
    name = point_name("board", "4be1d2c3a4f5", NOW)
    assert name == "board-20261126T120000Z-4be1d2c3a4f5"
    target = parse(name, NOW)
    assert (target.kind, target.value, target.moment) == ("name", name, NOW)
    long = point_name("a" * 60, "4be1d2c3a4f5", NOW)
    assert len(long) == 63
    assert stamp(long) == NOW
    assert stamp("board-20261399T120000Z-x") is None
