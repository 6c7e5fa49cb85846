# SPDX-License-Identifier: MIT
"""Which files belong to a moment, from the snapshots around it and what is there now. Pure.

The snapshot before the moment is the base. What was changed between it and the moment is in the first snapshot after the moment, or still
there: a file that was modified before the moment and not since is right as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ansible_collections.django_ec2.site.plugins.module_utils.restic.repository import Node, Snapshot

# File systems and archives keep fractions of a second in their own ways.
SAME_SECONDS = 0.001
FILES = ("file", "symlink")


@dataclass(frozen=True)
class Around:
    """The snapshots around a moment."""

    base: Snapshot | None
    after: Snapshot | None


@dataclass
class Decision:
    """What is done, by path."""

    stay: int = 0
    # From which snapshot.
    from_base: dict[str, Node] = field(default_factory=dict)
    from_after: dict[str, Node] = field(default_factory=dict)
    # Directories that are missing.
    directories: list[str] = field(default_factory=list)
    # Of those that are brought, where another one is in the way: that is moved aside.
    replaced: list[str] = field(default_factory=list)
    # Newer than the moment, or of no snapshot.
    newer: list[str] = field(default_factory=list)

    @property
    def bytes(self) -> int:
        """What is brought."""
        return sum(one.size for one in (*self.from_base.values(), *self.from_after.values()))


def around(snapshots: Sequence[Snapshot], moment: float) -> Around:
    """The newest snapshot that began at a moment or before, and the first one after it."""
    ordered = sorted(snapshots, key=lambda one: one.time)
    before = [one for one in ordered if one.time <= moment]
    after = [one for one in ordered if one.time > moment]
    return Around(before[-1] if before else None, after[0] if after else None)


def decide(
    base: Mapping[str, Node], after: Mapping[str, Node], live: Mapping[str, Node], since: float, moment: float
) -> Decision:
    """What brings a directory to a moment.

    Args:
        base: what the snapshot before it has.
        after: what the first snapshot after it has.
        live: what is there now.
        since: when the base began; 0 without one.
        moment: seconds since the epoch.
    """
    made = Decision()
    for path in sorted({*base, *after, *live}):
        old, new, now = base.get(path), after.get(path), live.get(path)
        if old and old.kind == "dir" and not now:
            made.directories.append(path)
        old, new, now = (one if one and one.kind in FILES else None for one in (old, new, now))
        if now and _between(now, since if old else 0, moment):
            made.stay += 1
        elif new and _between(new, since if old else 0, moment):
            _bring(path, new, now, made.from_after, made)
        elif old:
            _bring(path, old, now, made.from_base, made)
        elif now:
            made.newer.append(path)
    return made


def _between(one: Node, since: float, moment: float) -> bool:
    return (not since or since < one.modified) and one.modified <= moment


def _bring(path: str, wanted: Node, now: Node | None, from_: dict[str, Node], made: Decision) -> None:
    if now and same(wanted, now):
        made.stay += 1
        return
    from_[path] = wanted
    if now:
        made.replaced.append(path)


def same(one: Node, other: Node) -> bool:
    """Whether two are one file, by kind, size and time."""
    size = one.kind != "file" or one.size == other.size
    return one.kind == other.kind and size and abs(one.modified - other.modified) < SAME_SECONDS
