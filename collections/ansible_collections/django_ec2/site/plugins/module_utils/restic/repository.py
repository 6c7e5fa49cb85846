# SPDX-License-Identifier: MIT
"""The repository of the files' backups: restic is called here, and what it prints is read. Reading is apart from calling."""

from __future__ import annotations

import datetime
import json
import os
import re
import socket
import subprocess
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.restic.remedies import explain

# It knows repository, password and certificates.
PROGRAM = "/usr/local/sbin/restic-files"
ENVIRONMENT = Path("/etc/restic/environment")
CONNECT_SECONDS = 10
MOMENT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)")


class ResticError(Exception):
    """restic can't do it; the text says why and what to do."""


@dataclass(frozen=True)
class Snapshot:
    """One backup of an application's files."""

    label: str
    # Seconds since the epoch: when it began.
    time: float
    # The application, and whose files they are: a host's, or `shared`.
    name: str
    place: str


@dataclass(frozen=True)
class Node:
    """A file, link or directory of a snapshot."""

    path: str
    kind: str
    size: int
    # Seconds since the epoch.
    modified: float


def moment(text: str) -> float:
    """A time as restic writes it, in seconds since the epoch; 0 when it is none."""
    found = MOMENT.fullmatch(text)
    if not found:
        return 0.0
    whole = datetime.datetime.fromisoformat(found[1] + found[3].replace("Z", "+00:00")).timestamp()
    return whole + float(f"0.{found[2] or 0}")


def snapshots(said: str) -> list[Snapshot]:
    """Those that ``restic snapshots --json`` lists and that are ours, the newest last."""
    found = [
        Snapshot(one["id"], moment(one["time"]), one["tags"][0], one["hostname"])
        for one in json.loads(said or "[]") or []
        if one.get("tags")
    ]
    return sorted(found, key=lambda one: one.time)


def nodes(lines: Iterator[str]) -> Iterator[Node]:
    """What ``restic ls --json`` lists, a line each."""
    for line in lines:
        one = json.loads(line)
        if one.get("struct_type") == "node":
            yield Node(one["path"], one["type"], one.get("size", 0), moment(one.get("mtime", "")))


def restic(*words: str) -> str:
    """Run restic; what it printed.

    Raises:
        ResticError: it failed, with the remedy, or is not installed.
    """
    done = call(*words)
    if done.returncode:
        raise ResticError(explain(done.stderr + done.stdout))
    return done.stdout


def call(*words: str) -> subprocess.CompletedProcess[str]:
    """Run restic, whatever comes of it.

    Raises:
        ResticError: this host is not configured.
    """
    try:
        return subprocess.run(
            [PROGRAM, *words], stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", errors="replace",
            cwd="/", env={**os.environ, "LC_ALL": "C.UTF-8"}, check=False,
        )  # fmt: skip
    except FileNotFoundError:
        raise ResticError(f"There is no {PROGRAM} on this host: run site.yml.") from None


def answers() -> None:
    """See at once whether the repository's host takes connections: restic would try for a quarter of an hour.

    Raises:
        ResticError: it does not, or this host is not configured.
    """
    try:
        found = re.search(r"RESTIC_REPOSITORY='?(?:rest|s3):(https://[^'\n]+)", ENVIRONMENT.read_text())
    except OSError:
        raise ResticError(f"There is no {ENVIRONMENT} on this host: run site.yml.") from None
    if not found:
        return
    address = urllib.parse.urlsplit(found[1])
    try:
        socket.create_connection((address.hostname, address.port or 443), CONNECT_SECONDS).close()
    except OSError as error:
        raise ResticError(explain(f"{address.hostname}:{address.port or 443}: {error}; connection refused")) from None


def listed(*words: str) -> list[Snapshot]:
    """The snapshots of the repository, the newest last. Reads without a lock: whoever removes old ones has one."""
    return snapshots(restic("--no-lock", "snapshots", "--json", *words))


def content(label: str, *paths: str) -> dict[str, Node]:
    """Files, links and directories of a snapshot below some paths, by path."""
    said = restic("--no-lock", "ls", "--json", "--recursive", label, *paths)
    return {one.path: one for one in nodes(iter(said.splitlines()))}


def room(path: str) -> dict[str, Any]:
    """Free and total bytes of the disk that a repository is on; nothing where it is elsewhere."""
    if not path or not os.path.isdir(path):
        return {}
    disk = os.statvfs(path)
    return {"free": disk.f_bavail * disk.f_frsize, "total": disk.f_blocks * disk.f_frsize}
