# SPDX-License-Identifier: MIT
"""The first administrator."""

from __future__ import annotations

from tools.new_app.project import Draft, Project


def superuser(project: Project, draft: Draft) -> None:
    """An administrator, where Django's administration is installed."""
    if "django.contrib.admin" in project.settings.strings("INSTALLED_APPS"):
        draft.entry["superuser"] = {
            "username": "admin",
            "email": f"admin@{draft.domain.removeprefix('*.')}",
            "password": draft.secret("admin_password"),
        }
