# SPDX-License-Identifier: MIT
"""Build a release: the source of a Django project and every package it needs, for another Python than the one here.

Runs on the controller and needs ``uv`` beside the running interpreter. The result is an archive whose name comes from
its content, so the same input makes the same release wherever it is built.
"""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import io
import json
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from ansible_collections.django_ec2.site.plugins.plugin_utils.release import source as release_source
from ansible_collections.django_ec2.site.plugins.plugin_utils.release.source import Source, SourceError

# Raise it when the layout of the archive changes: every release then gets a new name.
LAYOUT = 2
EXTENSION = re.compile(r"\.(?P<tag>(cpython|pypy|abi3|cp\d)[\w-]*)\.so$")
MACHINES = ("x86_64", "aarch64")
UV_SECONDS = 900
BUILD_SECONDS = 1800
# Where an entry names no requirements: the first of these that the project has.
USUAL_REQUIREMENTS = ("uv.lock", "requirements.txt", "pyproject.toml")
# A script of the release starts the interpreter beside it, wherever the release lies; sh reads line 2, Python skips it.
SCRIPT_HEAD = b'#!/bin/sh\n\'\'\'exec\' "$(dirname -- "$(readlink -f -- "$0")")/python" "$0" "$@"\n\' \'\'\'\n'


class ReleaseError(Exception):
    """A release cannot be built; the message names the cause and the remedy."""


@dataclass(frozen=True)
class Target:
    """What a release is built for.

    Attributes:
        python: version of the host's Python, as ``3.13``.
        platform: uv's name of the host's platform, as ``x86_64-manylinux_2_28``.
    """

    python: str
    platform: str

    @property
    def tag(self) -> str:
        """The ABI tag of an extension module that this Python loads."""
        return "cpython-" + self.python.replace(".", "")


@dataclass(frozen=True)
class Recipe:
    """What goes into a release.

    Attributes:
        name: the application.
        source: directory of the project's source, or the URL of a git repository.
        requirements: requirement files, below the source; None takes the first of ``USUAL_REQUIREMENTS`` that is there.
        packages: further requirements, in pip's notation.
        version: branch, tag or commit of a git repository.
        deploy_key: path of the private SSH key for it.
        extras: extras and dependency groups of pyproject.toml.
        build_commands: commands that are run in a copy of the source before it is packed.
        release_commands: commands that a host will run in the release; another list makes another release.
        support: directory of files that each release carries beside the project's own.
    """

    name: str
    source: Path | str
    requirements: tuple[str, ...] | None
    packages: tuple[str, ...]
    version: str = ""
    deploy_key: str = ""
    extras: tuple[str, ...] = ()
    build_commands: tuple[str, ...] = ()
    release_commands: tuple[str, ...] = ()
    support: Path | None = None

    def content(self) -> list[object]:
        """What makes a release another one, beside its source, its packages and its target."""
        return [self.name, self.build_commands, self.release_commands, _support_digest(self.support)]


def _support_digest(support: Path | None) -> str:
    return release_source.digest(support, release_source.all_files(support)) if support else ""


