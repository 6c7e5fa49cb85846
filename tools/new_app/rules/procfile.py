"""What a Procfile says of processes."""

from __future__ import annotations

import re
from pathlib import Path

from tools.new_app.project import Draft, Project


def procfile(project: Project, draft: Draft) -> None:
    """Its processes that are neither ``web`` nor known from Celery, as ``services``."""
    if Path("Procfile") not in project.files:
        return
    services = draft.entry.get("services", {})
    taken = " ".join(one["command"] for one in services.values())
    for line in project.text(Path("Procfile")).splitlines():
        kind, _, command = line.partition(":")
        words = command.strip()
        if kind.strip() in ("", "web") or not words or line.lstrip().startswith("#"):
            continue
        if kind.strip() == "release":
            draft.found.append(
                f"Procfile's release phase ({words}): migrations run by themselves; other commands go into release_commands."
            )
            continue
        if ("worker" in words and " worker" in taken) or ("beat" in words and " beat" in taken):
            continue
        command = re.sub(r"^(exec )?(python3? )?(\./)?(\S*/)?manage\.py", "manage.py", words)
        name = re.sub(r"[^a-z0-9]+", "_", kind.strip().lower()).strip("_")
        if command.startswith(("manage.py", "celery")) and name:
            draft.entry.setdefault("services", {})[name] = {"command": command}
            draft.found.append(f"Procfile's {kind.strip()} is a service.")
        else:
            draft.open.append(
                f"Procfile's {kind.strip()} ({words}) was not taken over: its command is neither manage.py nor celery."
            )
