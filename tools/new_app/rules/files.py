# SPDX-License-Identifier: MIT
"""Variables that name a file of the host, which nothing places there."""

from __future__ import annotations

import re

from tools.new_app.project import Draft, Project

NAME = re.compile(r"_(FILE|FILENAME|FILE_PATH|JSON_PATH|YAML_PATH|PEM|KEYFILE|CONFIG_PATH)$")
# Written by the project, or placed by the product.
OTHER = re.compile(r"LOG|PID|SOCKET|SQLITE|SSL|CACHE|UPLOAD|STATIC|MEDIA")


def names_a_file(name: str) -> bool:
    """Whether the value of a variable is the path of a file that has to be there, and no secret itself."""
    return bool(NAME.search(name)) and not OTHER.search(name)


def files(project: Project, draft: Draft) -> None:
    """Asks for what these files hold."""
    for name, variable in project.settings.variables.items():
        if not names_a_file(name) or name in draft.given:
            continue
        users = sorted(
            setting
            for setting, value in project.settings.values.items()
            if any(one.name == name for one in value.variables)
            and setting in ("SECRET_KEY", "DATABASES", "ALLOWED_HOSTS")
        )
        taken = [
            word
            for word in users
            if {"SECRET_KEY": "secret_key", "DATABASES": "database"}.get(word, "") in draft.managed
        ]
        by_product = f" {', '.join(taken)} is set by the product instead." if taken else ""
        draft.questions.append(
            f"{name} names a file on the host that the settings read, and no part of this product places it.{by_product} What else is in "
            f"it? Have the settings read variables, or place the file by other means and write its path to environment.{name}."
        )
        if variable.required:
            draft.give(variable, "")
