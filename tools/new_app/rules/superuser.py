# SPDX-License-Identifier: MIT
"""The first administrator."""

from __future__ import annotations

import ast
import re

from tools.new_app.project import Draft, Project

USERNAME = re.compile(r"^\s+USERNAME_FIELD\s*=\s*[\"'](\w+)[\"']", re.MULTILINE)
REQUIRED = re.compile(r"^\s+REQUIRED_FIELDS\s*(?::[^=]+)?=\s*(\[[^\]]*\]|\([^)]*\))", re.MULTILINE)


def superuser(project: Project, draft: Draft) -> None:
    """An administrator, where Django's administration is installed; what a user model of the project's own asks for is asked."""
    if "django.contrib.admin" not in project.settings.strings("INSTALLED_APPS"):
        return
    email = f"admin@{draft.domain.removeprefix('*.')}"
    models = _models(project) if project.settings.get("AUTH_USER_MODEL") else ""
    by_email = any(name == "email" for name in USERNAME.findall(models))
    draft.entry["superuser"] = {
        "username": email if by_email else "admin",
        "email": email,
        "password": draft.secret("admin_password"),
    }
    asked = [name for text in REQUIRED.findall(models) for name in _names(text) if name not in ("email", "username")]
    if asked:
        draft.questions.append(
            f"Its users have to have {', '.join(dict.fromkeys(asked))}: which are those of the administrator? Write them as "
            "superuser.fields."
        )


def _models(project: Project) -> str:
    return "\n".join(
        project.text(path)
        for path in project.python_files()
        if "models" in path.parts or path.stem in ("models", "user")
    )


def _names(text: str) -> list[str]:
    try:
        found = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return []
    return [str(one) for one in found]
