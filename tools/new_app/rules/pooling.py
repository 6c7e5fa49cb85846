# SPDX-License-Identifier: MIT
"""Whether it can share its connections to the database, which a pooler lends for one transaction each."""

from __future__ import annotations

import re
from pathlib import Path

from tools.new_app.project import Draft, Project

# As roles/release/files/support/database_pooling.py has them, which asks each release; a test compares the two.
TENANTS = ("django_tenants", "tenant_schemas", "django_pgschemas")
LISTENERS = ("procrastinate.contrib.django", "pgpubsub", "channels_postgres", "dramatiq_pg")
WORDS = {
    "an advisory lock of the session": re.compile(r"\bpg_(try_)?advisory_lock(_shared)?\s*\(", re.IGNORECASE),
    "LISTEN": re.compile(r"""["']\s*LISTEN\s+["{%\w]"""),
    "a schema for the session": re.compile(r"""["']\s*SET\s+(SESSION\s+)?search_path\b""", re.IGNORECASE),
    "a role for the session": re.compile(
        r"""["']\s*SET\s+(SESSION\s+)?(ROLE|SESSION\s+AUTHORIZATION)\b""", re.IGNORECASE
    ),
}
# What keeps its connection for good, so that no pause would come to an end.
FOR_GOOD = "LISTEN"


def pooling(project: Project, draft: Draft) -> None:
    """``pooling``: ``none`` where something listens, ``session`` where something is kept beyond a transaction."""
    installed = project.settings.strings("INSTALLED_APPS")
    if listener := next((one for one in installed if one.startswith(LISTENERS)), ""):
        _choose(
            draft, "none", f"{listener}, which is installed, waits for notifications and keeps its connection for good"
        )
    elif tenants := next((one for one in installed if one.startswith(TENANTS)), ""):
        _choose(draft, "session", f"{tenants}, which is installed, sets the schema of each tenant for the session")
    elif found := _in_code(project):
        place, what = found
        _choose(draft, "none" if what == FOR_GOOD else "session", f"{place} asks for {what}")


def _choose(draft: Draft, mode: str, why: str) -> None:
    draft.entry["pooling"] = mode
    draft.found.append(f"pooling: {mode}, because {why}: a pooler in transaction mode does not keep that.")


def _in_code(project: Project) -> tuple[str, str] | None:
    """The first place in its code that needs a session, and what it asks for; what listens before the others."""
    found = []
    for path in project.python_files():
        if "migrations" not in path.parts:
            found += _of_file(path, project.text(path))
    return min(found, key=lambda one: one[1] != FOR_GOOD, default=None)


def _of_file(path: Path, text: str) -> list[tuple[str, str]]:
    return [
        (f"{path}, line {number},", what)
        for number, line in enumerate(text.splitlines(), start=1)
        for what, words in WORDS.items()
        if words.search(line)
    ]
