# SPDX-License-Identifier: MIT
"""A snapshot of each application's files; what came of it is published in ``status.json``.

    restic-backup                     what the timer does
    restic-backup --emptied board     though the files of board that were there are gone

It ends with 1 where something is wrong, and says what.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.restic import repository
from ansible_collections.django_ec2.site.plugins.module_utils.restic.remedies import explain
from ansible_collections.django_ec2.site.plugins.module_utils.restic.repository import ResticError

FILES = Path("/etc/restic/files.json")
STATE = Path("/var/lib/restic-backup")
STATUS = STATE / "status.json"
# One who removes old snapshots has the repository for himself meanwhile.
TRIES, PAUSE = 40, 30
# Exit code: a snapshot was made, and some of the files could not be read.
INCOMPLETE = 3


def refusal(entry: Mapping[str, Any], emptied: bool, had: Callable[[str], int]) -> str:
    """Why no snapshot may be made of an application's files now; empty when it may.

    A directory that is not there, or that lost all it had, is a disk that is not mounted or a new host whose files were not restored yet.
    A snapshot of it would be the newest one, and the next restore would bring nothing.

    Args:
        entry: of files.json.
        emptied: whether somebody said that they are meant to be gone.
        had: how many files the newest snapshot has below a path.
    """
    name = entry["name"]
    for path in entry.get("mounts", []):
        if not os.path.ismount(path):
            return f"{name}: nothing is mounted at {path}, where its files are: mount it, then systemctl start restic-backup."
    for path in entry["paths"]:
        if not os.path.isdir(path):
            return f"{name}: there is no {path}: run site.yml, and restore its files (docs/restore.md)."
        if not emptied and not any(files for _directory, _names, files in os.walk(path)) and (count := had(path)):
            return (
                f"{name}: {path} is empty, and the newest snapshot has {count} files of it. To bring them back: "
                "playbooks/database_restore.yml -e restore_to=latest -e restore_media=only. Where they are meant to be gone, on this host: "
                f"restic-backup --emptied {name}"
            )
    return ""


def summary(said: str) -> dict[str, Any]:
    """What ``restic backup --json`` says at its end."""
    for line in reversed(said.splitlines()):
        with contextlib.suppress(ValueError):
            one = json.loads(line)
            if one.get("message_type") == "summary":
                return {
                    "label": one.get("snapshot_id", ""),
                    "files": one.get("total_files_processed", 0),
                    "bytes": one.get("total_bytes_processed", 0),
                    "new": one.get("files_new", 0) + one.get("files_changed", 0),
                }
    return {}


def unread(said: str) -> list[str]:
    """Files that could not be read. Those that went away while it read are no error."""
    found = []
    for line in said.splitlines():
        with contextlib.suppress(ValueError):
            one = json.loads(line)
            if one.get("message_type") == "error":
                text = str((one.get("error") or {}).get("message") or one.get("error") or "")
                if "no such file or directory" not in text:
                    found.append(f"{one.get('item', '')}: {text}")
    return found


def take(entry: Mapping[str, Any], emptied: bool) -> dict[str, Any]:
    """Make a snapshot of one application's files.

    Raises:
        ResticError: it could not be made, or may not.
    """
    own = ("--tag", entry["name"], "--host", entry["place"])

    def had(path: str) -> int:
        newest = repository.listed(*own)[-1:]
        return sum(one.kind == "file" for one in repository.content(newest[0].label, path).values()) if newest else 0

    if problem := refusal(entry, emptied, had):
        raise ResticError(problem)
    for left in range(TRIES, 0, -1):
        done = repository.call("backup", "--json", *own, "--exclude", ".import-partial-*", *entry["paths"])
        if done.returncode and "already locked" in done.stderr + done.stdout and left > 1:
            time.sleep(PAUSE)
            continue
        break
    made = summary(done.stdout)
    if done.returncode not in (0, INCOMPLETE) or not made:
        raise ResticError(f"{entry['name']}: {explain(done.stderr or done.stdout)}")
    made["unread"] = unread(done.stderr + "\n" + done.stdout) if done.returncode else []
    return {**made, "place": entry["place"], "time": int(time.time())}


def run(entries: list[dict[str, Any]], emptied: list[str]) -> tuple[dict[str, Any], list[str]]:
    """A snapshot of each; what was made, and what went wrong."""
    made: dict[str, Any] = {}
    problems: list[str] = []
    for entry in entries:
        try:
            repository.answers()
            made[entry["name"]] = one = take(entry, entry["name"] in emptied)
            print(f"{entry['name']}: {one['files']} files, {one['bytes'] / 1e6:.1f} MB, {one['new']} new", flush=True)
            problems += [f"{entry['name']}: not read, and not in the snapshot: {text}" for text in one["unread"][:5]]
        except ResticError as error:
            problems.append(str(error))
    return made, problems


def publish(began: float, made: dict[str, Any], problems: list[str], path: Path = STATUS) -> dict[str, Any]:
    """Write what came of it; of an application without a new snapshot, the last one that worked stays."""
    known: dict[str, Any] = {}
    with contextlib.suppress(OSError, ValueError, KeyError):
        known = json.loads(path.read_text())["applications"]
    status = {
        "started": int(began), "finished": int(time.time()), "problems": problems, "applications": {**known, **made},
    }  # fmt: skip
    path.parent.mkdir(mode=0o755, exist_ok=True)
    partial = path.with_suffix(".new")
    partial.write_text(json.dumps(status) + "\n")
    partial.chmod(0o644)
    partial.replace(path)
    return status


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """One after the other: a second run waits."""
    STATE.mkdir(mode=0o755, exist_ok=True)
    with (STATE / "lock").open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description="Make a snapshot of each application's files.")
    parser.add_argument("--emptied", action="append", default=[], metavar="APPLICATION")
    given = parser.parse_args()
    entries = json.loads(FILES.read_text())
    if unknown := set(given.emptied) - {one["name"] for one in entries}:
        parser.error(
            f"this host has no files of {', '.join(sorted(unknown))}; it has those of {', '.join(one['name'] for one in entries)}"
        )
    began = time.time()
    with alone():
        made, problems = run(entries, given.emptied)
        publish(began, made, problems)
    for problem in problems:
        print(problem, file=sys.stderr)
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
