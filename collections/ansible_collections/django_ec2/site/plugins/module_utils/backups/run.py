# SPDX-License-Identifier: MIT
"""A backup now, by the unit that the timers start: it goes on when the one who asked for it is gone."""

from __future__ import annotations

import re
import subprocess
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.backups import repository
from ansible_collections.django_ec2.site.plugins.module_utils.backups.remedies import explain
from ansible_collections.django_ec2.site.plugins.module_utils.backups.repository import UNITS, BackupError

LINES = 60


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
    """What the unit's last run printed, from the first error on; all of its last lines without one."""
    subprocess.run(["journalctl", "--sync"], capture_output=True, check=False)
    words = ["journalctl", "--unit", unit, "--lines", str(LINES), "--no-pager", "--output", "cat"]
    text = subprocess.run(words, capture_output=True, text=True, check=False).stdout
    last = text.rpartition("Starting pgbackrest-backup@")[2]
    found = re.search(r"^P\d\d\s+ERROR:", last, re.MULTILINE) or re.search(r"ERROR:", last)
    errors = [line for line in last[found.start() :].splitlines() if not line.startswith(unit)] if found else []
    return "\n".join(errors) if errors else last.strip()
