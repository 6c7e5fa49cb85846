# SPDX-License-Identifier: MIT
"""What npm, yarn or pnpm builds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tools.new_app.project import Draft, Project

# What is built there is not part of the site.
ELSEWHERE = {
    "docs", "doc", "documentation", "website", "examples", "example", "demo", "demos", "e2e", "tests", "test", "storybook", "cypress",
    "infrastructure", "tools", "scripts",
}  # fmt: skip
SCRIPTS = ("build", "build:prod", "build:production", "production", "prod", "dist")


def npm(project: Project, draft: Draft) -> None:
    """The build script of the front end's package.json, as ``build_commands``."""
    found = {}
    for path in sorted(project.files, key=lambda path: (len(path.parts), path)):
        if path.name != "package.json" or ELSEWHERE & set(path.parent.parts):
            continue
        # Members of a workspace are built from its root.
        if any(path.is_relative_to(other.parent) and content.get("workspaces") for other, content in found.items()):
            continue
        content = _content(project, path, draft)
        if content is not None:
            found[path] = content
    for path, content in found.items():
        _build(project, path, content, draft)


def _content(project: Project, path: Path, draft: Draft) -> dict[str, Any] | None:
    try:
        content = json.loads(project.text(path))
    except json.JSONDecodeError:
        content = None
    if not isinstance(content, dict):
        draft.open.append(f"{path} cannot be read as JSON.")
        return None
    return content


def _build(project: Project, path: Path, content: dict[str, Any], draft: Draft) -> None:
    scripts = content.get("scripts") if isinstance(content.get("scripts"), dict) else {}
    script = next((one for one in SCRIPTS if one in scripts), "")
    if not script:
        if content.get("dependencies"):
            draft.open.append(
                f"{path} has dependencies and no script 'build': if something has to be built, write it into build_commands."
            )
        return
    folder = path.parent
    if (project.root / folder / "pnpm-lock.yaml").is_file():
        where = "" if folder == Path() else f" --dir {folder}"
        commands = [f"pnpm{where} install --frozen-lockfile", f"pnpm{where} run {script}"]
    elif (project.root / folder / "yarn.lock").is_file():
        where = "" if folder == Path() else f" --cwd {folder}"
        commands = [f"yarn{where} install --frozen-lockfile", f"yarn{where} run {script}"]
    else:
        where = "" if folder == Path() else f" --prefix {folder}"
        locked = (project.root / folder / "package-lock.json").is_file()
        commands = [f"npm{where} ci" if locked else f"npm{where} install --no-package-lock", f"npm{where} run {script}"]
        if not locked:
            draft.open.append(
                f"{folder / 'package-lock.json'} is missing: two builds of one version may differ. Commit one."
            )
    draft.entry.setdefault("build_commands", []).extend(commands)
    draft.found.append(
        f"{path} has a script '{script}': it runs on the controller, which needs Node.js and {commands[0].split()[0]}."
    )
