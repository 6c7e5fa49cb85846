# SPDX-License-Identifier: MIT
"""Directories of its own that the project writes, and nobody may visit."""

from __future__ import annotations

import ast
import re
from pathlib import PurePath

from tools.new_app.expressions import strings
from tools.new_app.project import Draft, Project

DIRECTORY = re.compile(r"(^|_)(ROOT|DIR|DIRECTORY|FOLDER|DATA_PATH|STORAGE_PATH)$")
OTHER = re.compile(r"^(STATIC|MEDIA|TEMPLATE|LOCALE|BASE|PROJECT|LOG|SOURCE|DOCUMENT|FIXTURE|GDAL|GEOS|HOME|APP|NODE)")


def data(project: Project, draft: Draft) -> None:
    """Each variable that names such a directory gets one below the application's private directory."""
    given = []
    for setting, value in project.settings.values.items():
        for variable in value.variables:
            if (
                "://" in str(variable.default)
                or not DIRECTORY.search(variable.name)
                or OTHER.search(variable.name)
                or variable.name in draft.given
            ):
                continue
            draft.give(variable, f"${{data_root}}/{_last(value.node, setting)}")
            given.append(variable.name)
    if given:
        draft.found.append(
            f"{', '.join(given)} looks like a directory that it writes: below its own, which is kept and not served ($"
            "{data_root})."
        )


def _last(node: ast.expr, setting: str) -> str:
    """The name that the settings give the directory, or one that follows from the setting."""
    written = [text for text in strings(node) if re.fullmatch(r"[\w./-]+", text) and not text.isupper()]
    name = PurePath(written[-1]).name if written else ""
    return name or re.sub(r"_(ROOT|DIR|DIRECTORY|FOLDER|PATH)$", "", setting).lower()
