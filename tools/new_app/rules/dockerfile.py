# SPDX-License-Identifier: MIT
"""What a Dockerfile, a compose file and the scripts that they start say of processes."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import yaml

from tools.new_app.project import Draft, Project
from tools.new_app.rules.processes import ONCE, named, normalised, service

COMMAND = re.compile(r"^\s*(?:CMD|ENTRYPOINT)\s+(.+)$", re.MULTILINE | re.IGNORECASE)


def dockerfile(project: Project, draft: Draft) -> None:
    """Commands of containers that are no servers, as services; what runs before the server is told."""
    scripts: set[Path] = set()
    for path in named(project, "Dockerfile", "*.Dockerfile", "Containerfile"):
        for line in COMMAND.findall(project.text(path).replace("\\\n", " ")):
            command = _words(line)
            scripts |= _scripts(project, command)
            _of_container(project, draft, path.name, command, str(path))
    for path in named(project, *(f"{one}.{end}" for one in ("docker-compose", "compose") for end in ("yml", "yaml"))):
        for name, command in _compose(project, path):
            scripts |= _scripts(project, command)
            _of_container(project, draft, name, command, str(path))
    for path in sorted(scripts):
        _before_the_server(project, draft, path)


def _words(line: str) -> str:
    """A command in Docker's two forms, as one line."""
    try:
        given = json.loads(line)
    except json.JSONDecodeError:
        return line.strip()
    return shlex.join(map(str, given)) if isinstance(given, list) else line.strip()


def _compose(project: Project, path: Path) -> Iterator[tuple[str, str]]:
    try:
        content = yaml.safe_load(project.text(path))
    except yaml.YAMLError:
        return
    services = content.get("services") if isinstance(content, dict) else None
    for name, one in services.items() if isinstance(services, dict) else ():
        for key in ("entrypoint", "command"):
            given = one.get(key) if isinstance(one, dict) else None
            if given:
                yield str(name), shlex.join(map(str, given)) if isinstance(given, list) else str(given)


def _of_container(project: Project, draft: Draft, name: str, command: str, where: str) -> None:
    inner = re.search(r"(?:ba)?sh -e?l?c '?(.+?)'?$", command)
    words = normalised(inner[1] if inner else command)
    # Whatever else a container starts (a database, a mail catcher) is no process of the project.
    if words.startswith(("manage.py ", "celery ")):
        service(project, draft, words.split()[1] if name.endswith("ockerfile") else name, words, where)


def _scripts(project: Project, command: str) -> set[Path]:
    """The project's shell scripts in a command."""
    try:
        names = {Path(word).name for word in shlex.split(command)}
    except ValueError:
        return set()
    return {path for path in named(project, "*.sh", "entrypoint", "start") if path.name in names}


def _before_the_server(project: Project, draft: Draft, path: Path) -> None:
    """What a container's script runs once before it serves."""
    found = []
    for line in project.text(path).splitlines():
        words = normalised(line) if not line.lstrip().startswith("#") else ""
        if words.startswith("manage.py ") and not ONCE.search(words) and words not in found:
            found.append(words)
    if found:
        draft.open.append(
            f"{path} runs before it serves: {'; '.join(found)}. Write those that every release needs into post_migrate_commands, those "
            "that a new database needs into initial_commands."
        )
