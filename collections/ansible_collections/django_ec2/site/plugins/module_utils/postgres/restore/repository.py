# SPDX-License-Identifier: MIT
"""What a pgBackRest repository has, and which backups and which timeline lead to a target. Nothing here asks a host."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.postgres.restore.targets import Target

# A restored cluster and the WAL that it replays need more than its backup.
ROOM = 1.1
WAL_BYTES = 256 << 20


class NoWayThere(Exception):
    """The repository does not lead to the target; the text says what it has."""


@dataclass(frozen=True)
class Backup:
    """A backup as ``pgbackrest info`` tells it: times in seconds since 1970, size in bytes once restored."""

    label: str
    kind: str
    stop: float
    timeline: int
    size: int


@dataclass(frozen=True)
class Repository:
    """A stanza in its repository; backups the oldest first."""

    stanza: str
    backups: tuple[Backup, ...]
    system_id: str
    version: str
    newest_wal: str

    @property
    def timelines(self) -> list[int]:
        """Those that its backups and its WAL are on."""
        found = {one.timeline for one in self.backups}
        return sorted(found | ({timeline_of(self.newest_wal)} if self.newest_wal else set()))


@dataclass(frozen=True)
class Way:
    """How a target is reached: the backups to try, the best first, and the timeline to follow."""

    labels: tuple[str, ...]
    timeline: str
    bytes_needed: int
    note: str = ""


def timeline_of(segment: str) -> int:
    """The timeline that the name of a WAL segment begins with."""
    return int(segment[:8], 16)


def read(said: Sequence[Mapping[str, Any]], stanza: str) -> Repository:
    """What ``pgbackrest info --output=json`` said of a stanza.

    Raises:
        NoWayThere: there is no such stanza, or no backup.
    """
    own = next((one for one in said if one.get("name") == stanza), None)
    if own is None:
        known = ", ".join(str(one.get("name")) for one in said) or "none"
        raise NoWayThere(f"the repository has no stanza {stanza} (others: {known}): pgbackrest_stanza names it.")
    if not own.get("backup"):
        status = (own.get("status") or {}).get("message", "no valid backups")
        raise NoWayThere(f"the stanza {stanza} has no backup to restore from ({status}).")
    database = own["db"][-1]
    newest = [one for one in own.get("archive") or [] if one["database"]["id"] == database["id"]]
    backups = [
        Backup(
            one["label"],
            one["type"],
            float(one["timestamp"]["stop"]),
            timeline_of(one["archive"]["start"]),
            int(one["info"]["size"]),
        )
        for one in own["backup"]
        if not one.get("error") and (one.get("archive") or {}).get("start") and one["database"]["id"] == database["id"]
    ]
    if not backups:
        raise NoWayThere(f"no backup of the stanza {stanza} is whole: take a new one (playbooks/database_backup.yml).")
    return Repository(
        stanza,
        tuple(sorted(backups, key=lambda one: one.stop)),
        str(database["system-id"]),
        str(database["version"]),
        str((newest[-1].get("max") if newest else "") or ""),
    )


def choose(repository: Repository, target: Target, timeline: str, live: int | None, backup: str = "") -> Way:
    """The backups that may lead to a target, and the timeline.

    Args:
        repository: what there is.
        target: where to go.
        timeline: the one that the operator named; empty is the live cluster's own.
        live: the live cluster's timeline, where it could be asked.
        backup: the label of the one backup to take; empty chooses.

    Raises:
        NoWayThere: the target lies before the oldest backup, or what was named is not there.
    """
    chosen = _timeline(repository, timeline, live)
    fitting = [one for one in repository.backups if one.timeline <= chosen]
    if backup:
        fitting = [one for one in repository.backups if one.label == backup]
        if not fitting:
            known = ", ".join(one.label for one in repository.backups)
            raise NoWayThere(f"the repository has no backup {backup} (others: {known}).")
    # A backup that ended in the same second as the target may have been consistent only after it.
    before = [one for one in fitting if target.moment is None or one.stop < int(target.moment)]
    if not before:
        oldest = fitting[0] if fitting else repository.backups[0]
        raise NoWayThere(
            f"{target.words} lies before the end of the {'named' if backup else 'oldest'} backup, {oldest.label}: one can go back to "
            f"{moment(oldest.stop)} and no further."
        )
    candidates = list(reversed(before))
    if target.kind == "latest":
        candidates = candidates[:1]
    needed = int(max(one.size for one in candidates) * ROOM) + WAL_BYTES
    note = ""
    if len(repository.timelines) > 1:
        others = ", ".join(str(one) for one in repository.timelines if one != chosen)
        note = f"timeline {chosen} is followed; the repository has {others}, too (restore_timeline)"
    return Way(tuple(one.label for one in candidates), str(chosen), needed, note)


def moment(seconds: float) -> str:
    """A time for people, in UTC and in the form that restore_to takes."""
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime("%Y-%m-%d %H:%M:%S+00")


def _timeline(repository: Repository, wanted: str, live: int | None) -> int:
    known = repository.timelines
    if wanted:
        if not wanted.isdecimal() or int(wanted) not in known:
            listed = ", ".join(str(one) for one in known)
            raise NoWayThere(f"restore_timeline is '{wanted}', and the repository has the timelines {listed}.")
        return int(wanted)
    return live if live in known else known[-1]
