# SPDX-License-Identifier: MIT
"""The directories that nginx serves: what static and media have in common."""

from __future__ import annotations

from tools.new_app.project import Draft, Project


def directory(kind: str, served: str, project: Project, draft: Draft) -> None:
    """STATIC_ROOT or MEDIA_ROOT, from the variable that the settings read, or set by the product.

    Args:
        kind: ``static`` or ``media``.
        served: which directory nginx serves, for the reason.
        project: the project.
        draft: gets the variable, or the managed setting.
    """
    setting = f"{kind.upper()}_ROOT"
    value = project.settings.get(setting)
    if value and value.variables:
        draft.give(value.variables[0], f"${{{kind}_root}}")
        return
    place = f"is at {value.text}" if value and len(value.text) < 60 else "is computed" if value else "is not set"
    draft.manage(kind, f"{setting} {place}; nginx serves {served}")
