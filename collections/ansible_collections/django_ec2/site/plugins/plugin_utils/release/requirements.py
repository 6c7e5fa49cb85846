# SPDX-License-Identifier: MIT
"""Which files of a project ask for packages, and what they say."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.django_ec2.site.plugins.plugin_utils.release.recipe import Recipe, ReleaseError, Target
from ansible_collections.django_ec2.site.plugins.plugin_utils.release.uv import run_uv

# Where an entry names no requirements: the first of these that the project has.
USUAL_REQUIREMENTS = ("uv.lock", "requirements.txt", "pyproject.toml")
# Another requirement file, or a file of constraints, that a line includes.
INCLUDE = re.compile(r"^\s*(?:-r|-c|--requirement|--constraint)[ =]?\s*(\S+)", re.MULTILINE)
# A requirement that is a path: what it installs comes from the source itself.
LOCAL = re.compile(r"^\s*(-e\b|--editable\b|\.{1,2}/|\.\s*$|/|file:)|@\s*(file:|\.{1,2}/)", re.MULTILINE)
LOCKED_LOCAL = re.compile(r'source = \{ (?:editable|directory|path) = "(?!\."\s*\})')


def requirement_files(recipe: Recipe, source: Path) -> list[str]:
    """The requirement files of a project, below its source."""
    if recipe.requirements is None:
        return [name for name in USUAL_REQUIREMENTS if (source / name).is_file()][:1]
    for name in recipe.requirements:
        if not (source / name).is_file():
            raise ReleaseError(
                f"applications.{recipe.name}: the requirements file '{name}' is not in {recipe.source}: correct "
                "'requirements', or set it to [] and list 'packages'."
            )
    return list(recipe.requirements)


def _project(recipe: Recipe, file: Path) -> dict[str, Any]:
    """pyproject.toml."""
    try:
        return tomllib.loads(file.read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ReleaseError(f"applications.{recipe.name}: {file.name} cannot be read: {error}") from error


def check_python(recipe: Recipe, source: Path, target: Target) -> None:
    """Refuse a project that asks for another Python than the hosts have."""
    file = source / "pyproject.toml"
    if not file.is_file():
        return
    project = _project(recipe, file).get("project")
    wanted = str(project.get("requires-python") or "") if isinstance(project, dict) else ""
    # packaging is there wherever Ansible is.
    from packaging.specifiers import InvalidSpecifier, SpecifierSet  # noqa: PLC0415

    try:
        fits = not wanted or f"{target.python}.99" in SpecifierSet(wanted)
    except InvalidSpecifier as error:
        raise ReleaseError(f"applications.{recipe.name}: requires-python in pyproject.toml: {error}") from error
    if not fits and not recipe.ignore_requires_python:
        raise ReleaseError(
            f"applications.{recipe.name} asks for Python {wanted} in pyproject.toml, and the hosts have {target.python}: deploy it "
            "to hosts with another Debian (12 has Python 3.11, 13 has 3.13). Where it works with that one all the same, set "
            "ignore_requires_python: true in the entry."
        )


def _chosen(recipe: Recipe, file: Path, lock: bool) -> list[str]:
    """uv's options for the extras and dependency groups that the entry asks for."""
    given = _project(recipe, file)
    groups = given.get("dependency-groups") or {}
    project = given.get("project")
    extras = project.get("optional-dependencies") or {} if isinstance(project, dict) else {}
    words = []
    for name in recipe.extras:
        if isinstance(extras, dict) and name in extras:
            words += ["--extra", name]
        elif isinstance(groups, dict) and name in groups:
            words += ["--group", name if lock else f"{file}:{name}"]
        else:
            known = ", ".join([*extras, *groups]) or "none"
            raise ReleaseError(
                f"applications.{recipe.name}: extras: '{name}' is no extra or dependency group of {file.name}; known: {known}."
            )
    return words


def requirement_words(recipe: Recipe, source: Path, scratch: Path, git: Mapping[str, str]) -> list[str]:
    """uv's options for all requirement files.

    Args:
        recipe: of the release.
        source: the project.
        scratch: an empty directory.
        git: variables with which git reaches private repositories.
    """
    words = []
    for name in requirement_files(recipe, source):
        file = source / name
        if file.name == "uv.lock":
            exported = scratch / "locked.txt"
            # Paths of workspace members are written from where uv runs, and read from there.
            run_uv(
                recipe,
                ["export", "--quiet", "--no-config", "--frozen", "--no-dev", "--no-emit-project", "--no-hashes",
                 "--no-editable", "--python", sys.executable, "--project", str(file.parent), "--output-file", str(exported),
                 *_chosen(recipe, file.with_name("pyproject.toml"), lock=True)],
                source,
                git,
            )  # fmt: skip
            words += ["--requirements", str(exported)]
        elif file.name == "pyproject.toml":
            if not isinstance(_project(recipe, file).get("project"), dict):
                raise ReleaseError(
                    f"applications.{recipe.name}: {name} has no [project] table, so it says nothing that pip could read: "
                    "add one, or export the requirements (poetry export) into a file and name it in 'requirements'."
                )
            words += ["--requirements", str(file), *_chosen(recipe, file, lock=False)]
        else:
            words += ["--requirements", str(file)]
    return words


def texts_of(source: Path, names: list[str]) -> dict[str, str]:
    """The text of each file that asks for packages, those that others include among them, by its path below the source."""
    found: dict[str, str] = {}
    waiting = [source / name for name in names]
    while waiting:
        path = waiting.pop()
        name = str(path.resolve().relative_to(source.resolve())) if _below(path, source) else str(path)
        if name in found or not path.is_file():
            continue
        found[name] = path.read_text(errors="replace")
        if path.name == "uv.lock":
            waiting.append(path.with_name("pyproject.toml"))
        elif path.suffix != ".toml":
            waiting += [path.parent / one for one in INCLUDE.findall(found[name]) if "://" not in one]
    return found


def _below(path: Path, source: Path) -> bool:
    return path.resolve().is_relative_to(source.resolve())


def uses_the_source(recipe: Recipe, source: Path, texts: dict[str, str]) -> bool:
    """Whether a package comes from the source itself, so that any change of it may be one of the dependencies."""
    for name, text in texts.items():
        if name.endswith("uv.lock"):
            if LOCKED_LOCAL.search(text):
                return True
        elif name.endswith("pyproject.toml"):
            if _names_a_path(_project(recipe, source / name)):
                return True
        elif LOCAL.search(text):
            return True
    return any(LOCAL.search(one) for one in recipe.packages)


def _names_a_path(pyproject: Mapping[str, Any]) -> bool:
    """Whether pyproject.toml takes a package from a directory, or computes what it depends on."""
    project = pyproject.get("project")
    if isinstance(project, dict) and "dependencies" in (project.get("dynamic") or []):
        return True
    sources = pyproject.get("tool", {}).get("uv", {}).get("sources", {})
    each = [one for given in sources.values() for one in (given if isinstance(given, list) else [given])]
    return any("path" in one or one.get("workspace") for one in each)
