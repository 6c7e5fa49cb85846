"""What the loop of the rehearsal does to a host, from what its instance is and what is there."""

from __future__ import annotations

from typing import Any

import pytest

from lab.kinds.aws.plan import (
    BOOT,
    CREATE,
    HALT,
    LOST,
    PASSWORD,
    PROMOTE,
    REMOVE,
    RENAME,
    RESTART,
    WAKE,
    changes,
    decide,
)

DATABASE = {
    "endpoint": "board.example",
    "up": True,
    "boots": 0,
    "class": "db.t4g.micro",
    "version": "17.6",
    "password": "a",
    "follows": False,
}


@pytest.mark.parametrize(
    ("state", "made", "runs", "what"),
    [
        ("pending", False, None, CREATE),
        # The endpoint was ended between the making of the host and its boot.
        ("pending", False, True, BOOT),
        ("pending", True, False, BOOT),
        ("running", True, True, None),
        # This machine was rebooted.
        ("running", True, False, WAKE),
        # An empty host in its place would be a loss that nobody sees.
        ("running", True, None, LOST),
        ("pending", True, None, LOST),
        ("stopping", True, True, HALT),
        ("stopping", True, False, HALT),
        ("stopped", True, False, None),
        ("stopped", True, True, HALT),
        ("stopped", True, None, None),
        ("shutting-down", True, True, REMOVE),
        ("shutting-down", True, None, REMOVE),
        ("terminated", True, False, REMOVE),
        ("terminated", True, None, None),
    ],
)
def test_each_state_of_an_instance(state: str, made: bool, runs: bool | None, what: str | None) -> None:
    there = {} if runs is None else {"i-1": runs}
    assert decide({"i-1": state}, ["i-1"] if made else [], there) == ({"i-1": what} if what else {})


def test_a_host_of_which_no_instance_is_known_is_removed() -> None:
    assert decide({}, [], {"i-2": True}) == {"i-2": REMOVE}


@pytest.mark.parametrize(
    ("other", "what"),
    [
        ({}, []),
        ({"endpoint": "shop.example"}, [RENAME]),
        ({"class": "db.t4g.large"}, [RESTART]),
        ({"boots": 1}, [RESTART]),
        ({"password": "b", "endpoint": "shop.example"}, [RENAME, PASSWORD]),
        ({"up": False}, [HALT]),
        # What was asked for of one that stops is done when it starts.
        ({"up": False, "class": "db.t4g.large"}, [HALT]),
    ],
)
def test_what_is_done_to_a_database(other: dict[str, Any], what: list[str]) -> None:
    assert changes({**DATABASE, **other}, DATABASE) == what


def test_a_database_is_made_started_and_promoted() -> None:
    assert changes(DATABASE, None) == [CREATE]
    assert changes(DATABASE, {**DATABASE, "follows": True}) == [PROMOTE]
    stopped = {**DATABASE, "up": False}
    assert changes({**stopped, "class": "db.t4g.large"}, stopped) == []
    # It reads the parameters of its group when it starts.
    assert changes(DATABASE, stopped) == [WAKE, RESTART]
