"""Rows that are on their way are no differences, and rows that differ are found."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping

from ansible_collections.django_ec2.site.plugins.module_utils.postgres.move.compare import Rows, differences, keyed


def rows(plain: Mapping[str, int], version: str = "") -> Rows:
    return {key: (digest, version) for key, digest in plain.items()}


def reads(*answers: Mapping[str, int]) -> Callable[[], Rows]:
    left = list(answers)
    return lambda: rows(left.pop(0) if len(left) > 1 else left[0])


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
    assert differences(lambda: rows({"1": next(counter)}), lambda: rows({"1": -1}), nothing) == set()


def test_a_row_that_differs_is_found_beside_one_that_changes_all_the_time() -> None:
    counter = itertools.count(100)
    assert differences(lambda: rows({"1": next(counter), "2": 6}), lambda: rows({"1": -1, "2": 7}), nothing) == {"2"}


def test_a_row_that_was_changed_back_is_another_version() -> None:
    versions = itertools.count()
    assert differences(lambda: rows({"1": 5}, str(next(versions))), lambda: rows({"1": 6}), nothing) == set()


def test_a_row_without_a_key_that_came_and_went_is_no_difference() -> None:
    # The target shows it in between, and the source has neither had it before nor has it after.
    assert differences(reads({}), reads({"77": 1}, {}), nothing) == set()


class Changing:
    """A server whose one row has another digest at each look, in or outside of the part that is chosen."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def rows(self, statement: str, _database: str, **_parameters: object) -> list[tuple]:
        self.asked.append(statement)
        return [("1", len(self.asked), "")] if "ANY" in statement else [("1", id(self))]


def test_rows_are_asked_for_by_their_key_whatever_they_have_become() -> None:
    source, target = Changing(), Changing()
    readers = keyed(source, target, "shop", "orders", "t.id::text", "FROM ONLY orders t WHERE part")  # type: ignore[arg-type]
    assert differences(*readers, nothing) == set()
    assert all("WHERE part" not in statement for statement in source.asked[1:])
