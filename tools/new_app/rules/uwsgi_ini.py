# SPDX-License-Identifier: MIT
"""What uWSGI's own settings say of processes."""

from __future__ import annotations

import re

from tools.new_app.project import Draft, Project
from tools.new_app.rules.processes import named, service

DAEMON = re.compile(r"^\s*(?:smart-|legion-)?attach-daemon2?\s*[=:]\s*(.+)$", re.MULTILINE)
CRON = re.compile(r"^\s*(?:unique-)?cron2?\s*[=:]\s*(.+)$", re.MULTILINE)


def uwsgi_ini(project: Project, draft: Draft) -> None:
    """Daemons that it attaches become services; what it runs by the clock is told."""
    for path in named(project, "*.ini"):
        text = project.text(path)
        if "[uwsgi]" not in text:
            continue
        for line in DAEMON.findall(text):
            # `cmd=…,touch=…`, and for smart-attach-daemon the file of its pid before the command.
            command = re.sub(r"^(\S+\.pid\s+|cmd=)", "", line.strip())
            name = (re.search(r"manage\.py (\w+)", command) or re.search(r"(\w+)\s*$", command) or ["", "daemon"])[1]
            service(project, draft, name, command.split(",touch=")[0], str(path))
        clock = CRON.findall(text)
        if clock:
            draft.open.append(f"{path} runs by the clock: {'; '.join(clock)}. Write these as timers.")
