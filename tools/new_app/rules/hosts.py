"""The domains that Django answers."""

from __future__ import annotations

import re

from tools.new_app.project import Draft, Project
from tools.new_app.settings import Value


def hosts(project: Project, draft: Draft) -> None:
    """ALLOWED_HOSTS and the lists of origins, from the variables that the settings read, or set by the product."""
    allowed = project.settings.get("ALLOWED_HOSTS")
    if allowed and allowed.variables:
        draft.give(allowed.variables[0], _domains(allowed, draft))
    else:
        draft.manage(
            "hosts", "ALLOWED_HOSTS is fixed" + (f" ({allowed.text})" if allowed and len(allowed.text) < 60 else "")
        )
    for setting in ("CSRF_TRUSTED_ORIGINS", "CORS_ALLOWED_ORIGINS"):
        origins = project.settings.get(setting)
        if origins and origins.variables:
            draft.give(origins.variables[0], _domains(origins, draft, "https://"))


def _domains(value: Value, draft: Draft, prefix: str = "") -> str:
    """A value of a variable that the settings take apart into domains."""
    split = re.search(r"\.split\((?:['\"](.*?)['\"])?", value.text)
    separator = "," if split is None or (split[1] is None and "split()" not in value.text) else (split[1] or " ")
    return separator.join(prefix + one for one in [draft.domain])
