# SPDX-License-Identifier: MIT
"""What both sides of a move are, as far as a move has to know."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

# The name of whatever a move makes: a role on each side, and in each database a schema, a publication and a subscription.
MOVER = "database_move"
# As whom one host asks another in an upgrade: there for as long as a run needs it.
PEER = f"{MOVER}_peer"
MARKER = f"{MOVER}.marker"
NAME_BYTES = 63

# The states of a side.
SOURCE = "source"  # the applications write here, and it is being copied for the first time
TARGET = "target"  # nobody but the move writes here
CLOSING = "closing"  # nobody may write here: the decision falls now
CLOSED = "closed"  # the applications left for the other side
LIVE = "live"  # the applications write here since a switch
SHUT_STATES = (TARGET, CLOSING, CLOSED)
OPEN_STATES = (SOURCE, LIVE, CLOSING)


@dataclass(frozen=True)
class Mark:
    """What a move wrote down on a side, in one transaction with the connection limits that go with it.

    Attributes:
        state: one of the states above.
        since: when (ISO 8601, UTC).
        limits: the connection limit that each login had before it was shut out.
        run: of a switch that is asked for.
        compared: when the rows of both sides were found equal last.
        peer: the other host, in an upgrade; empty in a move to RDS or back.
    """

    state: str
    since: str
    limits: dict[str, int] = field(default_factory=dict)
    run: str = ""
    compared: str = ""
    peer: str = ""


@dataclass(frozen=True)
class Subscription:
    """A subscription of one database."""

    enabled: bool = True
    tables: int = 0
    ready: int = 0
    error: str = ""

    @property
    def copied(self) -> bool:
        """Whether the first copy of each table is done."""
        return self.tables > 0 and self.ready == self.tables


@dataclass(frozen=True)
class Slot:
    """A replication slot of one database; ``behind`` is in bytes of WAL."""

    lost: bool = False
    behind: int = 0


@dataclass(frozen=True)
class Database:
    """One database of a side. ``tables`` maps each table to a digest of its columns."""

    tables: dict[str, str] = field(default_factory=dict)
    marker: bool = False
    published: frozenset[str] | None = None
    subscription: Subscription | None = None
    slot: Slot | None = None


@dataclass(frozen=True)
class Side:
    """A server: its mark, and the databases that are moved, by name. A database that is not there is left out."""

    name: str
    mark: Mark | None = None
    databases: dict[str, Database] = field(default_factory=dict)
    # Why it can't be read; empty where it was.
    away: str = ""

    @property
    def state(self) -> str:
        """The state of its mark; empty without one."""
        return self.mark.state if self.mark else ""

    @property
    def leftovers(self) -> bool:
        """Whether a move left something that costs: a subscription, a publication or a slot."""
        return any(
            one.subscription or one.published is not None or one.slot or one.marker for one in self.databases.values()
        )


@dataclass(frozen=True)
class Seen:
    """Both sides, and which of them is the live one where neither says so: the inventory's (``database_mode``), or the primary."""

    sides: dict[str, Side]
    inventory: str
    names: tuple[str, ...]

    def other(self, side: str) -> str:
        """The other side."""
        return other(self.sides, side)


def other(sides: Iterable[str], side: str) -> str:
    """Of two sides, the other one."""
    return next(one for one in sides if one != side)


def slot_name(database: str) -> str:
    """The name of a database's slot, which is one of the whole server."""
    name = f"{MOVER}_{database}"
    return name if len(name) <= NAME_BYTES else f"{MOVER}_{hashlib.sha256(database.encode()).hexdigest()[:16]}"


# The options of the module.
SIDE_SPEC: dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "host": {"type": "str"},
    "port": {"type": "int", "default": 5432},
    "user": {"type": "str", "default": "postgres"},
    "password": {"type": "str", "no_log": True},
    "ca_file": {"type": "path"},
    "authorities": {"type": "str"},
    "address": {"type": "str"},
    "cert_file": {"type": "path"},
    "key_file": {"type": "path"},
}
DATABASE_SPEC: dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "owner": {"type": "str", "required": True},
    "roles": {"type": "list", "elements": "str", "default": []},
}
HOLD_SPEC: dict[str, Any] = {
    "host": {"type": "str", "required": True},
    "source": {"type": "dict", "required": True, "no_log": True},
    "target": {"type": "dict", "required": True, "no_log": True},
    "poolers": {"type": "dict", "default": {}, "no_log": True},
}