def _run_uv(arguments: list[str], cwd: Path) -> str:
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
            _run_uv(
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


def install_packages(recipe: Recipe, source: Path, site: Path, target: Target) -> None:
    """Install what the project needs into ``site``, for the target.

    ``uwsgi`` as a requirement is left out: ``pyuwsgi``, the same server as a wheel, takes its place.
    """
    with tempfile.TemporaryDirectory() as scratch:
        overrides = Path(scratch, "overrides.txt")
        overrides.write_text("uwsgi ; sys_platform == 'never'\n")
        words = [
            "pip", "install", "--quiet", "--no-config", "--target", str(site), "--python-version", target.python,
            "--python-platform", target.platform, "--link-mode", "copy", "--python", sys.executable,
            "--overrides", str(overrides),
        ]  # fmt: skip
        _run_uv([*words, *_requirement_words(recipe, source, Path(scratch)), *recipe.packages], source)


def run_build_commands(recipe: Recipe, directory: Path) -> None:
    """Run the project's own build in a copy of its source."""
    for command in recipe.build_commands:
        try:
            done = subprocess.run(
                shlex.split(command), cwd=directory, capture_output=True, text=True, check=False,
                timeout=BUILD_SECONDS, stdin=subprocess.DEVNULL,
            )  # fmt: skip
        except FileNotFoundError as error:
            raise ReleaseError(
                f"applications.{recipe.name}: build_commands: '{command}' cannot run, because {error.filename} is not on "
                "this controller: install it here (npm is Debian's package npm)."
            ) from error
        except subprocess.TimeoutExpired as error:
            raise ReleaseError(f"applications.{recipe.name}: '{command}' took more than {BUILD_SECONDS} s.") from error
        if done.returncode != 0:
            raise ReleaseError(
                f"applications.{recipe.name}: build_commands: '{command}' failed with {done.returncode}:\n"
                f"{(done.stdout + done.stderr).strip()[-3000:]}"
            )
    for path in sorted(directory.rglob("*"), reverse=True):
        if path.is_dir() and not path.is_symlink() and path.name in release_source.SKIPPED_DIRECTORIES:
            shutil.rmtree(path)


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


def _members(tree: Path) -> Iterator[tuple[Path, str]]:
    for path in sorted(tree.rglob("*")):
        if "__pycache__" not in path.parts:
            yield path, path.relative_to(tree).as_posix()


def write_archive(tree: Path, archive: Path) -> None:
    """Pack ``tree`` so that the same content gives the same bytes: fixed order, owner, time and modes."""
    with (
        archive.open("wb") as raw,
        gzip.GzipFile("", "wb", 6, raw, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as tar,
    ):
        for path, name in _members(tree):
            tar.inodes.clear()  # two names of one file are two files: nothing depends on how the tree was made
            info = tar.gettarinfo(path, name)
            info.uid = info.gid = 0
            info.uname = info.gname = "root"
            # Not 0: zip and some web servers refuse times before 1980.
            info.mtime = 315532800
            info.mode = 0o755 if info.isdir() or info.mode & 0o100 else 0o644
            if info.isreg():
                with path.open("rb") as content:
                    tar.addfile(info, content)
            elif info.isdir() or info.issym():
                tar.addfile(info, io.BytesIO())


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """One build of an application at a time on this controller; the others wait and find it done."""
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / ".lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def build(recipe: Recipe, target: Target, directory: Path) -> dict[str, object]:
    """Build a release, or find it built.

    Args:
        recipe: what goes in.
        target: what it is for.
        directory: where builds are kept.

    Returns:
        ``release`` (its name), ``archive`` (path), ``size`` (bytes), ``packages``, ``version`` (of the source, for people)
        and ``built`` (False when it was there).

    Raises:
        ReleaseError: it cannot be built.
    """
    kept = directory / recipe.name
    with locked(kept):
        try:
            with release_source.obtained(
                str(recipe.source), recipe.version, recipe.deploy_key, directory / "git"
            ) as source:
                return _find_or_build(recipe, source, target, kept)
        except SourceError as error:
            raise ReleaseError(f"applications.{recipe.name}: {error}") from error


def _find_or_build(recipe: Recipe, source: Source, target: Target, kept: Path) -> dict[str, object]:
    files = release_source.files_of(source.directory)
    if not files:
        raise ReleaseError(f"the source {recipe.source} holds no file: give the directory of manage.py.")
    digest = release_source.digest(source.directory, files)
    inputs = json.dumps(
        [LAYOUT, digest, asdict(target), recipe.requirements, recipe.packages, recipe.extras, recipe.content()]
    )
    known = kept / f"{hashlib.sha256(inputs.encode()).hexdigest()[:24]}.json"
    built = True
    if known.exists():
        result = json.loads(known.read_text())
        built = not Path(kept, result["archive"]).exists()
    if built:
        work = Path(tempfile.mkdtemp(prefix=".build-", dir=kept))
        try:
            result = _build(recipe, target, (source, files, digest), work, kept)
            partial = known.with_suffix(".new")
            partial.write_text(json.dumps(result))
            partial.replace(known)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    return {**result, "archive": str(kept / str(result["archive"])), "version": source.version, "built": built}


def _build(
    recipe: Recipe, target: Target, origin: tuple[Source, list[Path], str], work: Path, kept: Path
) -> dict[str, object]:
    source, files, digest = origin
    application = work / "tree" / "app"
    for path in files:
        place = application / path.relative_to(source.directory)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, place, follow_symlinks=False)
    check_python(recipe, application, target)
    run_build_commands(recipe, application)
    site = work / "tree" / "venv" / "lib" / f"python{target.python}" / "site-packages"
    site.mkdir(parents=True)
    install_packages(recipe, application, site, target)
    place_scripts(site, work / "tree" / "venv" / "bin")
    (site / ".lock").unlink(missing_ok=True)
    check_extensions(site, target)
    if recipe.support:
        shutil.copytree(recipe.support, work / "tree" / "support", ignore=shutil.ignore_patterns("__pycache__"))
    packages = installed_packages(site)
    content = json.dumps([LAYOUT, digest, asdict(target), packages, recipe.content()])
    release = hashlib.sha256(content.encode()).hexdigest()[:12]
    description = {
        "release": release,
        "application": recipe.name,
        "source": digest,
        **asdict(target),
        "packages": packages,
    }
    (work / "tree" / "release.json").write_text(json.dumps(description, indent=2, sort_keys=True) + "\n")
    archive = work / f"{release}.tar.gz"
    write_archive(work / "tree", archive)
    archive.replace(kept / archive.name)
    return {
        "release": release, "archive": archive.name, "size": (kept / archive.name).stat().st_size, "packages": packages
    }  # fmt: skip
