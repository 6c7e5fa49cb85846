# SPDX-License-Identifier: MIT
"""The project's own management commands: what each looks like from its text."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path

from tools.new_app.expressions import dotted
from tools.new_app.project import Project

# Django's own, which a project may have its own form of.
DJANGOS = {
    "check", "collectstatic", "compilemessages", "createcachetable", "createsuperuser", "dbshell", "dumpdata", "flush", "loaddata",
    "makemessages", "makemigrations", "migrate", "runserver", "sendtestemail", "shell", "showmigrations", "startapp", "test",
    "testserver",
}  # fmt: skip
CLOCK = re.compile(
    r"\bcron(tab|job)?s?\b|\bperiodically\b|\b(run|call|execut|schedul|start)\w*\b[^.\n]{0,40}\b(hourly|daily|nightly|weekly|monthly|every)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Command:
    """One command."""

    name: str
    path: Path
    # Whether it goes on until it is stopped.
    loops: bool
    # Whether it has to be told something on its command line.
    arguments: bool
    # Whether its text speaks of a schedule.
    clock: bool


def commands(project: Project) -> list[Command]:
    """Every command of the project, by name; Django's own names are left out."""
    found = {}
    for path in project.python_files():
        if path.parent.name != "commands" or path.parent.parent.name != "management":
            continue
        if path.stem.startswith("_") or path.stem in DJANGOS:
            continue
        found[path.stem] = _read(path, project.text(path))
    return [found[name] for name in sorted(found)]


def _read(path: Path, text: str) -> Command:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return Command(path.stem, path, loops=False, arguments=False, clock=bool(CLOCK.search(text)))
    loops = arguments = False
    for node in ast.walk(tree):
        if isinstance(node, ast.While) and isinstance(node.test, ast.Constant) and node.test.value:
            # A loop that is left again ends by itself.
            loops = loops or not any(isinstance(one, (ast.Break, ast.Return)) for one in ast.walk(node))
        elif isinstance(node, ast.Call) and dotted(node.func).endswith(
            ("serve_forever", "run_forever", "start_consuming")
        ):
            loops = True
        elif isinstance(node, ast.Call) and dotted(node.func).endswith(".add_argument") and node.args:
            first = node.args[0].value if isinstance(node.args[0], ast.Constant) else ""
            optional = any(
                one.arg == "nargs" and isinstance(one.value, ast.Constant) and one.value.value in ("?", "*")
                for one in node.keywords
            )
            required = any(
                one.arg == "required" and isinstance(one.value, ast.Constant) and one.value.value
                for one in node.keywords
            )
            arguments = arguments or required or (isinstance(first, str) and not first.startswith("-") and not optional)
    return Command(path.stem, path, loops, arguments, bool(CLOCK.search(text)))
