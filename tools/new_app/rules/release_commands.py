# SPDX-License-Identifier: MIT
"""What runs on a host once for each release: translations and static files."""

from __future__ import annotations

from tools.new_app.project import Draft, Project


def release_commands(project: Project, draft: Draft) -> None:
    """``compilemessages``, ``collectstatic`` and ``compress``, where they are not collectstatic alone."""
    commands: list[str] = []
    catalogues = [path for path in project.files if path.suffix == ".po" and "LC_MESSAGES" in path.parts]
    compiled = {path for path in project.files if path.suffix == ".mo"}
    if any(path.with_suffix(".mo") not in compiled or _ignored(project, "*.mo") for path in catalogues):
        commands.append("compilemessages")
        draft.entry.setdefault("debian_packages", []).append("gettext")
        languages = sorted({path.parts[path.parts.index("LC_MESSAGES") - 1] for path in catalogues})
        draft.found.append(
            f"Translations ({', '.join(languages)}) are compiled on the host, which gets gettext for it."
        )
    commands.append("collectstatic --noinput")
    if "compressor" in project.settings.strings("INSTALLED_APPS"):
        commands.append("compress --force")
        draft.found.append("django-compressor is installed: compress runs after collectstatic.")
    if commands != ["collectstatic --noinput"]:
        draft.entry["release_commands"] = commands


def _ignored(project: Project, pattern: str) -> bool:
    path = project.root / ".gitignore"
    return path.is_file() and pattern in path.read_text(encoding="utf-8", errors="replace").split()
