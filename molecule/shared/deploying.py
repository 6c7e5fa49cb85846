"""What an operator does with the projects of the scenarios `deploy` and `deploy_faults`, and what their visitors see meanwhile."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import requests
from site_playbooks import Run, on, play, start
from site_visitor import PROJECT, Visitor

WEB = ("web1", "web2")
DOMAIN = "plain.test"
# A migration of the plain project, after another one.
MIGRATION = """from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("guestbook", "{after}")]
    operations = [{operation}]
"""
FIRST = "0001_initial"
MARK = re.compile(r"<!-- release (\w+) -->")


def deploy(source: Path, *words: str, code: int = 0) -> Run:
    """Deploy a copy of the plain project."""
    return play("playbooks/deploy.yml", "-e", "app=plain", "-e", f"source={source}", *words, code=code)


@contextmanager
def started_until(stage: str, *words: str) -> Iterator[None]:
    """Start a playbook and wait until it comes to a task; after the block it is killed, with all that it started here."""
    process = start(*words)
    assert process.stdout
    output = ""
    try:
        for line in process.stdout:
            output += line
            if line.startswith(("TASK [", "RUNNING HANDLER [")) and stage in line:
                break
        else:
            raise AssertionError(f"'{stage}' never came:\n{output[-4000:]}")
        yield
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=30)
        process.stdout.close()


def variant(directory: Path, mark: str, **changed: str) -> Path:
    """A copy of the plain project whose pages carry a mark.

    Args:
        directory: where to put it.
        mark: letters and digits.
        changed: text to append to a file (``mysite_settings`` is ``mysite/settings.py``), or the whole of a new one.
    """
    place = directory / mark
    shutil.copytree(PROJECT / "tests/projects/plain", place, ignore=shutil.ignore_patterns("__pycache__"))
    page = place / "guestbook/templates/guestbook/index.html"
    page.write_text(f"{page.read_text()}<!-- release {mark} -->\n")
    for name, text in changed.items():
        package, _, rest = name.partition("_")
        path = (
            place
            / package
            / (f"migrations/{rest.removeprefix('migration_')}.py" if "migration" in rest else f"{rest}.py")
        )
        path.write_text((path.read_text() if path.exists() else "") + text)
    return place


def soon(true: Callable[[], bool], seconds: float = 15) -> bool:
    """Whether it becomes true in that time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if true():
            return True
        time.sleep(0.5)
    return False


def history(name: str, application: str = "plain") -> list[dict[str, Any]]:
    """What became live on a host, the oldest first."""
    lines = on(name).check_output(f"cat /srv/{application}/history.jsonl").splitlines()
    return [json.loads(line) for line in lines]


class Seen:
    """What visitors of each web host got."""

    def __init__(self) -> None:
        self.answers: list[tuple[str, int, str]] = []
        self.errors: list[str] = []

    def marks(self) -> set[str]:
        return {mark for _host, _status, mark in self.answers}

    def statuses(self) -> set[int]:
        return {status for _host, status, _mark in self.answers}


def _visit(name: str, seen: Seen, enough: threading.Event, fresh: bool) -> None:
    visitor = Visitor(name, DOMAIN)
    while not enough.is_set():
        if fresh:
            visitor = Visitor(name, DOMAIN)
        try:
            answer = visitor.get("/")
        except (requests.RequestException, OSError) as error:
            seen.errors.append(f"{name}: {error!r}")
        else:
            found = MARK.search(answer.text)
            seen.answers.append((name, answer.status_code, found[1] if found else "none"))
        time.sleep(0.05)


@contextmanager
def visitors() -> Iterator[Seen]:
    """On each web host one who keeps the connection and one who comes anew each time, until the block ends."""
    seen, enough = Seen(), threading.Event()
    threads = [
        threading.Thread(target=_visit, args=(name, seen, enough, fresh), daemon=True)
        for name in WEB for fresh in (True, False)
    ]  # fmt: skip
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        enough.set()
        for thread in threads:
            thread.join(timeout=60)
