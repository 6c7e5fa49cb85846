"""What may run by the clock."""

from __future__ import annotations

from tools.new_app.project import Draft, Project


def timers(project: Project, draft: Draft) -> None:
    """Commands of its own: which of them run by the clock, no file tells."""
    if project.settings.get("CRONJOBS"):
        draft.open.append("CRONJOBS (django-crontab) is set: write its lines as timers.")
        return
    commands = sorted(
        path.stem
        for path in project.python_files()
        if path.parent.name == "commands" and path.parent.parent.name == "management" and path.stem != "__init__"
    )
    if commands:
        draft.open.append(
            f"It has commands of its own ({', '.join(commands[:8])}): if one of them runs by the clock, add it to timers with its "
            "schedule; which ones do cannot be told from the files."
        )
