# SPDX-License-Identifier: MIT
"""What supervisord's files say of processes."""

from __future__ import annotations

import configparser

from tools.new_app.project import Draft, Project
from tools.new_app.rules.processes import named, service


def supervisor(project: Project, draft: Draft) -> None:
    """Each ``[program:…]`` that is no server, as a service."""
    for path in named(project, "*.conf", "supervisord.ini"):
        text = project.text(path)
        if "[program:" not in text:
            continue
        content = configparser.ConfigParser(interpolation=None, strict=False)
        try:
            content.read_string(text)
        except configparser.Error:
            draft.open.append(f"{path} names processes and cannot be read: write those that have to run into services.")
            continue
        for section in content.sections():
            if section.startswith("program:"):
                service(project, draft, section.partition(":")[2], content[section].get("command", ""), str(path))
