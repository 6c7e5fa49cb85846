# SPDX-License-Identifier: MIT
"""Where uploads are kept."""

from __future__ import annotations

import re

from tools.new_app.project import Draft, Project
from tools.new_app.rules.directories import directory

STORAGES = re.compile(r"s3|boto|gcloud|azure|storages\.backends|spaces", re.IGNORECASE)


def media(project: Project, draft: Draft) -> None:
    """A directory that outlives releases, where the project has uploads at all."""
    if not project.settings.get("MEDIA_ROOT") and not _has_uploads(project):
        return
    directory("media", f"/srv/{draft.name}/shared/media, which outlives releases", project, draft)
    _storage(project, draft)


def _storage(project: Project, draft: Draft) -> None:
    """With several web hosts each has to see what another one got."""
    texts = project.settings.strings("DEFAULT_FILE_STORAGE") + project.settings.strings("STORAGES")
    if project.requirements.has("django-storages") and any(STORAGES.search(text) for text in texts):
        draft.entry["media_storage"] = "none"
        draft.found.append("Uploads are kept elsewhere (django-storages): media_storage is none.")
    elif draft.environment in ("lab", "local"):
        # The lab gives its hosts one directory, and `local` is one host.
        draft.entry["media_storage"] = "shared" if draft.environment == "lab" else "local"
    else:
        draft.questions.append(
            "It keeps uploads. Is there one web host (media_storage: local), or several with a file system that all mount "
            "(media_storage: shared), or does the project keep them elsewhere, in S3 for example (media_storage: none)?"
        )


def _has_uploads(project: Project) -> bool:
    return any(
        re.search(r"\b(FileField|ImageField)\(", project.text(path))
        for path in project.python_files()
        if "models" in str(path)
    )
