# SPDX-License-Identifier: MIT
"""What a project requires: the names of its packages, and the file that says so."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# Files that projects keep for a server, best first. Those that the product finds by itself come before them.
NAMED = ("production", "prod", "deploy", "server", "live", "base", "common", "main")
FOLDERS = ("requirements/{}.txt", "requirements-{}.txt", "requirements_{}.txt", "requirements/{}.in")
SERVER_EXTRAS = ("production", "prod", "deploy", "server", "live", "postgres", "postgresql", "psycopg")


@dataclass
class Requirements:
    """The requirements of a project."""

    # As the entry's key `requirements` has them; None leaves the choice to the product, which finds the same.
    files: list[str] | None = None
    shown: str = ""
    extras: list[str] = field(default_factory=list)
    # Normalised names, each with the line that asks for it.
    packages: dict[str, str] = field(default_factory=dict)
    requires_python: str = ""
    problems: list[str] = field(default_factory=list)

    def has(self, *names: str) -> bool:
        """Whether one of these packages is asked for."""
        return any(name in self.packages for name in names)


def normalised(name: str) -> str:
    """A package's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _add(found: Requirements, line: str) -> None:
    text = line.split(" #", maxsplit=1)[0].strip()
    egg = re.search(r"#egg=([\w.-]+)", text)
    name = egg[1] if egg else (re.match(r"[A-Za-z0-9][\w.-]*", text) or [""])[0]
    if re.match(r"(git\+|https?:|\./|/)", text) and not egg:
        return
    if name:
        found.packages.setdefault(normalised(name), text)
        # An extra is a package as well, for what is asked here: celery[redis] brings redis.
        extras = re.match(r"[\w.-]+\s*\[([^\]]*)\]", text)
        for extra in extras[1].split(",") if extras else ():
            found.packages.setdefault(f"{normalised(name)}[{normalised(extra.strip())}]", text)


def _read_file(found: Requirements, path: Path, seen: set[Path]) -> None:
    if path in seen or not path.is_file():
        return
    seen.add(path)
    for raw in path.read_text(encoding="utf-8", errors="replace").replace("\\\n", " ").splitlines():
        line = raw.strip()
        other = re.match(r"(?:-r|--requirement)[ =]?\s*(\S+)", line)
        if other:
            _read_file(found, (path.parent / other[1]).resolve(), seen)
        elif line.startswith(("-e ", "--editable ")):
            _add(found, line.split(maxsplit=1)[1])
        elif line and not line.startswith(("#", "-")):
            _add(found, line)


def read(root: Path, below: str = "") -> Requirements:
    """Find and read the requirements of a project.

    Args:
        root: the directory that has them.
        below: that directory as seen from the source; empty where it is the source.
    """
    found = Requirements()
    pyproject = _toml(root / "pyproject.toml", found)
    project = pyproject.get("project") or {}
    found.requires_python = str(project.get("requires-python") or "")
    name = ""
    own = [form.format(one) for one in NAMED for form in FOLDERS]
    named = next((one for one in own if (root / one).is_file()), "")
    if (root / "uv.lock").is_file() and project:
        found.shown, name = "uv.lock (exactly those) and pyproject.toml", "uv.lock"
        _read_pyproject(found, project, pyproject)
    elif (root / "requirements.txt").is_file() and not named.endswith(tuple(f"{one}.txt" for one in SERVER_EXTRAS)):
        found.shown = name = "requirements.txt"
        _read_file(found, (root / "requirements.txt").resolve(), set())
    elif named:
        found.files, found.shown, name = [named], named, named
        _read_file(found, (root / named).resolve(), set())
    elif project.get("dependencies") or "dependencies" in (project.get("dynamic") or []):
        found.shown = name = "pyproject.toml"
        _read_pyproject(found, project, pyproject)
    else:
        found.files = []
        found.problems.append(_no_file(root, pyproject))
    if below and name:
        # The product looks in the source itself.
        found.files = [f"{below}/{name}"]
    if not found.requires_python:
        found.requires_python = _stated_python(root, pyproject)
    return found


def _read_pyproject(found: Requirements, project: dict[str, Any], pyproject: dict[str, Any]) -> None:
    for line in project.get("dependencies") or []:
        _add(found, str(line))
    groups = {**(project.get("optional-dependencies") or {}), **(pyproject.get("dependency-groups") or {})}
    for name in SERVER_EXTRAS:
        if name in groups:
            found.extras.append(name)
            for line in groups[name]:
                if isinstance(line, str):
                    _add(found, line)
    others = sorted(set(groups) - set(found.extras) - {"dev", "test", "tests", "docs", "doc", "lint", "typing"})
    if others:
        found.problems.append(
            f"pyproject.toml has the extras or groups {', '.join(others)}: add to 'extras' those that a server needs."
        )


def _toml(path: Path, found: Requirements) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        found.problems.append(f"pyproject.toml cannot be read ({error}): correct it.")
        return {}


def _stated_python(root: Path, pyproject: dict[str, Any]) -> str:
    for name in (".python-version", "runtime.txt"):
        path = root / name
        version = re.search(r"\d+\.\d+", path.read_text(encoding="utf-8", errors="replace")) if path.is_file() else None
        if version:
            return f">={version[0]}"
    poetry = ((pyproject.get("tool") or {}).get("poetry") or {}).get("dependencies") or {}
    stated = str(poetry.get("python") or "")
    version = re.search(r"\d+\.\d+", stated)
    return f">={version[0]}" if version else ""


def _no_file(root: Path, pyproject: dict[str, Any]) -> str:
    export = "list the file it writes under 'requirements'."
    if (root / "poetry.lock").is_file() or "poetry" in (pyproject.get("tool") or {}):
        return (
            "The requirements are Poetry's own: run 'poetry export --without-hashes -o requirements.txt' "
            f"(plugin poetry-plugin-export) and {export}"
        )
    if (root / "Pipfile").is_file():
        return f"The requirements are Pipenv's own: run 'pipenv requirements > requirements.txt' and {export}"
    if (root / "setup.py").is_file() or (root / "setup.cfg").is_file():
        return (
            "The requirements stand in setup.py or setup.cfg: list them under 'packages', or write a requirements.txt."
        )
    if (root / "environment.yml").is_file():
        return "The requirements are Conda's own: write a requirements.txt with the packages that the site needs."
    return "No requirements were found: write a requirements.txt, or list the packages under 'packages'."
