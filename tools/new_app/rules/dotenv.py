# SPDX-License-Identifier: MIT
"""Files that list variables, such as .env.example."""

from __future__ import annotations

import re

from tools.new_app.project import Draft, Project

CODE = (".js", ".mjs", ".py", ".ts")


def dotenv(project: Project, draft: Draft) -> None:
    """Names the files, as what they list cannot be told to be for a server."""
    listed = [str(path) for path in project.files if re.match(r"\.?env(\.|$)", path.name) and path.suffix not in CODE]
    if listed:
        draft.open.append(
            f"{', '.join(listed)} lists variables: write those that a server needs into environment or secret_environment."
        )
