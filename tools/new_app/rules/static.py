# SPDX-License-Identifier: MIT
"""Where static files are collected."""

from __future__ import annotations

from tools.new_app.project import Draft, Project
from tools.new_app.rules.directories import directory


def static(project: Project, draft: Draft) -> None:
    """A directory of each release."""
    directory("static", "the release's own directory", project, draft)
