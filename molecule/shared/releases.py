"""Other releases of the test project, and visitors who ask while they become live."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from controller import LAB, PROJECT

SOURCE = "molecule/django/files/project"


def copy_project(directory: Path, greeting: str, **appended: str) -> Path:
    """A copy of the project with another greeting.

    Args:
        directory: stands for the repository; the project lies below it as it does there.
        greeting: what its pages say.
        appended: text to add to modules of it, by the module's name.
    """
    project = directory / SOURCE
    if project.exists():
        shutil.rmtree(project)
    shutil.copytree(PROJECT / SOURCE, project, ignore=shutil.ignore_patterns("__pycache__"))
    (project / "shop/greeting.py").write_text(f'GREETING = "{greeting}"\n')
    for name, text in appended.items():
        with (project / f"shop/{name}.py").open("a") as module:
            module.write(text)
    return directory


def _ssh(name: str, command: str) -> list[str | Path]:
    return ["ssh", "-F", LAB / "ssh_config", "-o", "ControlPath=none", name, f"sudo {command}"]


@contextmanager
def visitors(names: list[str], count: int = 2) -> Iterator[dict[str, Any]]:
    """On each host, some who ask again and again; what they saw is there when the block ends, by the host's name."""
    seen: dict[str, Any] = {}
    for name in names:
        subprocess.run(_ssh(name, "rm -f /run/enough"), check=True)
    asking = "uwsgi-get /srv/shop/live/uwsgi.sock / --host shop.test --until /run/enough"
    running = [
        (name, subprocess.Popen(_ssh(name, asking), stdout=subprocess.PIPE, text=True))
        for name in names for _ in range(count)
    ]  # fmt: skip
    try:
        yield seen
    finally:
        for name in names:
            subprocess.run(_ssh(name, "touch /run/enough"), check=True)
        for name, process in running:
            said = json.loads(process.communicate(timeout=70)[0])
            total = seen.setdefault(name, {"requests": 0, "failed": [], "greetings": set()})
            total["requests"] += said["requests"]
            total["failed"] += said["failed"]
            total["greetings"] |= {json.loads(body)["greeting"] for body in said["bodies"]}
