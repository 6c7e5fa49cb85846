# SPDX-License-Identifier: MIT
"""The project's own commands: what runs until it is stopped, what may run by the clock, and what is run by hand."""

from __future__ import annotations

from tools.new_app.commands import commands
from tools.new_app.project import Draft, Project
from tools.new_app.rules.processes import add, named


def timers(project: Project, draft: Draft) -> None:
    """Every command is looked at; those that loop become services, and those of a schedule are asked for."""
    crontabs = [
        path for path in named(project, "crontab", "*.cron", "crontab.txt") if "manage.py" in project.text(path)
    ]
    if project.settings.get("CRONJOBS"):
        draft.open.append("CRONJOBS (django-crontab) is set: write its lines as timers.")
    for path in crontabs:
        lines = [
            line.strip() for line in project.text(path).splitlines() if "manage.py" in line and not line.startswith("#")
        ]
        draft.open.append(f"{path} runs by the clock: {'; '.join(lines)}. Write these as timers.")
    services = draft.entry.get("services", {})
    started = {word for one in services.values() for word in one["command"].split()}
    by_clock, by_hand = [], []
    for command in commands(project):
        if command.name in started:
            continue
        if command.loops and not command.arguments:
            add(draft, command.name[:31], f"manage.py {command.name}", f"{command.path} goes on until it is stopped")
        elif command.clock:
            by_clock.append(command.name)
        else:
            by_hand.append(command.name)
    if by_clock:
        draft.open.append(
            f"The text of {', '.join(by_clock)} speaks of a schedule: add what runs by the clock to timers, with when."
        )
    if by_hand:
        draft.found.append(
            f"Commands of its own that are run by hand: {', '.join(by_hand)}. If one of them runs by the clock, add it to timers."
        )
