# SPDX-License-Identifier: MIT
"""Backups of files, as the controller knows them: what is backed up where, what is refused, and how they are doing. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.django_ec2.site.plugins.plugin_utils.applications.storage import SHARED, writable
from ansible_collections.django_ec2.site.plugins.plugin_utils.backups.judgement import LEAST_ROOM, ago, moment, size
from ansible_collections.django_ec2.site.plugins.plugin_utils.backups.problems import keeper_problems, key_problems

PAGE = "docs/backups.md"
FIRST = "The first one is made within minutes of site.yml, or by playbooks/database_backup.yml."
CHOICES = ("restic", "none")


def files(resolved: Iterable[Mapping[str, Any]], host: str, hosts: Sequence[str]) -> list[dict[str, Any]]:
    """Entries of ``restic_files`` for a web host. Files that all of them share are the first one's to back up.

    Args:
        resolved: what ``resolve_applications`` returned.
        host: the web host.
        hosts: all of them.
    """
    return [
        {
            "name": entry["name"],
            "place": SHARED if entry["mounts"] else host,
            "user": entry["user"],
            "paths": writable(entry),
            "mounts": list(entry["mounts"]),
        }
        for entry in resolved
        if not entry["mounts"] or host == hosts[0]
    ]


def inventory_problems(
    wanted: Any, groups: Mapping[str, Sequence[str]], repository: Mapping[str, Any], key: Any, strict: bool = True
) -> list[str]:
    """All that can be told of an inventory before a host is touched.

    Args:
        wanted: file_backups.
        groups: the magic variable of that name.
        repository: restic_repository.
        key: secrets.file_backup_key.
        strict: whether weak values of secrets are refused.
    """
    if wanted not in CHOICES:
        return [f"file_backups is '{wanted}': write restic, or none."]
    if wanted == "none":
        return []
    problems = []
    if repository.get("type", "host") == "host":
        problems += [
            f"{problem} With file_backups: none the database alone is backed up."
            for problem in keeper_problems(
                "file_backups is restic", groups, "web", "the backups of its files would be lost with them"
            )
        ]
    return problems + key_problems(key, strict, "file_backup_key")


def role_problems(repository: Mapping[str, Any], host: str, address: str, key: Any) -> list[str]:
    """What is wrong with the variables of the role.

    Args:
        repository: restic_repository.
        host: restic_repository_host.
        address: restic_repository_address.
        key: restic_key.
    """
    problems = key_problems(key, False, "file_backup_key")
    if not host:
        problems.append("restic_repository_host is empty: name the host that begins the repository.")
    if repository.get("type", "host") == "host":
        if not address:
            problems.append(
                "restic_repository_address is empty: give the address where the others reach the repository."
            )
    else:
        missing = [name for name in ("bucket", "region") if not repository.get(name)]
        if missing:
            problems.append(
                f"restic_repository asks for S3 and lacks {', '.join(missing)}: add it ({PAGE} has an example)."
            )
    return problems


def expected(hosts: Iterable[Mapping[str, Any]]) -> list[tuple[str, str, str]]:
    """Application, place and host of each snapshot that there has to be.

    Args:
        hosts: the variables of the web hosts.
    """
    return [
        (one["name"], one["place"], host["inventory_hostname"])
        for host in hosts
        for one in host.get("restic_files") or []
    ]


def status(
    hosts: Iterable[Mapping[str, Any]],
    wanted: str,
    keeper: str,
    wants: Sequence[Sequence[str]],
    now: float,
    hours: float,
) -> dict[str, Any]:
    """``lines`` to print, ``problems`` that end the run with an error, and ``data`` for a workflow.

    Args:
        hosts: the variables of the hosts that were asked, with ``restic_status`` where one answered.
        wanted: file_backups.
        keeper: the host that was asked about the repository.
        wants: what ``expected`` returned.
        now: the time.
        hours: age from which on the newest snapshot is late.
    """
    if wanted != "restic":
        return {"lines": [f"files            none (file_backups: {wanted})"], "problems": [], "data": None}
    said = {host["inventory_hostname"]: host.get("restic_status") or {} for host in hosts}
    repository = said.get(keeper) or {}
    if "newest" not in repository or repository.get("reason"):
        reason = repository.get("reason") or "this host does not answer. Nothing is known of the files' backups."
        return {"lines": [], "problems": [f"{keeper}: {reason}"], "data": None}
    lines, problems = [], []
    for name, place, host in wants:
        newest = repository["newest"].get(name, {}).get(place, 0)
        last = said.get(host, {}).get("backup") or {}
        why = next((one for one in last.get("problems") or [] if one.startswith(f"{name}:")), "") or next(
            iter(last.get("problems") or []), ""
        )
        if not newest:
            lines.append(f"files            {name}: none yet ({place})")
            problems.append(f"{host}: there is no backup of {name}'s files. {why or FIRST}")
            continue
        lines.append(
            f"files            {name}: {ago(now - newest)} ago, back to {moment(repository['oldest'][name][place])} ({place})"
        )
        if now - newest > hours * 3600:
            problems.append(
                f"{host}: the newest backup of {name}'s files is {ago(now - newest)} old, and one was due after {hours:g} h. "
                f"{why or f'See systemctl list-timers restic-backup.timer on {host}, or run playbooks/database_backup.yml.'}"
            )
        elif why:
            problems.append(f"{host}: the last backup of the files failed. {why}")
    if (room := repository.get("room")) and room["free"] < LEAST_ROOM:
        problems.append(
            f"{keeper}: the disk of the files' repository has {size(room['free'])} of {size(room['total'])} left: make room, enlarge it, "
            "or keep fewer days (restic_retention_days)."
        )
    return {
        "lines": lines,
        "problems": list(dict.fromkeys(problems)),
        "data": {
            name: {place: moment(at) for place, at in places.items()} for name, places in repository["newest"].items()
        },
    }


def notes(hosts: Iterable[Mapping[str, Any]], now: float, hours: float) -> list[str]:
    """What a run of site.yml found, for its last words: backups of files that fail, or that are not made any more.

    Args:
        hosts: the variables of all hosts; one whose facts were not read has none.
        now: the time.
        hours: as for ``status``.
    """
    found = []
    for host in hosts:
        last = ((host.get("ansible_local") or {}).get("restic") or {}).get("backup")
        # What was read at the run's beginning is no news where the run has mended something, and tried the way.
        if not last or (host.get("restic_configured") or {}).get("changed"):
            continue
        name, age = host["inventory_hostname"], now - last["finished"]
        if age > hours * 3600:
            found.append(
                f"{name}: the last backup of the files was {ago(age)} ago, and one was due after {hours:g} h: see systemctl list-timers "
                f"restic-backup.timer there, or run playbooks/database_backup.yml."
            )
        elif last["problems"]:
            found.append(f"{name}: the last backup of the files failed. {last['problems'][0]}")
    return found


def backup_lines(made: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Snapshots that were just made, for an operator."""
    return [
        f"files of {name} ({one['place']}): {one['files']} files, {size(one['bytes'])}, {one['new']} new or changed"
        for name, one in sorted(made.items())
    ]
