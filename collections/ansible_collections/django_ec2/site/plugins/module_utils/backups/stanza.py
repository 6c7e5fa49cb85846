# SPDX-License-Identifier: MIT
"""Begin a repository, try the way to it, and start the first backup. What is due follows from the state alone (``plan``)."""

from __future__ import annotations

import re
import subprocess
import time
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.backups import repository
from ansible_collections.django_ec2.site.plugins.module_utils.backups.repository import UNITS, BackupError

HALF_MADE = re.compile(r"archive directory not empty|archive\.info exists but backup\.info is missing")


def plan(state: dict[str, Any], units: dict[str, dict[str, str]], check: bool, system_id: str = "") -> list[str]:
    """What has to be done: ``create``, ``check``, ``backup``, in this order.

    Args:
        state: what ``repository.summary`` says.
        units: what ``repository.units`` says.
        check: whether something changed that the way to the repository depends on.
        system_id: of the cluster, where it is known. One that was made anew is told by the check.
    """
    check = check or bool(system_id and state["system_ids"] and system_id != state["system_ids"][-1])
    steps = []
    if state["state"] == "no stanza":
        steps.append("create")
    if check or steps:
        steps.append("check")
    running = state["running"] or any(one["active"] in ("active", "activating") for one in units.values())
    if not state["backups"] and not running:
        steps.append("backup")
    return steps


def bring(stanza: str, check: bool, restoring: bool, apply: bool, system_id: str = "") -> dict[str, Any]:
    """Bring the repository to where backups are made; what was done and what it holds.

    Args:
        stanza: name of the cluster in the repository.
        check: whether to try archiving from end to end, too.
        restoring: whether only to look.
        apply: whether to do anything.
        system_id: as for ``plan``.

    Raises:
        BackupError: the repository can't be used as it is; the text has the remedy.
    """
    state = repository.read(stanza)
    if state["state"] == "unreadable":
        raise BackupError(state["problem"])
    steps = [] if restoring else plan(state, repository.units(), check, system_id)
    if apply:
        for step in steps:
            do(step, stanza)
    elif "check" in steps:
        steps.remove("check")
    if apply and "create" in steps:
        state = repository.read(stanza)
    return {
        "done": steps,
        "state": {
            **state,
            "units": repository.units(),
            "room": repository.room(repository.local_path()),
            "at": int(time.time()),
        },
    }


def create(stanza: str) -> None:
    """Make the stanza, also where an earlier attempt was cut between its two files and the log has gone there since.

    Without a backup that log is worth nothing, so it goes. Where there is anything of a backup, nothing is touched.
    """
    words = (f"--stanza={stanza}", "stanza-create")
    try:
        repository.pgbackrest(*words)
    except BackupError as error:
        if not HALF_MADE.search(str(error)) or repository.pgbackrest("repo-ls", f"backup/{stanza}").strip():
            raise
        repository.pgbackrest("repo-rm", "--recurse", f"archive/{stanza}")
        repository.pgbackrest(*words)


def do(step: str, stanza: str) -> None:
    """One step."""
    if step == "create":
        create(stanza)
    elif step == "check":
        repository.pgbackrest(f"--stanza={stanza}", "check")
    else:
        # In the background: that of a large cluster takes hours.
        unit = UNITS.format("full")
        done = subprocess.run(
            ["systemctl", "start", "--no-block", "--", unit], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise BackupError(f"The first backup could not be started ({unit}): {done.stderr.strip()}")
