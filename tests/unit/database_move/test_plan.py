"""Where a move stands follows from what both sides are, however the run before it ended."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.move.model import (
    CLOSED,
    CLOSING,
    LIVE,
    SOURCE,
    TARGET,
    Database,
    Mark,
    Seen,
    Side,
    Slot,
    Subscription,
    slot_name,
)
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.move.plan import (
    MoveRefused,
    live_side,
    may_cancel,
    next_step,
    refuse_two_moves,
)

TABLES = {"public.a": "1", "public.b": "2"}
PUBLISHED = frozenset(TABLES)
COPIED = Subscription(tables=3, ready=3)
FULL = Database(tables=TABLES)
NAMES = ("shop",)


def mark(state: str, **more: str) -> Mark:
    return Mark(state, "2026-11-26T08:00:00+00:00", **more)


def side(name: str, state: str = "", database: Database | None = FULL, **more: str) -> Side:
    return Side(name, mark(state, **more) if state else None, {"shop": database} if database else {})


def seen(mine: Side, its: Side, inventory: str = "self_hosted") -> Seen:
    return Seen({"self_hosted": mine, "rds": its}, inventory, NAMES)


SOURCE_READY = replace(FULL, published=PUBLISHED, marker=True, slot=Slot())
TARGET_READY = replace(FULL, published=PUBLISHED, marker=True, subscription=COPIED)


@pytest.mark.parametrize(
    ("mine", "its", "expected"),
    [
        (side("self_hosted"), side("rds", database=Database()), "begin"),
        (side("self_hosted", SOURCE), side("rds", database=Database()), "begin"),
        (side("self_hosted", SOURCE), side("rds", TARGET, Database()), "schema"),
        (side("self_hosted", SOURCE), side("rds", TARGET), "publish"),
        (side("self_hosted", SOURCE, SOURCE_READY), side("rds", TARGET), "publish"),
        (side("self_hosted", SOURCE, SOURCE_READY), side("rds", TARGET, replace(TARGET_READY, subscription=None)), "subscribe"),
        (
            side("self_hosted", SOURCE, SOURCE_READY),
            side("rds", TARGET, replace(TARGET_READY, subscription=Subscription(tables=3, ready=1))),
            "copy",
        ),
        (side("self_hosted", SOURCE, SOURCE_READY), side("rds", TARGET, TARGET_READY), "compare"),
        # A subscription without its slot, which a target brings along that was away when the move was cancelled.
        (side("self_hosted", SOURCE, replace(SOURCE_READY, slot=None)), side("rds", TARGET, TARGET_READY), "subscribe"),
        (side("self_hosted", SOURCE, SOURCE_READY), side("rds", TARGET, TARGET_READY, compared="now"), "switch"),
        # Cut in the switch: before the decision the source opens again, whatever else was done.
        (side("self_hosted", CLOSING, SOURCE_READY), side("rds", TARGET, TARGET_READY, compared="now"), "reopen"),
        (side("self_hosted", CLOSING, SOURCE_READY), side("rds", TARGET, replace(FULL, slot=Slot())), "reopen"),
        # After it, only forward.
        (side("self_hosted", CLOSING, SOURCE_READY), side("rds", LIVE, replace(FULL, slot=Slot())), "close"),
        (side("self_hosted", CLOSED, SOURCE_READY), side("rds", LIVE, replace(FULL, slot=Slot())), "reverse"),
        (side("self_hosted", CLOSED, replace(SOURCE_READY, slot=None)), side("rds", LIVE, SOURCE_READY), "reverse"),
        (side("self_hosted", CLOSED, TARGET_READY), side("rds", LIVE, SOURCE_READY), ""),
    ],
)  # fmt: skip
def test_a_move_to_rds_goes_on_from_where_it_stands(mine: Side, its: Side, expected: str) -> None:
    step = next_step(seen(mine, its), "rds")
    assert (step.name if step else "") == expected


def test_the_way_back_is_a_comparison_and_a_switch() -> None:
    now = seen(side("self_hosted", CLOSED, TARGET_READY), side("rds", LIVE, SOURCE_READY))
    assert next_step(now, "self_hosted").name == "compare"
    now = seen(side("self_hosted", CLOSED, TARGET_READY, compared="now"), side("rds", LIVE, SOURCE_READY))
    assert next_step(now, "self_hosted").name == "switch"


def test_a_side_that_does_not_follow_is_no_way_back() -> None:
    now = seen(side("self_hosted", CLOSED, replace(FULL, published=PUBLISHED)), side("rds", LIVE, SOURCE_READY))
    with pytest.raises(MoveRefused, match="finish=true -e to=rds"):
        next_step(now, "self_hosted")


def test_finishing_takes_everything_away_once() -> None:
    now = seen(side("self_hosted", CLOSED, TARGET_READY), side("rds", LIVE, SOURCE_READY))
    assert next_step(now, "rds", finish=True).name == "finish"
    after = seen(side("self_hosted", CLOSED), side("rds"))
    assert next_step(after, "rds", finish=True) is None
    with pytest.raises(MoveRefused, match="nothing to finish"):
        next_step(now, "self_hosted", finish=True)


@pytest.mark.parametrize("inventory", ["self_hosted", "rds"])
def test_the_truth_is_on_the_sides_and_not_in_the_inventory(inventory: str) -> None:
    left, live = side("self_hosted", CLOSED), side("rds", LIVE)
    assert live_side(seen(left, live, inventory)) == "rds"
    # Finished, and the inventory still names the side that was left.
    assert live_side(seen(left, side("rds"), inventory)) == "rds"
    assert live_side(seen(side("self_hosted"), side("rds"), inventory)) == inventory
    assert live_side(seen(side("self_hosted", SOURCE), side("rds", TARGET), inventory)) == "self_hosted"


def test_two_sides_that_are_live_are_refused() -> None:
    with pytest.raises(MoveRefused, match="both sides"):
        next_step(seen(side("self_hosted", LIVE), side("rds", LIVE)), "rds")


def test_a_slot_that_was_lost_ends_the_move() -> None:
    mine = side("self_hosted", SOURCE, replace(SOURCE_READY, slot=Slot(lost=True)))
    with pytest.raises(MoveRefused, match="max_slot_wal_keep_size"):
        next_step(seen(mine, side("rds", TARGET, TARGET_READY)), "rds")


def test_nothing_is_done_while_a_side_is_away() -> None:
    away = Side("rds", away="timeout expired")
    with pytest.raises(MoveRefused, match="timeout expired"):
        next_step(seen(side("self_hosted", CLOSING), away), "rds")


def test_a_move_is_cancelled_before_its_switch_alone() -> None:
    assert may_cancel(seen(side("self_hosted", SOURCE, SOURCE_READY), side("rds", TARGET, TARGET_READY)))
    assert not may_cancel(seen(side("self_hosted"), side("rds", database=Database())))
    with pytest.raises(MoveRefused, match="to=self_hosted"):
        may_cancel(seen(side("self_hosted", CLOSED), side("rds", LIVE)))


def test_a_target_that_is_gone_does_not_keep_its_slot() -> None:
    away = Side("rds", away="Connection refused")
    assert may_cancel(seen(side("self_hosted", SOURCE, SOURCE_READY), away))
    # Whether a decision fell, only the target could say.
    with pytest.raises(MoveRefused, match="Connection refused"):
        may_cancel(seen(side("self_hosted", CLOSING, SOURCE_READY), away))


def test_slots_have_names_that_postgresql_takes() -> None:
    assert slot_name("shop") == "database_move_shop"
    long = slot_name("a" * 63)
    assert len(long) <= 63
    assert long != slot_name("a" * 62 + "b")


def test_a_side_takes_part_in_one_move_at_a_time() -> None:
    refuse_two_moves({"db1": (mark(SOURCE, peer="db2"), "db2"), "db2": (None, "db1")})
    # What an earlier move has left there is over.
    refuse_two_moves({"self_hosted": (mark(CLOSED, peer="db2"), ""), "rds": (mark(TARGET), "")})
    with pytest.raises(
        MoveRefused, match=r"self_hosted is in a move with db2 that is not finished .*database_upgrade.yml"
    ):
        refuse_two_moves({"self_hosted": (mark(LIVE, peer="db2"), "")})
    with pytest.raises(MoveRefused, match=r"db1 is in a move with RDS .*database_move.yml"):
        refuse_two_moves({"db1": (mark(SOURCE), "db2")})
