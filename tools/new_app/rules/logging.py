# SPDX-License-Identifier: MIT
"""Where errors are written."""

from __future__ import annotations

from tools.new_app.project import Draft, Project


def logging(project: Project, draft: Draft) -> None:
    """To the journal, where the settings say nothing."""
    if not project.settings.get("LOGGING"):
        draft.manage("logging", "LOGGING is not set, so errors would be mailed to ADMINS and reach no log")
