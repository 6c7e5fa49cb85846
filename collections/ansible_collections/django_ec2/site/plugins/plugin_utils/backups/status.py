# SPDX-License-Identifier: MIT
"""The status of the database for an operator and for a workflow, from what the hosts said. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.django_ec2.site.plugins.plugin_utils.backups.judgement import (
    ago,
    archive_problems,
    drill_problems,
    moment,
    replica_problems,
    repository_problems,
    size,
)


def status(
    hosts: Iterable[Mapping[str, Any]], wanted: str, now: float, hours: float, backup_host: str, databases: list[str]
) -> dict[str, Any]:
    """``lines`` to print, ``problems`` that end the run with an error, and ``data`` for a workflow.

    Args:
        hosts: the variables of the hosts of ``database`` and ``backup``, with ``database_status`` where one answered.
        wanted: database_backups.
        now: the time.
        hours: age from which on the newest backup is late.
        backup_host: who makes the backups.
        databases: the hosts of the group database, the primary first.
    """
    said = {host["inventory_hostname"]: host.get("database_status") or {} for host in hosts}
    repository = said.get(backup_host, {}).get("repository") or {}
    clusters = {name: said.get(name, {}).get("cluster") or {} for name in databases}
    primary = next((name for name, one in clusters.items() if one and not one["archive"]["replica"]), "")
    drill = max((one.get("drill") or {} for one in said.values()), key=lambda one: one.get("finished", 0), default={})
    problems = [f"{name}: {_silence(said.get(name, {}))}" for name, one in clusters.items() if not one]
    if wanted == "pgbackrest":
        problems += (
            [f"{backup_host}: {problem}" for problem in repository_problems(repository, now, hours)]
            if repository
            else [f"{backup_host}: {_silence(said.get(backup_host, {}))} Nothing is known of the backups."]
        )
        problems += [f"{primary}: {one}" for one in (archive_problems(clusters[primary]["archive"]) if primary else [])]
    elif not wanted:
        problems.append("Nobody decided about backups (database_backups): there are none. docs/backups.md")
    if primary:
        problems += [f"{primary}: {problem}" for problem in replica_problems(clusters[primary], len(databases) - 1)]
    elif any(clusters.values()):
        problems.append("No host of the group database takes writes: all are replicas.")
    problems += list(drill_problems(drill, now))
    lines = list(_lines(repository, clusters, primary, drill, wanted, now))
    return {"lines": lines, "problems": problems, "data": _data(repository, clusters, primary, drill, problems)}


def backup_line(backup: Mapping[str, Any]) -> str:
    """A backup that was just made, for an operator."""
    return (
        f"{backup['label']}, {backup['type']}: {size(backup['size'])} in {ago(backup['stop'] - backup['start'])}, "
        f"{size(backup['repository_size'])} in the repository"
    )


def _silence(said: Mapping[str, Any]) -> str:
    return said.get("reason") or "this host does not answer."


def _lines(
    repository: Mapping[str, Any],
    clusters: Mapping[str, Mapping[str, Any]],
    primary: str,
    drill: Mapping[str, Any],
    wanted: str,
    now: float,
) -> Iterable[str]:
    backups = repository.get("backups") or []
    if wanted == "none":
        yield "backups          none (database_backups: none)"
    elif backups:
        newest, oldest = backups[-1], backups[0]
        fulls = sum(one["type"] == "full" for one in backups)
        yield (
            f"newest backup    {newest['label']}, {newest['type']}, {ago(now - newest['stop'])} ago, "
            f"{size(newest['size'])} in {ago(newest['stop'] - newest['start'])}"
        )
        yield f"back to          {moment(oldest['stop'])} ({len(backups)} kept, {fulls} full)"
    if room := repository.get("room"):
        yield f"repository       {size(room['free'])} of {size(room['total'])} free"
    if primary:
        archive = clusters[primary]["archive"]
        if archive["mode"] == "on":
            when = f"{ago(now - archive['archived'])} ago" if archive["archived"] else "never"
            yield f"archive          last segment {when}, {archive['waiting']} waiting"
        for one in clusters[primary].get("replicas") or []:
            yield f"replica          {one['name']}: {one['state']}, {one['lag_seconds']:.0f} s, {size(one['lag_bytes'])} behind"
        yield f"primary          {primary}, {size(clusters[primary]['size'])}"
    if drill:
        yield f"drill            {'worked' if drill.get('good') else 'FAILED'} {ago(now - drill.get('finished', 0))} ago"
    elif wanted == "pgbackrest":
        yield "drill            none yet"


def _data(
    repository: Mapping[str, Any],
    clusters: Mapping[str, Mapping[str, Any]],
    primary: str,
    drill: Mapping[str, Any],
    problems: list[str],
) -> dict[str, Any]:
    backups = repository.get("backups") or []
    archive = clusters[primary]["archive"] if primary else {}
    return {
        "primary": primary,
        "newest_backup": backups[-1] if backups else None,
        "back_to": moment(backups[0]["stop"]) if backups else None,
        "archive_waiting": archive.get("waiting"),
        "archived_at": moment(archive["archived"]) if archive.get("archived") else None,
        "replicas": clusters[primary].get("replicas") or [] if primary else [],
        "drill": dict(drill) or None,
        "problems": problems,
    }
