"""What npm, yarn or pnpm builds."""

from __future__ import annotations

import json
from pathlib import Path

from tools.new_app.project import Draft, Project


def npm(project: Project, draft: Draft) -> None:
    """The build script of each package.json, as ``build_commands``."""
    for path in [one for one in project.files if one.name == "package.json"][:3]:
        _build(project, path, draft)


def _build(project: Project, path: Path, draft: Draft) -> None:
    try:
        scripts = json.loads(project.text(path)).get("scripts") or {}
    except (json.JSONDecodeError, AttributeError):
        draft.open.append(f"{path} cannot be read as JSON.")
        return
    script = next((one for one in ("build", "production", "prod") if one in scripts), "")
    if not script:
        draft.open.append(f"{path} has no script 'build': if something has to be built, write it into build_commands.")
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
