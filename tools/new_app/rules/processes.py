# SPDX-License-Identifier: MIT
"""What the files that name processes have in common: one command of one of them becomes a service, or a sentence."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from tools.new_app.project import Draft, Project

# How people start Python where there is no service manager.
BEFORE = re.compile(
    r"^((exec|nice|env|time|su-exec \S+|gosu \S+|honcho run|poetry run|pipenv run|uv run( --\S+)*|"
    r"(\S*/bin/)?python3?( -u)?) +)+"
)
VARIABLES = re.compile(r"^([A-Za-z_]\w*=\S* +)+")
# The product's own take their place: the server of the pages, nginx, Redis, PostgreSQL, cron.
SERVERS = re.compile(
    r"\b(gunicorn|uwsgi|daphne|uvicorn|hypercorn|granian|waitress-serve|runserver(_plus)?|nginx|redis-server|postgres|crond?)\b"
)
ONCE = re.compile(
    r"manage\.py (migrate|collectstatic|compilemessages|createsuperuser|check|test|makemigrations|shell|loaddata|flush|createcachetable)\b"
)


# Workers of a queue share its tasks, so that each host may have one.
QUEUES = ("celery", "db_worker", "process_tasks", "procrastinate", "qcluster", "rqworker", "run_huey", "rundramatiq")


def service(project: Project, draft: Draft, name: str, command: str, where: str) -> None:
    """Propose a process that a file names, as a service.

    Args:
        project: the project.
        draft: gets the service, or a sentence on why there is none.
        name: how the file calls it.
        command: what it starts.
        where: the file, for what is told.
    """
    words = normalised(command)
    if not words or SERVERS.search(words) or ONCE.search(words):
        return
    services = draft.entry.get("services", {})
    if any(_same(words, one["command"]) for one in services.values()):
        return
    key = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_") or "worker"
    if not words.startswith(("manage.py ", "celery ")):
        draft.open.append(
            f"{where} starts {name} ({words}), which was not taken over: its command is neither manage.py nor celery."
        )
        return
    if not re.match(r"[a-z]", key) or key in services:
        key = f"{words.split()[1].strip('-')}_{key}"
    add(draft, key[:31], words, f"{where} starts {name}")


def add(draft: Draft, key: str, words: str, why: str) -> None:
    """Add a service: on each host where it works off a queue, and otherwise on one, as it has run until now."""
    shared = any(word in QUEUES for word in words.split()[:2]) and "beat" not in words.split()
    draft.entry.setdefault("services", {})[key] = {"command": words, **({} if shared else {"singleton": True})}
    where = "on each web host" if shared else "on the first web host; whether several may run at once, no file tells"
    draft.found.append(f"{why} ({words}): a service {where}.")


def normalised(command: str) -> str:
    """A command as an entry has it: without variables, wrappers and the path of manage.py; empty where a shell is needed."""
    text = command.strip().strip("'\"")
    for _ in range(3):
        text = BEFORE.sub("", VARIABLES.sub("", text))
    text = re.sub(r"^-m +celery\b", "celery", text)
    text = re.sub(r"^(\./)?(\S*/)?(manage\.py|celery)\b", r"\3", text)
    text = re.split(r" *(&&|\|\||[|;&<]|\d?>)", text)[0].strip()
    try:
        shlex.split(text)
    except ValueError:
        return ""
    return "" if re.search(r"[$`{%]", text) else text


def _same(words: str, other: str) -> bool:
    """Whether two commands start the same: one command of manage.py, or Celery's worker or beat."""
    mine, its = words.split(), other.split()
    if mine[0] == its[0] == "manage.py":
        return mine[1:2] == its[1:2]
    kinds = [{"worker", "beat", "flower"} & set(one) for one in (mine, its)]
    return mine[0] == its[0] and bool(kinds[0] & kinds[1])


def named(project: Project, *names: str) -> list[Path]:
    """The project's files of these names or endings, the shallowest first; none of its documentation or tests."""
    found = [
        path
        for path in project.files
        if (path.name in names or any(one.startswith("*") and path.name.endswith(one[1:]) for one in names))
        and not {"docs", "doc", "tests", "test", "examples", "example"} & set(path.parts)
    ]
    return sorted(found, key=lambda path: (len(path.parts), path))
