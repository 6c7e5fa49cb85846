# SPDX-License-Identifier: MIT
"""What is late or wrong about backups, archive, drill and replicas. Pure: it judges what modules have read.

Each problem is a sentence that names the remedy. Times are seconds since the epoch, as in what is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.backups.remedies import explain

# What a lost host loses at most, as promised.
LOSS_SECONDS = 60
REPLICA_SECONDS = 60
DRILL_DAYS = 8
# Room for one more full backup, and never less than this.
LEAST_ROOM = 200 << 20
ROOM_FACTOR = 1.2


def ago(seconds: float) -> str:
    """A time that has passed, in words: ``40 s``, ``12 min``, ``5 h``, ``3 days``."""
    for unit, size in (("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(0, seconds):.0f} s"


def moment(seconds: float) -> str:
    """A moment, in the form that database_restore.yml takes."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S+00")


def size(count: float) -> str:
    """A number of bytes, for people."""
    for unit, power in (("TB", 4), ("GB", 3), ("MB", 2)):
        if count >= 1000**power:
            return f"{count / 1000**power:.1f} {unit}"
    return f"{count / 1000:.0f} kB"


def repository_problems(state: Mapping[str, Any], now: float, hours: float) -> Iterator[str]:
    """What is wrong with a repository, its backups and the units that make them.

    Args:
        state: what the modules ``pgbackrest_stanza`` and ``database_status`` return of it.
        now: the time.
        hours: age from which on the newest backup is late.
    """
    if state.get("problem"):
        yield state["problem"]
        return
    units = state.get("units") or {}
    backups = state.get("backups") or []
    if not backups:
        begun = any(one["active"] in ("active", "activating") for one in units.values())
        yield (
            "The first backup is being made: there is none yet."
            if begun
            else "There is no backup: run playbooks/database_backup.yml."
        )
    elif now - backups[-1]["stop"] > hours * 3600:
        yield (
            f"The newest backup is {ago(now - backups[-1]['stop'])} old, and one was due after {hours:g} h: "
            "see systemctl list-timers 'pgbackrest-*' on the host that makes them, or run playbooks/database_backup.yml."
        )
    if backups and backups[-1]["error"]:
        yield (
            f"The backup {backups[-1]['label']} found pages whose checksum is wrong: the database's disk is damaged. The journal of "
            "pgbackrest-backup@* names the files; docs/backups.md says what to do."
        )
    for kind, unit in units.items():
        if unit["active"] == "failed" or unit["result"] not in ("success", ""):
            yield f"The last {kind} backup failed ({unit['result']}): journalctl -u pgbackrest-backup@{kind}.service"
    yield from _room(state.get("room") or {}, backups)


def _room(room: Mapping[str, int], backups: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    full = max((one["repository_size"] for one in backups if one["type"] == "full"), default=0)
    if room and room["free"] < max(LEAST_ROOM, ROOM_FACTOR * full):
        yield (
            f"The repository's disk has {size(room['free'])} of {size(room['total'])} left, and a full backup takes {size(full)}: make "
            "room, enlarge it, or keep fewer days (pgbackrest_retention_days)."
        )


def archive_problems(archive: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with the archive of the write-ahead log.

    Args:
        archive: what module_utils/postgres/archive.py reads.
    """
    if archive["replica"]:
        return
    if archive["mode"] != "on" or not archive["command"]:
        yield "The cluster archives to nowhere (archive_mode, archive_command): run site.yml, which turns it on."
        return
    reason = (
        f" {explain(archive['reason'])}" if archive["reason"] else " PostgreSQL's log says why (/var/log/postgresql/)."
    )
    late = archive["now"] - archive["oldest"] if archive["oldest"] else 0
    if archive["failed"] and archive["failed"] > (archive["archived"] or 0):
        yield f"The archive fails, and {archive['waiting']} segments of the write-ahead log wait on the database host:{reason}"
    elif late > LOSS_SECONDS:
        yield (
            f"The archive is {ago(late)} behind: {archive['waiting']} segments of the write-ahead log wait on the database host."
            f"{reason if archive['reason'] else ''}"
        )


def replica_problems(cluster: Mapping[str, Any], expected: int) -> Iterator[str]:
    """What is wrong with the replicas of a primary.

    Args:
        cluster: what the module ``database_status`` returns of the primary.
        expected: how many replicas there are by the inventory.
    """
    replicas = cluster.get("replicas") or []
    if len(replicas) < expected:
        yield f"{len(replicas)} of {expected} replicas follow the primary: see PostgreSQL's log on the others."
    for one in replicas:
        if one["lag_seconds"] > REPLICA_SECONDS:
            yield f"The replica {one['name']} is {ago(one['lag_seconds'])} and {size(one['lag_bytes'])} behind."
    for slot in cluster.get("slots") or []:
        if not slot["active"]:
            yield (
                f"Nobody reads the replication slot {slot['name']}, which keeps {size(slot['kept_bytes'])} of write-ahead log on the "
                "primary: bring its reader back, or drop it (pg_drop_replication_slot) before the disk is full."
            )


def drill_problems(drill: Mapping[str, Any], now: float) -> Iterator[str]:
    """What is wrong with the rehearsals of a restore; nothing where none is configured."""
    if not drill:
        return
    if not drill.get("good"):
        yield f"The last drill failed: {'; '.join(drill.get('problems') or ['see journalctl -u database-drill'])}"
    elif now - drill.get("worked", 0) > DRILL_DAYS * 86400:
        yield f"The last drill that worked was {ago(now - drill['worked'])} ago: see systemctl list-timers on the primary."


def notes(hosts: Iterable[Mapping[str, Any]], now: float, hours: float) -> list[str]:
    """What a run of site.yml found, for its last words.

    Args:
        hosts: the variables of all hosts; one whose facts were not read has none.
        now: the time.
        hours: as for ``repository_problems``.
    """
    facts = {host["inventory_hostname"]: host.get("ansible_facts") or {} for host in hosts}
    tried, found = False, []
    for name, own in facts.items():
        state = own.get("backup_repository")
        if not state:
            continue
        tried = tried or "check" in state["done"]
        if "backup" in state["done"]:
            found.append(f"{name}: the first backup has begun. playbooks/database_status.yml says when it is there.")
        else:
            found += [f"{name}: {problem}" for problem in repository_problems(state, now, hours)]
    for name, own in facts.items():
        archive = own.get("database_archive")
        # What was read at the run's beginning is no news once the way was tried at its end.
        if archive and archive["mode"] == "on" and not tried:
            found += [f"{name}: {problem}" for problem in archive_problems(archive)]
    return found
