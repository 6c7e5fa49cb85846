# SPDX-License-Identifier: MIT
"""The dependencies of a release: a layer of their own, resolved and built once, shared by the releases that need the same.

A layer has two names. Its *key* is made from what asks for packages: the requirement files, the entry's packages and extras, the
target. Its *id* is the digest of what was installed. Packages are resolved anew when the key is another one, or when that is asked
for: two releases with the same requirement files run on the same packages.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import asdict
from pathlib import Path

from ansible_collections.django_ec2.site.plugins.plugin_utils.application_server import REPLACED_REQUIREMENTS
from ansible_collections.django_ec2.site.plugins.plugin_utils.release import archive
from ansible_collections.django_ec2.site.plugins.plugin_utils.release.recipe import (
    KEY_DIGITS,
    LAYOUT,
    NAME_DIGITS,
    Recipe,
    ReleaseError,
    Target,
    digest,
)

EXTENSION = re.compile(r"\.(?P<tag>(cpython|pypy|abi3|cp\d)[\w-]*)\.so$")
MACHINES = ("x86_64", "aarch64")
UV_SECONDS = 900
# Where an entry names no requirements: the first of these that the project has.
USUAL_REQUIREMENTS = ("uv.lock", "requirements.txt", "pyproject.toml")
# Another requirement file, or a file of constraints, that a line includes.
INCLUDE = re.compile(r"^\s*(?:-r|-c|--requirement|--constraint)[ =]?\s*(\S+)", re.MULTILINE)
# A requirement that is a path: what it installs comes from the source itself.
LOCAL = re.compile(r"^\s*(-e\b|--editable\b|\.{1,2}/|\.\s*$|/|file:)|@\s*(file:|\.{1,2}/)", re.MULTILINE)
LOCKED_LOCAL = re.compile(r'source = \{ (?:editable|directory|path) = "(?!\."\s*\})')
# A script of the layer starts the interpreter beside it, wherever the layer lies; sh reads line 2, Python skips it.
SCRIPT_HEAD = b'#!/bin/sh\n\'\'\'exec\' "$(dirname -- "$(readlink -f -- "$0")")/python" "$0" "$@"\n\' \'\'\'\n'


def run_uv(arguments: list[str], cwd: Path) -> str:
    """Run uv and return what it wrote to standard error.

    Raises:
        ReleaseError: it is not there, or failed.
    """
    uv = Path(sys.executable).with_name("uv")
    command = [str(uv) if uv.exists() else "uv", *arguments]
    try:
        done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=UV_SECONDS, check=False)
    except FileNotFoundError as error:
        raise ReleaseError("uv is not installed on the controller: run 'make venv'.") from error
    if done.returncode != 0:
        raise ReleaseError(f"the packages cannot be installed: {done.stderr.strip()[-2000:]}")
    return done.stderr


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


def _project(recipe: Recipe, file: Path) -> dict[str, object]:
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
    if not fits:
        raise ReleaseError(
            f"applications.{recipe.name} asks for Python {wanted}, and the hosts have {target.python}: deploy it to hosts "
            "with a newer Debian (12 has Python 3.11, 13 has 3.13), or relax requires-python in pyproject.toml."
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


def _requirement_words(recipe: Recipe, source: Path, scratch: Path) -> list[str]:
    """uv's options for all requirement files."""
    words = []
    for name in requirement_files(recipe, source):
        file = source / name
        if file.name == "uv.lock":
            exported = scratch / "locked.txt"
            run_uv(
                ["export", "--quiet", "--no-config", "--frozen", "--no-dev", "--no-emit-project", "--no-hashes",
                 "--python", sys.executable, "--project", str(file.parent), "--output-file", str(exported),
                 *_chosen(recipe, file.with_name("pyproject.toml"), lock=True)],
                source,
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


def _texts(source: Path, names: list[str]) -> dict[str, str]:
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


def _uses_the_source(recipe: Recipe, source: Path, texts: dict[str, str]) -> bool:
    """Whether a package comes from the source itself, so that any change of it may be one of the dependencies."""
    for name, text in texts.items():
        if name.endswith("uv.lock"):
            if LOCKED_LOCAL.search(text):
                return True
        elif name.endswith("pyproject.toml"):
            project = _project(recipe, source / name).get("project")
            if isinstance(project, dict) and "dependencies" in (project.get("dynamic") or []):
                return True
        elif LOCAL.search(text):
            return True
    return any(LOCAL.search(one) for one in recipe.packages)


def layer_key(recipe: Recipe, source: Path, target: Target, tree: str) -> str:
    """The name of what asks for packages.

    Args:
        recipe: of the release.
        source: the project, after its build commands.
        target: what the layer is for.
        tree: digest of the source; it counts where a requirement is a path below it.
    """
    texts = _texts(source, requirement_files(recipe, source))
    local = tree if _uses_the_source(recipe, source, texts) else ""
    content = [LAYOUT, sorted(texts.items()), recipe.packages, recipe.extras, asdict(target), local]
    return digest(content)[:KEY_DIGITS]


def install_packages(recipe: Recipe, source: Path, site: Path, target: Target) -> None:
    """Install what the project needs into ``site``, for the target.

    The application server's own name as a requirement is left out: the wheel in the entry's packages takes its place.
    """
    with tempfile.TemporaryDirectory() as scratch:
        overrides = Path(scratch, "overrides.txt")
        overrides.write_text("".join(f"{name} ; sys_platform == 'never'\n" for name in REPLACED_REQUIREMENTS))
        words = [
            "pip", "install", "--quiet", "--no-config", "--target", str(site), "--python-version", target.python,
            "--python-platform", target.platform, "--link-mode", "copy", "--python", sys.executable,
            "--overrides", str(overrides),
        ]  # fmt: skip
        run_uv([*words, *_requirement_words(recipe, source, Path(scratch)), *recipe.packages], source)


def place_scripts(site: Path, scripts: Path) -> None:
    """Move the console scripts of the packages into ``scripts``, freed from the controller's interpreter."""
    scripts.mkdir(parents=True, exist_ok=True)
    for path in sorted((site / "bin").glob("*")):
        content = path.read_bytes()
        first, _, rest = content.partition(b"\n")
        if not (first.startswith(b"#!") and b"python" in first) or path.name.startswith("python"):
            continue
        if rest.startswith(b"'''exec'"):  # uv's own form for long paths: three lines
            rest = rest.split(b"\n", 2)[2]
        place = scripts / path.name
        place.write_bytes(SCRIPT_HEAD + rest)
        place.chmod(0o755)
    shutil.rmtree(site / "bin", ignore_errors=True)


def _fits(tag: str, machine: str) -> bool:
    """Whether an ABI tag such as ``cpython-313-aarch64-linux-gnu`` is for this machine; one that names none is."""
    named = [word for word in MACHINES if word in tag]
    return not named or machine in named


def check_extensions(site: Path, target: Target) -> None:
    """Stop when an extension module was built for another Python than the target's."""
    foreign: dict[str, str] = {}
    machine = target.platform.split("-", 1)[0]
    for path in site.rglob("*.so"):
        found = EXTENSION.search(path.name)
        if found and not (
            found["tag"].startswith("abi3")
            or (re.match(rf"{target.tag}(-|$)", found["tag"]) and _fits(found["tag"], machine))
        ):
            foreign.setdefault(path.relative_to(site).parts[0], path.name)
    if foreign:
        listed = ", ".join(f"{package} ({name})" for package, name in sorted(foreign.items()))
        raise ReleaseError(
            f"these packages exist only as source and were built for the controller's Python, not for {target.python} "
            f"on {target.platform}: {listed}. Pin a version that has a wheel, build the release on a host of the "
            "target's Debian, or install it there as a Debian package."
        )


def installed_packages(site: Path) -> list[str]:
    """``name==version`` of every distribution in ``site``, sorted."""
    return sorted("==".join(path.name.removesuffix(".dist-info").rsplit("-", 1)) for path in site.glob("*.dist-info"))


def _forget_paths(site: Path) -> None:
    """Remove what tells where on this controller a package of the source was built: another controller has another place."""
    for path in site.glob("*.dist-info/direct_url.json"):
        if '"file:' in path.read_text(errors="replace"):
            path.unlink()
            record = path.with_name("RECORD")
            if record.is_file():
                lines = record.read_text().splitlines(keepends=True)
                record.write_text("".join(line for line in lines if "/direct_url.json," not in line))


def build(recipe: Recipe, source: Path, target: Target, key: str, kept: Path) -> dict[str, object]:
    """Resolve and install the packages, and keep them as an archive.

    Args:
        recipe: of the release.
        source: the project, after its build commands.
        target: what the layer is for.
        key: what ``layer_key`` said.
        kept: where layers are kept.

    Returns:
        ``layer`` (its id), ``layer_key``, ``layer_archive`` (name below ``kept``), ``packages``.
    """
    kept.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=".build-", dir=kept))
    try:
        tree = work / "tree"
        site = tree / "lib" / f"python{target.python}" / "site-packages"
        site.mkdir(parents=True)
        install_packages(recipe, source, site, target)
        place_scripts(site, tree / "bin")
        (site / ".lock").unlink(missing_ok=True)
        check_extensions(site, target)
        _forget_paths(site)
        packages = installed_packages(site)
        layer = digest([LAYOUT, asdict(target), archive.tree_digest(tree)])[:NAME_DIGITS]
        description = {"layer": layer, "key": key, **asdict(target), "packages": packages}
        (tree / "layer.json").write_text(json.dumps(description, indent=2, sort_keys=True) + "\n")
        packed = work / f"{layer}.tar.gz"
        archive.write(tree, packed)
        packed.replace(kept / packed.name)
        return {"layer": layer, "layer_key": key, "layer_archive": packed.name, "packages": packages}
    finally:
        shutil.rmtree(work, ignore_errors=True)
