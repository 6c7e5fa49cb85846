"""Which files belong to a moment, from the snapshots around it and what is there now."""

from __future__ import annotations

import pytest
from ansible_collections.django_ec2.site.plugins.module_utils.restic import plan
from ansible_collections.django_ec2.site.plugins.module_utils.restic.repository import Node, Snapshot

# A snapshot at 100, the moment at 150, another snapshot at 200.
BASE, MOMENT, AFTER = 100.0, 150.0, 200.0


def node(modified: float, size: int = 1, kind: str = "file") -> Node:
    return Node("x", kind, size, modified)


def of(base: Node | None, after: Node | None, live: Node | None, since: float = BASE) -> str:
    """What becomes of one file."""
    made = plan.decide(*({"x": one} if one else {} for one in (base, after, live)), since, MOMENT)
    return (
        "stays" if made.stay else "from the base" if made.from_base else "from the one after" if made.from_after
        else "newer" if made.newer else "nothing"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("base", "after", "live", "becomes"),
    [
        # Unchanged since.
        (node(50), node(50), node(50), "stays"),
        # Deleted after the moment, or before it: nobody knows, and one too many does no harm.
        (node(50), node(50), None, "from the base"),
        (node(50), None, None, "from the base"),
        # Overwritten after the moment.
        (node(50), node(180), node(180), "from the base"),
        # Overwritten between the snapshot and the moment, and not since.
        (node(50), node(120), node(120), "stays"),
        # The same, and gone or overwritten since.
        (node(50), node(120), None, "from the one after"),
        (node(50), node(120), node(190), "from the one after"),
        # Made between the snapshot and the moment.
        (None, node(120), node(120), "stays"),
        (None, node(120), None, "from the one after"),
        # Made and gone between two snapshots: no backup has it.
        (None, None, None, "nothing"),
        # Made before the moment and in no snapshot, as it is when there is none after it yet.
        (None, None, node(120), "stays"),
        # Made after the moment.
        (None, node(180), node(180), "newer"),
        (None, None, node(250), "newer"),
        (None, node(180), None, "nothing"),
        # Another file with an old time in its place, such as a copy that kept its time.
        (node(50), node(50), node(30), "from the base"),
        (node(50, size=1), node(50, size=1), node(50, size=2), "from the base"),
        (node(50), node(50), node(50.0004), "stays"),
        # A link in its place.
        (node(50), node(50), node(50, kind="symlink"), "from the base"),
    ],
)
def test_a_file_is_what_it_was_at_the_moment(
    base: Node | None, after: Node | None, live: Node | None, becomes: str
) -> None:
    assert of(base, after, live) == becomes


def test_without_a_snapshot_before_it_the_one_after_has_what_was_made_before() -> None:
    assert of(None, node(120), None, since=0) == "from the one after"
    assert of(None, node(180), None, since=0) == "nothing"


def test_what_is_in_the_way_is_named_and_counted() -> None:
    made = plan.decide({"x": node(50, size=7)}, {}, {"x": node(180, size=9)}, BASE, MOMENT)
    assert made.replaced == ["x"]
    assert made.bytes == 7


def test_directories_come_back_too_and_are_no_files() -> None:
    made = plan.decide({"d": node(50, kind="dir")}, {}, {"e": node(250, kind="dir")}, BASE, MOMENT)
    assert made.directories == ["d"]
    assert made.newer == []


def test_the_snapshots_around_a_moment() -> None:
    known = [Snapshot(str(time), time, "board", "web1") for time in (300.0, 100.0, 200.0)]
    assert plan.around(known, 150) == plan.Around(known[1], known[2])
    assert plan.around(known, 200) == plan.Around(known[2], known[0])
    assert plan.around(known, 50) == plan.Around(None, known[1])
    assert plan.around(known, 400) == plan.Around(known[0], None)
    assert plan.around([], 400) == plan.Around(None, None)
