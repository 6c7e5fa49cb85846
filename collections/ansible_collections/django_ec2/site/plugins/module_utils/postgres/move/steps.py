# SPDX-License-Identifier: MIT
"""The steps of a move, each of which may be cut anywhere and run again. plan.py says which is next."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.postgres.login import ServerUnavailable
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.move import (
    compare,
    links,
    marks,
    schema,
    settings,
)
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.move.model import (
    CLOSED,
    LIVE,
    MARKER,
    MOVER,
    SOURCE,
    TARGET,
    Mark,
    slot_name,
)
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.move.observe import COLUMNS
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.move.plan import MoveRefused
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.move.server import Server
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.plan import identifier, literal

POLL_SECONDS = 1.0
FOLLOW_SECONDS = 60


class Move:
    """A move from one side to the other.

    Args:
        source: where the applications write.
        target: where they shall.
        owners: the owner of each database, by the database's name.
        authorities: by side, the CA file that verifies it from this host; RDS can't be given one of ours.
        seconds: how long one call of `copy` waits.
    """

    def __init__(
        self, source: Server, target: Server, owners: dict[str, str], authorities: dict[str, str], seconds: float
    ) -> None:
        self.source, self.target, self.owners, self.authorities, self.seconds = (
            source,
            target,
            owners,
            authorities,
            seconds,
        )
        self.names = tuple(owners)
        self.notes: list[str] = []

    def begin(self) -> None:
        """Marks on both sides: migrations wait, and the target is shut."""
        for server in (self.source, self.target):
            links.ensure_mover(server)
        before = marks.read(self.source)
        if not before or before.state not in (SOURCE, LIVE):
            marks.put(self.source, Mark(SOURCE, marks.now()))
        before = marks.read(self.target)
        if before and before.state in (TARGET, CLOSED):
            marks.shut(self.target, self.names, Mark(**{**vars(before), "compared": ""}))
            return
        full = [name for name in self.names if links.tables(self.target, name)]
        if full:
            marks.put(self.source, Mark(SOURCE, marks.now()))
            raise MoveRefused(
                f"{self.target.name} has tables in {', '.join(full)} already. Drop what is not needed any more, as in "
                f"DROP DATABASE {identifier(full[0])}, and run this again"
            )
        marks.shut(self.target, self.names, Mark(TARGET, marks.now()))
        marks.end_others(self.target, self.names)

    def schema(self) -> None:
        """The tables without rows."""
        for name, owner in self.owners.items():
            there = set(links.tables(self.target, name))
            if not set(links.tables(self.source, name)) <= there:
                if there:
                    raise MoveRefused(
                        f"{self.source.name} has tables in {name} that {self.target.name} lacks: somebody has migrated meanwhile. "
                        "Give -e cancel=true, then begin anew"
                    )
                # First, as the tables are what says that this step is done.
                self.notes += settings.copy(self.source, self.target, name)
                schema.copy(self.source, self.target, name, owner)

    def publish(self) -> None:
        """A publication on both sides: the target's is for the way back."""
        for server in (self.source, self.target):
            for name, owner in self.owners.items():
                links.publish(server, name, owner)

    def subscribe(self) -> None:
        """The target copies and follows."""
        self._follow(self.target, self.source, follow_only=False)

    def _follow(self, subscriber: Server, publisher: Server, follow_only: bool) -> None:
        password = links.admit_mover(publisher, list(dict.fromkeys(self.owners.values())))
        ca_file = self.authorities.get(publisher.name, "")
        for name in self.names:
            words = links.conninfo(publisher, name, password, ca_file)
            if follow_only and self._subscribed(subscriber, name):
                subscriber.execute(f"ALTER SUBSCRIPTION {MOVER} CONNECTION {literal(words)}", name)
                continue
            if not follow_only:
                # A cut run left some of them, with an older password and perhaps without a slot.
                links.drop_subscription(subscriber, name)
                links.drop_slots(publisher, (name,))
                self._empty(name)
            links.subscribe(subscriber, publisher, name, words, follow_only)

    @staticmethod
    def _subscribed(server: Server, name: str) -> bool:
        return bool(
            server.rows(f"SELECT FROM pg_subscription WHERE subname = '{MOVER}' AND {links.OF_THIS_DATABASE}", name)
        )

    def _empty(self, name: str) -> None:
        """What a first copy that was cut has left of its rows."""
        listed = ", ".join([MARKER, *(links.qualified(*one) for one in links.tables(self.target, name))])
        self.target.execute(f"TRUNCATE {listed}", name)

    def copy(self) -> bool:
        """Wait for the first copy; returns whether it is done."""
        deadline = time.monotonic() + self.seconds
        while True:
            left = {
                name: self.target.value(
                    f"""SELECT count(*) FROM pg_subscription_rel r JOIN pg_subscription s ON s.oid = r.srsubid
                    WHERE s.subname = '{MOVER}' AND {links.OF_THIS_DATABASE} AND r.srsubstate <> 'r'""",
                    name,
                )
                for name in self.names
            }
            self._check_slots()
            if not any(left.values()):
                return True
            if time.monotonic() > deadline:
                self.notes.append(", ".join(f"{name}: {count} tables to go" for name, count in left.items() if count))
                return False
            time.sleep(POLL_SECONDS)

    def _check_slots(self) -> None:
        found = self.source.rows(
            "SELECT database FROM pg_replication_slots WHERE slot_name = ANY(%(slots)s) AND wal_status = 'lost'",
            slots=[slot_name(name) for name in self.names],
        )
        if found:
            raise MoveRefused(
                f"{self.source.name} has thrown changes of {found[0][0]} away that were not copied yet: more was written than "
                "max_slot_wal_keep_size keeps"
            )

    def compare(self) -> dict[str, int]:
        """Compare all rows; returns how many there are, by database."""
        for name in self.names:
            mine, others = (dict(server.rows(COLUMNS, name)) for server in (self.source, self.target))
            if mine != others:
                differ = sorted(key for key in mine.keys() | others.keys() if mine.get(key) != others.get(key))
                raise MoveRefused(
                    f"the tables {', '.join(differ[:5])} of {name} differ between the sides: somebody has migrated meanwhile. Give "
                    "-e cancel=true, then begin anew"
                )
        found = {name: compare.compare(self.source, self.target, name) for name in self.names}
        for name in self.names:
            self.notes += [f"{name}: {view} filled anew" for view in schema.refresh(self.target, name)]
            # No replication carries what the planner knows of the rows.
            self.target.execute("ANALYZE", name)
        before = marks.read(self.target)
        if before:
            marks.put(self.target, Mark(**{**vars(before), "compared": marks.now()}))
        return found

    def reopen(self) -> None:
        """A switch that was cut before its decision: the source takes writes again."""
        links.drop_slots(self.target, self.names)
        for name in self.names:
            if self.target.rows(
                f"SELECT FROM pg_subscription WHERE subname = '{MOVER}' AND NOT subenabled AND {links.OF_THIS_DATABASE}",
                name,
            ):
                self.target.execute(f"ALTER SUBSCRIPTION {MOVER} ENABLE", name)
        before = marks.read(self.source)
        if before:
            # It had been live since an earlier switch, where the target is one that was left.
            target = marks.read(self.target)
            state = LIVE if target and target.state == CLOSED else SOURCE
            marks.admit(self.source, self.names, Mark(**{**vars(before), "state": state, "run": ""}))

    # The steps after a switch see the sides the other way round: `target` is live, `source` was left.

    def close(self) -> None:
        """The decision fell, and the side that was left does not say so yet."""
        before = marks.read(self.source)
        if before:
            marks.shut(self.source, self.names, Mark(**{**vars(before), "state": CLOSED, "since": marks.now()}))
        marks.end_others(self.source, self.names)

    def reverse(self) -> None:
        """The side that was left follows the live one, from the slot that was made before writes resumed."""
        links.drop_slots(self.source, self.names)
        behind = [
            name
            for name in self.names
            if not self.target.rows("SELECT FROM pg_replication_slots WHERE slot_name = %(slot)s", slot=slot_name(name))
        ]
        if behind:
            raise MoveRefused(
                f"{self.target.name} has no slot for {', '.join(behind)}, so {self.source.name} can't follow: there is no way back. "
                f"End the move with -e to={self.target.name} -e finish=true"
            )
        if not all(self._subscribed(self.source, name) for name in self.names):
            links.shut_mover(self.source)
            self._follow(self.source, self.target, follow_only=True)
        for name in self.names:
            word = f"reverse {time.time_ns()}"
            links.say(self.target, name, word)
            links.wait_for(self.source, name, word, FOLLOW_SECONDS)

    def finish(self) -> None:
        """The way back is given up: nothing of the move stays but the mark of the side that was left."""
        for server, peer in ((self.source, self.target), (self.target, self.source)):
            self._clear(server)
            with contextlib.suppress(ServerUnavailable):
                links.drop_slots(peer, self.names)
        links.shut_mover(self.source)
        self._drop_mover(self.target)

    def cancel(self) -> None:
        """Before a switch: nothing of the move stays on either side that answers, and the source is as it was."""
        mark = marks.read(self.source)
        if mark:
            marks.admit(self.source, self.names, Mark(**{**vars(mark), "state": SOURCE, "run": ""}))
        try:
            self._undo_target()
        except ServerUnavailable as error:
            self.notes.append(
                f"{self.target.name} does not answer ({error}): what the move has made there stays. Drop its databases before the next move"
            )
        self._clear(self.source)
        links.drop_slots(self.source, self.names)
        self._drop_mover(self.source)

    def _undo_target(self) -> None:
        mark = marks.read(self.target)
        if not mark or mark.state != TARGET:
            return
        there = {
            row[0]
            for row in self.target.rows(
                "SELECT datname FROM pg_database WHERE datname = ANY(%(names)s)", names=list(self.names)
            )
        }
        for name in there:
            links.drop_subscription(self.target, name)
            links.unpublish(self.target, name)
        links.drop_slots(self.target, self.names)
        for name in there:
            # It was empty when the move began, and nobody was let in since.
            self.target.forget(name)
            self.target.execute(f"DROP DATABASE {identifier(name)} WITH (FORCE)")
        marks.admit(self.target, self.names, mark)
        self._drop_mover(self.target)

    def _clear(self, server: Server) -> None:
        for name in self.names:
            links.drop_subscription(server, name)
        for name in self.names:
            links.unpublish(server, name)

    def _drop_mover(self, server: Server) -> None:
        for owner in dict.fromkeys(self.owners.values()):
            if server.rows(
                "SELECT FROM pg_roles WHERE rolname IN (%(one)s, %(two)s) HAVING count(*) = 2", one=owner, two=MOVER
            ):
                server.execute(f"REVOKE {identifier(owner)} FROM {MOVER}")
        server.execute(f"DROP ROLE IF EXISTS {MOVER}")

    def step(self, name: str) -> Any:
        """Do a step by its name."""
        action: Callable[[], Any] = getattr(self, name)
        return action()
