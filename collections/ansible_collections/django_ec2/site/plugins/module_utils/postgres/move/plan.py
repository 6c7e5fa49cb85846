# SPDX-License-Identifier: MIT
"""What a move has to do next, from what both sides are. Nothing here asks a server.

A run that was cut is not remembered anywhere: the next one looks, and this says where it stands.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ansible_collections.django_ec2.site.plugins.module_utils.postgres.move.model import (
    CLOSED,
    CLOSING,
    LIVE,
    OPEN_STATES,
    SOURCE,
    TARGET,
    Mark,
    Seen,
    Side,
)


class MoveRefused(Exception):
    """What is told to the user."""


@dataclass(frozen=True)
class Step:
    """The next step: ``name`` is a function of run.py, ``why`` is for people."""

    name: str
    why: str


def refuse_two_moves(marks: Mapping[str, tuple[Mark | None, str]]) -> None:
    """Refuse a side that is in a move with another server than this one.

    Args:
        marks: by side its mark, and the other host in this move; empty where that is one to RDS or back.

    Raises:
        MoveRefused: it is.
    """
    for name, (mark, peer) in marks.items():
        if mark and mark.state != CLOSED and mark.peer != peer:
            other, playbook = (mark.peer, "database_upgrade") if mark.peer else ("RDS", "database_move")
            raise MoveRefused(
                f"{name} is in a move with {other} that is not finished ({mark.state}). End that first: playbooks/{playbook}.yml with its "
                "-e to=… and -e finish=true, or -e cancel=true before its switch"
            )


def live_side(seen: Seen) -> str:
    """The side that the applications write to.

    Raises:
        MoveRefused: the marks contradict each other.
    """
    live = [name for name, side in seen.sides.items() if side.state == LIVE]
    if len(live) > 1:
        raise MoveRefused(
            "both sides say that they are live. Look which one the web hosts write to (SHOW DATABASES of PgBouncer), and remove "
            "the comment of the role database_move on the other one"
        )
    if live:
        return live[0]
    marked = [name for name, side in seen.sides.items() if side.state in OPEN_STATES]
    if marked:
        return marked[0]
    # A finished move leaves a mark on the side that was left alone.
    return seen.other(seen.inventory) if seen.sides[seen.inventory].state == CLOSED else seen.inventory


def _complete(side: Side, seen: Seen, what: str) -> bool:
    return all(
        name in side.databases and getattr(side.databases[name], what) not in (None, False) for name in seen.names
    )


def _has_tables(source: Side, target: Side, name: str) -> bool:
    return (
        name in source.databases
        and name in target.databases
        and source.databases[name].tables.keys() <= target.databases[name].tables.keys()
    )


def _answered(seen: Seen) -> None:
    for side in seen.sides.values():
        if side.away:
            raise MoveRefused(f"{side.name} does not answer: {side.away}")


def next_step(seen: Seen, to: str, finish: bool = False) -> Step | None:
    """The next step of a move to a side; None when there is nothing left to do.

    Raises:
        MoveRefused: it can't go on.
    """
    _answered(seen)
    live = live_side(seen)
    if live == to:
        return _after(seen, to, finish)
    if finish:
        raise MoveRefused(
            f"there is nothing to finish: the applications write to {live}. Leave finish out to move to {to}"
        )
    return _towards(seen, live, to)


def _towards(seen: Seen, live: str, to: str) -> Step:
    source, target = seen.sides[live], seen.sides[to]
    if source.state == CLOSING:
        return Step("reopen", f"a switch was cut before its decision: {live} takes writes again")
    for name in seen.names:
        slot = source.databases[name].slot if name in source.databases else None
        if slot and slot.lost:
            raise MoveRefused(
                f"{live} has thrown away changes of {name} that {to} did not have yet (its slot is lost: max_slot_wal_keep_size). "
                "Give -e cancel=true, then begin anew"
            )
    if not source.mark or target.state not in (TARGET, CLOSED):
        return Step("begin", "migrations wait, and nobody but the move writes to the target")
    if not all(_has_tables(source, target, name) for name in seen.names):
        return Step("schema", "the tables, without rows")
    if not (_complete(source, seen, "published") and _complete(target, seen, "published")):
        return Step("publish", "what is to be replicated")
    # A subscription whose slot is gone, as after a cancelled move whose target was away, follows nothing.
    if not (_complete(target, seen, "subscription") and _complete(source, seen, "slot")):
        if source.state == LIVE:
            raise MoveRefused(
                f"the replication from {live} back to {to} is not there any more, so {to} lacks what was written since. Give "
                f"-e finish=true -e to={live}, then move anew"
            )
        return Step("subscribe", "copy the rows and follow")
    if not all(target.databases[name].subscription.copied for name in seen.names):
        return Step("copy", "wait for the first copy")
    if not target.mark or not target.mark.compared:
        return Step("compare", "the rows of both sides")
    return Step("switch", "pause, catch up, decide, resume")


def _after(seen: Seen, to: str, finish: bool) -> Step | None:
    left = seen.sides[seen.other(to)]
    live = seen.sides[to]
    if left.state == CLOSING:
        return Step("close", f"the decision for {to} has fallen")
    if finish:
        if live.mark or live.leftovers or left.leftovers:
            return Step("finish", "the way back is given up")
        return None
    if live.state == LIVE and any(
        name in left.databases and (left.databases[name].slot or not left.databases[name].subscription)
        for name in seen.names
    ):
        return Step("reverse", f"{seen.other(to)} follows, so that the way back stays open")
    return None


def may_cancel(seen: Seen) -> bool:
    """Whether a move that has not switched can be undone.

    Raises:
        MoveRefused: it has switched.
    """
    for side in seen.sides.values():
        # What was never opened can't be live. Where a decision was due, only both sides together know.
        if side.away and any(one.state in (CLOSING, CLOSED, LIVE) for one in seen.sides.values()):
            _answered(seen)
    if any(side.state == LIVE for side in seen.sides.values()):
        live = live_side(seen)
        raise MoveRefused(
            f"the move to {live} has switched already. Go back with -e to={seen.other(live)}, or give the way back up with "
            f"-e to={live} -e finish=true"
        )
    return any(side.state in (SOURCE, TARGET, CLOSING) or side.leftovers for side in seen.sides.values())
