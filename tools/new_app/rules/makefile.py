# SPDX-License-Identifier: MIT
"""What a Makefile or a justfile says of processes."""

from __future__ import annotations

import re

from tools.new_app.project import Draft, Project
from tools.new_app.rules.processes import named, normalised, service

TARGET = re.compile(r"^([A-Za-z][\w-]*)\s*:(?!=)")
# Most recipes are a developer's: these say by their name that they start what a server runs as well.
PROCESS = re.compile(
    r"(^|[_-])(worker|workers|beat|scheduler|queue|consumer|daemon|cluster|qcluster|huey|celery)([_-]|$)"
)


def makefile(project: Project, draft: Draft) -> None:
    """Recipes that start a worker, as services."""
    for path in named(project, "Makefile", "justfile")[:1]:
        target = ""
        for line in project.text(path).replace("\\\n", " ").splitlines():
            if found := TARGET.match(line):
                target = found[1]
            elif line.startswith(("\t", " ")) and PROCESS.search(target):
                words = normalised(line.strip().lstrip("@-"))
                if words.startswith(("manage.py ", "celery ")):
                    service(project, draft, target, words, str(path))
