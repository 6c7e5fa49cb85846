# SPDX-License-Identifier: MIT
"""What a Procfile says of processes."""

from __future__ import annotations

from tools.new_app.project import Draft, Project
from tools.new_app.rules.processes import named, service


def procfile(project: Project, draft: Draft) -> None:
    """Its processes that are not ``web``, as services."""
    for path in named(project, "Procfile")[:1]:
        for line in project.text(path).splitlines():
            kind, _, command = (one.strip() for one in line.partition(":"))
            if kind in ("", "web") or not command or line.lstrip().startswith("#"):
                continue
            if kind == "release":
                draft.found.append(
                    f"Procfile's release phase ({command}): migrations run by themselves; other commands go into post_migrate_commands."
                )
                continue
            service(project, draft, kind, command, str(path))
