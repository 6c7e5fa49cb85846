# SPDX-License-Identifier: MIT
"""Try the pending migrations of a release on a scratch database, and ask the release that serves how it gets on with them.

The release's own code does both, in processes that reach nothing but that database (support/migration_gate).
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.release.stage import GATE, last_document

Asked = dict[str, Any]


class Trial:
    """One trial of one application. ``given`` has the options of the module release_trial."""

    def __init__(self, given: dict[str, Any]) -> None:
        self.given = given
        self.deadline = time.monotonic() + given["seconds"]
        slot = os.path.join(given["root"], "slots", given["slot"], "release")
        self.script = os.path.join(os.path.realpath(slot), "support", GATE)

    def run(self) -> Asked:
        """What support/release_gate.py's ``try`` says, with ``broken``, ``notes`` and ``reason``.

        ``reason`` says why nothing was tried; empty where something was.
        """
        question = {"host": self.given["host"], "paths": self.given["paths"]}
        before = self._ask(self.given["live"], "serving", question)
        notes = []
        if before.get("error"):
            notes.append(
                f"the release that serves could not be asked ({before['error']}), so all tables count as used by it"
            )
        tried = self._ask(self.given["slot"], "try", {"used": before.get("used")})
        if tried.get("error"):
            return {"reason": tried["error"], "broken": [], "notes": []}
        broken: list[str] = []
        if tried["judged"] and not before.get("error"):
            after = self._ask(self.given["live"], "serving", question)
            if after.get("error"):
                notes.append(f"the release that serves could not be asked after the migrations ({after['error']})")
            broken = worse(before["answers"], after.get("answers") or {})
        return {**tried, "reason": "", "broken": broken, "notes": notes}

    def _ask(self, slot: str, action: str, given: Asked) -> Asked:
        """One action of the gate in the environment of a slot."""
        seconds = int(self.deadline - time.monotonic())
        if seconds < 1:
            return {"error": f"the trial took more than {self.given['seconds']} seconds"}
        command = [
            self.given["manage"],
            "--slot",
            slot,
            "--owner",
            "--trial",
            str(seconds),
            "--script",
            self.script,
            action,
        ]
        asked = {**given, "database": self.given["database"], "alias": self.given["alias"]}
        try:
            done = subprocess.run(
                command, input=json.dumps(asked), capture_output=True, text=True,
                errors="replace", check=False, timeout=seconds + 5,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return {"error": f"the trial took more than {self.given['seconds']} seconds"}
        found = last_document(done.stdout)
        if not found:
            said = (done.stderr.strip() or done.stdout.strip())[-600:]
            late = time.monotonic() >= self.deadline - 1
            return {
                "error": f"the trial took more than {self.given['seconds']} seconds" if late else said or "no answer"
            }
        return found


def worse(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """What the serving release could do before the migrations and cannot do after them, as sentences without a subject."""
    return [
        f"breaks {what} of the release that serves ({error.splitlines()[0]})"
        for what, error in after.items()
        if error and before.get(what) == ""
    ]
