# SPDX-License-Identifier: MIT
"""The addresses of static and media files."""

from __future__ import annotations

import ast
import re

from tools.new_app.project import Draft, Project


def urls(project: Project, draft: Draft) -> None:
    """``static_url`` and ``media_url``, where they are not /static/ and /media/."""
    for kind in ("static", "media"):
        value = project.settings.get(f"{kind.upper()}_URL")
        url = value.literal if value else None
        if value and not isinstance(url, str):
            own = value.variables[0].default if isinstance(value.node, ast.Call) and value.variables else None
            url = own if isinstance(own, str) else None
            if url is None:
                draft.open.append(
                    f"{kind.upper()}_URL is computed ({value.text}): set {kind}_url to what it is on a server."
                )
        if not url:
            continue
        if re.match(r"(https?:)?//", url):
            draft.open.append(
                f"{kind.upper()}_URL is {url}, another server: nginx serves nothing there, and needs no {kind}_url."
            )
            continue
        path = f"/{url.strip('/')}/"
        if path not in (f"/{kind}/", "//"):
            draft.entry[f"{kind}_url"] = path
            draft.found.append(f"{kind.capitalize()} files are at {path}.")
