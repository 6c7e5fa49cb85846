"""Where uploads are kept."""

from __future__ import annotations

import re

from tools.new_app.project import Draft, Project
from tools.new_app.rules.directories import directory


def media(project: Project, draft: Draft) -> None:
    """A directory that outlives releases, where the project has uploads at all."""
    if project.settings.get("MEDIA_ROOT") or _has_uploads(project):
        directory("media", f"/srv/{draft.name}/shared/media, which outlives releases", project, draft)


def _has_uploads(project: Project) -> bool:
    return any(
        re.search(r"\b(FileField|ImageField)\(", project.text(path))
        for path in project.python_files()
        if "models" in str(path)
    )
