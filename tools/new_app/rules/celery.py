# SPDX-License-Identifier: MIT
"""Celery's worker and beat."""

from __future__ import annotations

import re
from pathlib import Path

from tools.new_app.project import Draft, Project


def celery(project: Project, draft: Draft) -> None:
    """A worker on each web host, and one beat where there is a schedule."""
    needs, settings = project.requirements, project.settings
    modules = [path for path in project.python_files() if re.search(r"=\s*(celery\.)?Celery\(", project.text(path))]
    if not modules or not needs.has("celery"):
        return
    target = _target(project, modules[0])
    services = draft.entry.setdefault("services", {})
    services["worker"] = {"command": f"celery -A {target} worker --loglevel INFO", "stop_timeout": 120}
    draft.found.append(
        f"Celery's application is in {modules[0]}: a worker on each web host, which ends its tasks before it stops."
    )
    text = "".join(project.text(path) for path in modules) + " ".join(settings.values)
    scheduler = "django_celery_beat" in settings.strings("INSTALLED_APPS") or needs.has("django-celery-beat")
    if scheduler or re.search(r"beat_schedule|BEAT_SCHEDULE|add_periodic_task", text):
        extra = (
            "--scheduler django_celery_beat.schedulers:DatabaseScheduler"
            if scheduler
            else "--schedule /tmp/celerybeat-schedule"
        )
        services["beat"] = {"command": f"celery -A {target} beat --loglevel INFO {extra}", "singleton": True}
        draft.found.append("It has a schedule: one beat on the first web host.")
    if not draft.entry.get("redis"):
        draft.open.append(
            "Celery's broker could not be told: this repository brings Redis (redis: true, ${redis_url}); another one has to be there."
        )


def _target(project: Project, path: Path) -> str:
    full = project.root / path
    tops = [one for one in project.roots if full.is_relative_to(one)]
    top = max(tops, key=lambda one: len(one.parts), default=project.root)
    parts = list(full.relative_to(top).with_suffix("").parts)
    # `-A shop` finds shop/celery.py by itself.
    return ".".join(parts[:-1] if parts[-1] in ("celery", "__init__") and len(parts) > 1 else parts)
