# SPDX-License-Identifier: MIT
"""What is said of releases: lists, and why one was not made live."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Any


def release_list(state: Mapping[str, Any], name: str) -> list[str]:
    """The releases of an application on a host, the newest first, a line each."""
    live = state["slots"].get(state["live"], {}).get("release", "")
    last = {line["release"]: line for line in state["history"]}
    points = {line["release"]: line["restore_point"] for line in state["history"] if line.get("restore_point")}
    lines = []

    def age(release: str) -> tuple[int, int]:
        return last.get(release, {}).get("time", 0), state["releases"][release]["modified"]

    for release in sorted(state["releases"], key=age, reverse=True):
        own = state["releases"][release]
        line = last.get(release, {})
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(line.get("time") or own["modified"])) + " UTC"
        words = ["live" if release == live else ""]
        words += [f"{mark}: {own[mark]}" for mark in ("bad", "withdrawn") if own[mark]]
        words += [] if own["complete"] and own["ready"] else ["incomplete"]
        words += [f"restore point before its migrations: {points[release]}"] if release in points else []
        size = f"{own.get('size', 0) / 1e6:.1f} MB"
        who = line.get("who") or "-"
        columns = [
            name,
            release,
            when,
            f"{line.get('version') or '-':<14}",
            f"{size:>9}",
            who,
            ", ".join(filter(None, words)),
        ]
        lines.append("  ".join(columns).rstrip())
    return lines


# As release_gate.py says it.
SQLITE_FILE = re.compile(r'DATABASES\["[^"]+"\] is SQLite, in the file [^;)\n]+')


def sqlite_hint(output: str) -> str:
    """A sentence for a project that asks SQLite for a file that it may not write; empty for others."""
    if "unable to open database file" not in output and "attempt to write a readonly database" not in output:
        return ""
    file = SQLITE_FILE.search(output)
    place = (
        f"A database of the project here is SQLite ({file[0]})"
        if file
        else "The project's default database here is SQLite"
    )
    return (
        f"\n{place}, and its file can't be written: DATABASES of its settings falls back to SQLite where no "
        "other database is named. Give it the application's own, PostgreSQL: managed_settings: [database] in the entry, or the variable "
        "that the settings read with the value ${database_url} (docs/bring-your-own.md)."
    )


def failure(result: Mapping[str, Any]) -> str:
    """What a failed task said, for the message that ends the run; of a loop, what its failed items said."""
    items = [item for item in result.get("results") or [] if item.get("failed")]
    if items:
        return "\n".join(dict.fromkeys(failure(item) for item in items))
    said = str(result.get("msg") or "A task failed, see above.")
    output = "\n".join(str(result.get(key) or "") for key in ("stdout", "stderr")).strip()
    return (f"{said}\n{output[-3000:]}" if output else said) + sqlite_hint(f"{said}{output}")
