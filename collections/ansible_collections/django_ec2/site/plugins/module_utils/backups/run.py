# SPDX-License-Identifier: MIT
"""A backup now, by the unit that the timers start: it goes on when the one who asked for it is gone."""

from __future__ import annotations

import re
import subprocess
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.backups import repository
from ansible_collections.django_ec2.site.plugins.module_utils.backups.remedies import explain
from ansible_collections.django_ec2.site.plugins.module_utils.backups.repository import UNITS, BackupError

LINES = 200
LEVEL = re.compile(r"(?:\d{4}-\d\d-\d\d [\d:.]+ )?P\d\d\s+([A-Z]+):")


def make(stanza: str, kind: str) -> dict[str, Any]:
    """Make a backup and wait for it; one of the same kind that runs already is waited for. Returns the newest backup.

    Args:
        stanza: name of the cluster in the repository.
        kind: full, diff or incr.

    Raises:
        BackupError: it failed; the text has the cause and the remedy.
    """
    unit = UNITS.format(kind)
    before = {backup["label"] for backup in repository.read(stanza)["backups"]}
    subprocess.run(["systemctl", "reset-failed", "--", unit], capture_output=True, check=False)
    done = subprocess.run(["systemctl", "start", "--", unit], capture_output=True, text=True, check=False)
    if done.returncode:
        raise BackupError(f"The {kind} backup failed: {explain(said(unit))}")
    backups = repository.read(stanza)["backups"]
    new = [backup for backup in backups if backup["label"] not in before]
    if not new:
        raise BackupError(f"{unit} ended and made no backup: {said(unit) or 'see its journal'}")
    return new[-1]


def said(unit: str) -> str:
    """What the unit's last run printed that says why it failed."""
    subprocess.run(["journalctl", "--sync"], capture_output=True, check=False)
    words = ["journalctl", "--unit", unit, "--lines", str(LINES), "--no-pager", "--output", "cat"]
    return cause(subprocess.run(words, capture_output=True, text=True, check=False).stdout)


def cause(journal: str) -> str:
    """Warnings and errors of the last run in a journal, with the lines that go on from them; all of it without one.

    A warning comes first and often has the cause: why a host could not be asked.
    """
    last = journal.rpartition("Starting pgbackrest-backup@")[2].splitlines()[1:]
    found, kept = [], False
    for line in last:
        if level := LEVEL.match(line):
            kept = level[1] in ("WARN", "ERROR")
        elif not line.startswith(" "):
            kept = False
        if kept:
            found.append(line)
    return "\n".join(found or last).strip()
