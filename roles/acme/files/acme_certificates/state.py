# SPDX-License-Identifier: MIT
"""What this host knows of its certificates. Ansible reads the same file as a fact: it holds no secret."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Any

import examine
from settings import Settings

PATH = Path("/var/lib/acme-certificates/state.json")
# From so long before its end an operator is told that a certificate is not renewed: seconds, or a quarter of a short life.
WARNING = 14 * 86400


class State:
    """The certificates of this host: ``data`` is what stands in the file."""

    def __init__(self, data: dict[str, Any], path: Path = PATH) -> None:
        self.data, self.path = data, path
        self.data.setdefault("certificates", {})

    @classmethod
    def read(cls, path: Path = PATH) -> State:
        """The state; empty where there is none, or half of one."""
        with contextlib.suppress(OSError, ValueError):
            return cls(json.loads(path.read_text()), path)
        return cls({}, path)

    def write(self) -> None:
        """Keep the state, in one step."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        partial = self.path.with_suffix(".partial")
        partial.write_text(json.dumps(self.data, indent=1, sort_keys=True) + "\n")
        partial.chmod(0o644)
        os.replace(partial, self.path)  # noqa: PTH105 - beside its only use of os

    def of(self, name: str) -> dict[str, Any] | None:
        """What is known of a certificate."""
        return self.data["certificates"].get(name)

    def put(self, name: str, known: dict[str, Any]) -> None:
        """Note a certificate."""
        self.data["certificates"][name] = known
        self.write()

    def drop(self, name: str) -> None:
        """Forget a certificate."""
        self.data["certificates"].pop(name, None)
        self.write()

    def renew(self, settings: Settings) -> None:
        """Note that every certificate is to be replaced, until it is."""
        for wanted in settings.certificates:
            self.put(wanted.name, {**(self.of(wanted.name) or {}), "renew": True})

    def fail(self, name: str, failure: dict[str, Any]) -> None:
        """Note why a certificate could not be had."""
        self.put(name, {**(self.of(name) or {}), "failure": failure})

    def forgive(self, name: str) -> bool:
        """Forget a failure that is over; whether there was one."""
        known = self.of(name) or {}
        if "failure" not in known:
            return False
        self.put(name, {key: value for key, value in known.items() if key != "failure"})
        return True

    def seeded(self, settings: Settings) -> None:
        """Note for which certificates nginx has what it includes."""
        self.data["seeded"] = {"certificates": settings.raw, "listen": list(settings.listen)}
        self.write()

    def owe_reload(self, owed: bool) -> None:
        """Note, before nginx has to load another certificate, that it does; or that it has."""
        if bool(self.data.get("reload_owed")) != owed:
            self.data["reload_owed"] = owed
            self.write()

    def failures(self, settings: Settings) -> list[tuple[str, dict[str, Any]]]:
        """The certificates that could not be had, with what was wrong."""
        known = [(one.name, self.of(one.name) or {}) for one in settings.certificates]
        return [(name, one["failure"]) for name, one in known if "failure" in one]

    def urgent(self, settings: Settings, now: float) -> list[str]:
        """The sites that lack a certificate for a name, or whose certificate ends soon."""
        found = []
        for wanted in settings.certificates:
            known = self.of(wanted.name) or {}
            missing = not known.get("path") or examine.uncovered(wanted.domains, set(known["domains"]))
            if missing or known["not_after"] - now < min(WARNING, (known["not_after"] - known["not_before"]) / 4):
                found.append(wanted.name)
        return found
