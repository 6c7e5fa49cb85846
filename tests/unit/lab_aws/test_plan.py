"""What the loop of the rehearsal does to a host, from what its instance is and what is there."""

from __future__ import annotations

import pytest

from lab.kinds.aws.plan import BOOT, CREATE, HALT, LOST, REMOVE, WAKE, decide


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
