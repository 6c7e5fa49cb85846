# SPDX-License-Identifier: MIT
"""The address for health checks, found among its URLs."""

from __future__ import annotations

import re

from tools.new_app.modules import find_module
from tools.new_app.project import Draft, Project

HEALTH = re.compile(
    r"""path\(\s*r?["']\^?((?:[\w-]+/)?(?:readyz|healthz|livez|health|healthcheck|health-check|health_check|ready|up|ping|status)/?)\$?["']"""
)
INCLUDED = re.compile(r"""path\(\s*r?["']([\w^/-]*)["'],\s*include\(\s*["']([\w.]+)["']""")


def health(project: Project, draft: Draft) -> None:
    """The address that a release has to answer before it is live."""
    path = _health_path(project, str(project.settings.literal("ROOT_URLCONF") or ""), depth=2)
    if path:
        draft.entry["health_path"] = path
        draft.found.append(
            f"{path} looks like the address for health checks: a release is live once it answers 200 there."
        )
    else:
        draft.found.append(
            "No address for health checks was found: a release is live once / answers (200, or a redirect)."
        )


def _health_path(project: Project, module: str, depth: int) -> str:
    """The address for health checks among the URLs of a module and of those that it includes."""
    file = find_module(module, project.roots)
    if file is None:
        return ""
    text = file.read_text(encoding="utf-8", errors="replace")
    # "Ready" asks more than "healthy", which asks more than "up".
    found = sorted(HEALTH.findall(text), key=lambda path: ("ready" not in path, "health" not in path))
    if found:
        return f"/{found[0]}"
    for prefix, other in INCLUDED.findall(text) if depth else ():
        path = _health_path(project, other, depth - 1)
        if path:
            return f"/{prefix.strip('^/')}{path}" if prefix.strip("^/") else path
    return ""
