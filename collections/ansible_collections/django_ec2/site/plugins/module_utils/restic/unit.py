# SPDX-License-Identifier: MIT
"""A backup of this host's files now, by the unit that the timer starts: it goes on when the one who asked for it is gone."""

from __future__ import annotations

import contextlib
import json
import subprocess
from pathlib import Path
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.restic.backup import STATUS
from ansible_collections.django_ec2.site.plugins.module_utils.restic.repository import ResticError

UNIT = "restic-backup.service"


def read(path: Path = STATUS) -> dict[str, Any]:
    """What the last backup of this host published; nothing before the first."""
    with contextlib.suppress(OSError, ValueError):
        return dict(json.loads(path.read_text()))
    return {}


def make() -> dict[str, Any]:
    """Back the files up and wait for it; what was published.

    Raises:
        ResticError: something went wrong; the text has the cause and the remedy.
    """
    before = read().get("finished", 0)
    subprocess.run(["systemctl", "reset-failed", "--", UNIT], capture_output=True, check=False)
    done = subprocess.run(["systemctl", "start", "--", UNIT], capture_output=True, text=True, check=False)
    status = read()
    if status.get("problems"):
        raise ResticError(" ".join(status["problems"]))
    if done.returncode or status.get("finished", 0) < max(before, 1):
        raise ResticError(
            f"The backup of the files did not run: {done.stderr.strip()} journalctl -u {UNIT} on this host says why."
        )
    return status
