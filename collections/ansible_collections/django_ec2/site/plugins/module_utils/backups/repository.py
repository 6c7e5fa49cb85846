# SPDX-License-Identifier: MIT
"""A repository of backups as ``pgbackrest info`` tells it. Reading is apart from what is made of it."""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.backups.remedies import explain

USER = "postgres"
# How long another host may be silent.
SECONDS = 10
CONFIGURATION = "/etc/pgbackrest/pgbackrest.conf"
KINDS = ("full", "diff", "incr")
# Codes of `pgbackrest info` (https://pgbackrest.org/command.html#command-info).
OK, NO_STANZA, NO_BACKUP, NO_DATA = 0, 1, 2, 3
UNITS = "pgbackrest-backup@{}.service"


class BackupError(Exception):
    """pgBackRest can't do it; the text says why and what to do."""


def pgbackrest(*words: str, check: bool = True) -> str:
    """Run pgBackRest as its own user; what it printed.

    Args:
        words: options and command.
        check: whether a failure is an error.

    Raises:
        BackupError: it failed, with the remedy, or is not installed.
    """
    try:
        done = subprocess.run(
            # Not runuser, which opens a session by PAM: the sandbox of a drill does not allow it.
            ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--init-groups", "--",
             "pgbackrest", "--log-level-file=off", f"--io-timeout={SECONDS}", *words],
            stdin=subprocess.DEVNULL, capture_output=True,
            encoding="utf-8", errors="replace", cwd="/", env={**os.environ, "LC_ALL": "C.UTF-8"}, check=False,
        )  # fmt: skip
    except FileNotFoundError as error:
        raise BackupError(f"{error.filename} is not installed on this host.") from None
    if done.returncode and check:
        raise BackupError(explain(done.stderr + done.stdout))
    return done.stdout


def info(stanza: str) -> list[dict[str, Any]]:
    """What ``pgbackrest info`` says of a stanza.

    Raises:
        BackupError: it can't be asked at all.
    """
    return json.loads(pgbackrest(f"--stanza={stanza}", "--output=json", "--log-level-stderr=error", "info") or "[]")


def read(stanza: str) -> dict[str, Any]:
    """What the repository holds, as ``summary`` has it.

    Raises:
        BackupError: it can't be asked at all.
    """
    return summary(info(stanza))


def summary(said: list[dict[str, Any]]) -> dict[str, Any]:
    """The part of ``pgbackrest info --output=json`` that is judged: ``state``, ``problem`` and ``backups``, the newest last.

    ``state`` is ``ok``, ``no stanza``, ``no backup`` or ``unreadable``; times are seconds since the epoch, sizes bytes.
    """
    one = said[0] if said else {"status": {"code": NO_STANZA, "message": "missing stanza path"}}
    code = one["status"]["code"]
    states = {OK: "ok", NO_STANZA: "no stanza", NO_DATA: "no stanza", NO_BACKUP: "no backup"}
    state = states.get(code, "unreadable")
    messages = [repo["status"]["message"] for repo in one.get("repo", []) if repo["status"]["code"] == code]
    backups = [
        {
            "label": backup["label"],
            "type": backup["type"],
            "start": backup["timestamp"]["start"],
            "stop": backup["timestamp"]["stop"],
            "size": backup["info"]["size"],
            "repository_size": backup["info"]["repository"].get("delta", 0),
            # Pages whose checksum was wrong when they were copied.
            "error": bool(backup.get("error")),
        }
        for backup in one.get("backup", [])
    ]
    return {
        "state": state,
        "problem": explain("; ".join(messages) or one["status"]["message"]) if state == "unreadable" else "",
        "backups": sorted(backups, key=lambda backup: backup["stop"]),
        "system_ids": [str(database.get("system-id", "")) for database in one.get("db", [])],
        "running": bool(((one["status"].get("lock") or {}).get("backup") or {}).get("held")),
    }


def units() -> dict[str, dict[str, str]]:
    """What systemd knows of the backups that its units ran last, by kind; nothing where they are not placed."""
    names = [UNITS.format(kind) for kind in KINDS]
    try:
        done = subprocess.run(
            ["systemctl", "show", "--property", "LoadState,ActiveState,Result", "--", *names],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        )  # fmt: skip
    except FileNotFoundError:
        return {}
    blocks = [block for block in done.stdout.strip().split("\n\n") if block]
    found = {}
    for kind, block in zip(KINDS, blocks, strict=False):
        state = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        if state.get("LoadState") == "loaded":
            found[kind] = {"active": state["ActiveState"], "result": state["Result"]}
    return found


def local_path(configuration: str = CONFIGURATION) -> str:
    """The directory of a repository that is on this host; empty where it is elsewhere."""
    try:
        with open(configuration, encoding="utf-8") as stream:
            options = dict(line.strip().split("=", 1) for line in stream if "=" in line and not line.startswith("#"))
    except FileNotFoundError:
        return ""
    return "" if {"repo1-host", "repo1-type"} & set(options) else options.get("repo1-path", "")


def room(path: str) -> dict[str, int]:
    """Free and total bytes of the disk that a directory is on; nothing without one."""
    if not path or not os.path.isdir(path):
        return {}
    disk = os.statvfs(path)
    return {"free": disk.f_bavail * disk.f_frsize, "total": disk.f_blocks * disk.f_frsize}
