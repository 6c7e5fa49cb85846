# SPDX-License-Identifier: MIT
"""What is said of releases: lists, and why one was not made live."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.release.stage import last_document

# The document of release_gate.py, where it follows something that Django left without an end of line.
DOCUMENT = re.compile(r'\{"\w+": .*\}$')


def release_list(state: Mapping[str, Any], name: str) -> list[str]:
    """The releases of an application on a host, the newest first, a line each."""
    live = state["slots"].get(state["live"], {}).get("release", "")
    last = {line["release"]: line for line in state["history"]}
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


def gate_message(run: Mapping[str, Any], name: str, release: str) -> str:
    """Why the migrations of a release were not applied, and what to do."""
    output = str(run.get("stdout") or "")
    said = last_document(output)
    if said.get("breaking"):
        listed = "".join(f"\n  {migration_line(pair)}" for pair in said["breaking"].items())
        return (
            f"{name}: {release} has migrations that break the release that still serves, so nothing was migrated:{listed}\n"
            "Deploy them in two steps: first a release that works with and without the change, then the change (a new column with "
            "null=True or db_default; a column that no code uses any more). Or go on, with errors for visitors until the switch: "
            "-e deploy_allow_breaking_migrations=true."
        )
    if said.get("error"):
        # Without the document itself, which may stand at the end of a line of Django's own.
        rest = "\n".join(DOCUMENT.sub("", line) for line in output.splitlines()).strip()
        return (
            f"{name}: {release} was not made live. What was live before still serves.\n{rest[-3000:]}\n{said['error']}"
        )
    log = f"{output}\n{run.get('stderr') or ''}".strip()
    return f"{name}: {release} was not made live, because it cannot start. What was live before still serves. Its output:\n{log[-4000:]}"


def failure(result: Mapping[str, Any]) -> str:
    """What a failed task said, for the message that ends the run; of a loop, what its failed items said."""
    items = [item for item in result.get("results") or [] if item.get("failed")]
    if items:
        return "\n".join(dict.fromkeys(failure(item) for item in items))
    said = str(result.get("msg") or "A task failed, see above.")
    output = "\n".join(str(result.get(key) or "") for key in ("stdout", "stderr")).strip()
    return f"{said}\n{output[-3000:]}" if output else said


def migration_line(pair: Any) -> str:
    """A migration and what it breaks, for a message; ``pair`` is a key and its value, as a tuple or as dict2items has it."""
    name, reasons = (pair["key"], pair["value"]) if isinstance(pair, Mapping) else pair
    return f"{name} {', '.join(reasons)}"
