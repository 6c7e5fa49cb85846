# SPDX-License-Identifier: MIT
"""The modules that a server starts: settings and WSGI."""

from __future__ import annotations

from tools.new_app.modules import find_module
from tools.new_app.project import Draft, Project


def modules(project: Project, draft: Draft) -> None:
    """The settings of a server, and the module that has the WSGI application."""
    draft.entry["settings_module"] = project.settings_module
    stated = project.settings.literal("WSGI_APPLICATION")
    module = str(stated).rpartition(".")[0] if stated else ""
    if module and not find_module(module, project.roots):
        draft.open.append(f"WSGI_APPLICATION names {stated}, and there is no such module.")
        module = ""
    if not module:
        candidates = [
            ".".join((project.root / path).relative_to(one).with_suffix("").parts)
            for path in project.files
            if path.name == "wsgi.py"
            for one in project.roots
            if (project.root / path).is_relative_to(one)
        ]
        module = min(candidates, key=len, default="")
    if not module:
        module = f"{project.settings_module.partition('.')[0]}.wsgi"
        draft.questions.append(
            f"There is no wsgi.py: write {module.replace('.', '/')}.py with 'application = get_wsgi_application()', as "
            "Django's template does."
        )
    draft.entry["wsgi_module"] = module
    if project.settings.get("ASGI_APPLICATION") and project.requirements.has("channels", "daphne"):
        draft.open.append(
            "It uses ASGI (channels): pages are served by WSGI here, websockets are not. A service with 'daphne' or 'uvicorn' would "
            "need a place of its own in nginx."
        )
