"""Rows that are on their way are no differences, and rows that differ are found."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ansible_collections.django_ec2.site.plugins.module_utils.postgres.move.compare import differences


def reads(*answers: Mapping[str, int]) -> Callable[[], Mapping[str, int]]:
    left = list(answers)
    return lambda: left.pop(0) if len(left) > 1 else left[0]


def nothing() -> None:
    """No round trip is needed here."""


def test_equal_rows_are_equal() -> None:
    assert differences(reads({"1": 5}), reads({"1": 5}), nothing) == set()


def test_a_row_that_stood_still_and_differs_counts() -> None:
    assert differences(reads({"1": 5, "2": 6}), reads({"1": 5, "2": 7}), nothing) == {"2"}


def test_a_row_that_is_missing_counts_on_either_side() -> None:
    assert differences(reads({"1": 5}), reads({}), nothing) == {"1"}
    assert differences(reads({}), reads({"1": 5}), nothing) == {"1"}


def test_a_row_that_changes_meanwhile_is_looked_at_again() -> None:
    source = reads({"1": 5}, {"1": 6}, {"1": 7}, {"1": 7})
    target = reads({"1": 5}, {"1": 6}, {"1": 7})
    assert differences(source, target, nothing) == set()


def test_a_row_that_changes_all_the_time_ends_without_a_verdict() -> None:
    counter = iter(range(1000))
    assert differences(lambda: {"1": next(counter)}, lambda: {"1": -1}, nothing) == set()
