"""The steps of a deploy and of a rollback, and how long each took: told from which file a task is in, and from its action.

The names of tasks may differ between two versions of this repository; what a step is does not.
"""

from __future__ import annotations

import json
import re
import statistics
from collections.abc import Iterable
from pathlib import Path
from typing import Any

START = "start of the command"
END = "summary, end of the command"
REST = "the rest"
# The first rule that fits a task's action and path says which step it belongs to. Roles and files of earlier versions are
# among them, so that BENCH_AGAINST can be told.
RULES: tuple[tuple[str, str, str], ...] = (
    (r"setup$", r"", "facts"),
    (r"deploy_lock$", r"", "locks"),
    (r"", r"/((un)?lock|leave_out|outcome)\.yml$", "locks"),
    (r"", r"/playbooks/(parts/)?(preflight|prepare)\.yml$|/roles/preflight/", "checks"),
    (r"", r"/roles/(release|django)/tasks/(build|state)\.yml$", "build"),
    (r"", r"/roles/(release|django)/tasks/((stage|prepare)(_application)?|attend|bring|ship|unpack|publish|slot|finish)\.yml$", "stage"),
    (r"", r"/roles/(release|django)/tasks/(migrate|try|commands|superuser|mail|administrator)\.yml$", "migrate"),
    (r"", r"/roles/(release|django)/tasks/(activate|settle|switch(_application)?|rollback)\.yml$", "switches"),
    (r"", r"/playbooks/(parts/summary|deploy_summary)\.yml$", END),
    (r"", r"/roles/(uwsgi|django)/|/roles/release/tasks/follow\.yml$", "configuration"),
)  # fmt: skip
# The order of the table.
STEPS = (START, "checks", "facts", "configuration", "build", "stage", "migrate", "switches", "locks", REST, END)


def step_of(action: str, path: str) -> str:
    """The step that a task belongs to."""
    for wanted, where, step in RULES:
        if re.search(wanted, action) and re.search(where, path):
            return step
    return REST


def steps(told: dict[str, Any], began: float, ended: float) -> dict[str, float]:
    """Seconds of each step of one run.

    A task lasts until the next one begins. What a module says of its own steps follows the step, as ``stage: unpack``: the
    slowest host of each task, because the others wait for it.

    Args:
        told: what the callback ``bench_tasks`` wrote.
        began: when the command was given, on the same clock.
        ended: when it was through.
    """
    tasks = told["tasks"]
    found = dict.fromkeys(STEPS, 0.0)
    found[START] = (tasks[0]["began"] if tasks else ended) - began
    inside: dict[str, float] = {}
    for task, until in zip(tasks, [*(one["began"] for one in tasks[1:]), told["ended"]], strict=True):
        step = step_of(task["action"], task["path"])
        found[step] += until - task["began"]
        for key in sorted({key for one in task["seconds"].values() for key in one}):
            slowest = max(one.get(key, 0.0) for one in task["seconds"].values())
            title = f"{step}: {key.removeprefix('seconds_')}"
            inside[title] = inside.get(title, 0.0) + slowest
    if tasks:
        found[END] += ended - told["ended"]
    return {**found, **inside}


def read_steps(path: Path, began: float, ended: float) -> dict[str, float]:
    """The steps of the run that wrote this file."""
    return steps(json.loads(path.read_text()), began, ended)


def medians(runs: Iterable[dict[str, float]]) -> dict[str, float]:
    """The median of each step; one that a run did not have took it no time."""
    listed = list(runs)
    titles = {title: None for one in listed for title in one}
    return {title: statistics.median(one.get(title, 0.0) for one in listed) for title in titles}


def table(columns: dict[str, dict[str, float]]) -> list[str]:
    """Lines of a table: a step in each, with what it is made of below it, and a column for each title."""
    titles = {title: None for column in columns.values() for title in column}
    lines = [f"{'median seconds':<30}" + "".join(f"{name:>22}" for name in columns)]

    def line(title: str, shown: str) -> str:
        cells = "".join(f"{column[title]:>22.2f}" if title in column else f"{'':>22}" for column in columns.values())
        return f"{shown:<30}{cells}"

    for step in STEPS:
        if any(round(column.get(step, 0.0), 2) for column in columns.values()):
            lines.append(line(step, step))
        lines += [line(one, f"    {one.partition(': ')[2]}") for one in titles if one.startswith(f"{step}: ")]
    return lines
