# SPDX-License-Identifier: MIT
"""Queues of tasks beside Celery: each has one command that works them off."""

from __future__ import annotations

from tools.new_app.project import Draft, Project
from tools.new_app.rules.processes import service

# By the application that a project installs.
COMMANDS = {
    "django_q": "manage.py qcluster",
    "huey.contrib.djhuey": "manage.py run_huey",
    "django_rq": "manage.py rqworker default",
    "background_task": "manage.py process_tasks",
    "django_dramatiq": "manage.py rundramatiq",
    "django_tasks.backends.database": "manage.py db_worker",
    "django_tasks_db": "manage.py db_worker",
    "procrastinate.contrib.django": "manage.py procrastinate worker",
}


def queues(project: Project, draft: Draft) -> None:
    """The worker of the queue that is installed, where no file has named it."""
    installed = project.settings.strings("INSTALLED_APPS")
    for application, command in COMMANDS.items():
        if application in installed:
            service(project, draft, "tasks", command, f"{application}, which is installed,")
