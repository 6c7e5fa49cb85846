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
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

# Raise it when the layout of the archive changes: every release then gets a new name.
LAYOUT = 1
SKIPPED_DIRECTORIES = {
    ".git", ".hg", ".svn", ".venv", "venv", "__pycache__", "node_modules", ".mypy_cache", ".pytest_cache",
    ".ruff_cache", ".tox", ".idea", ".vscode",
}  # fmt: skip
SKIPPED_SUFFIXES = {".pyc", ".pyo", ".swp"}
EXTENSION = re.compile(r"\.(?P<tag>(cpython|pypy|abi3|cp\d)[\w-]*)\.so$")
MACHINES = ("x86_64", "aarch64")
UV_SECONDS = 900


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
        source: directory of the project's source.
        requirements: requirement files, below the source.
        packages: further requirements, in pip's notation.
    """

    name: str
    source: Path
    requirements: tuple[str, ...]
    packages: tuple[str, ...]


def source_files(source: Path) -> list[Path]:
    """The files of a project, sorted: what git knows and does not ignore, or all but caches where there is no git."""
    if not source.is_dir():
        raise ReleaseError(
            f"the source {source} is no directory: give an existing one, absolute or below the repository."
        )
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "-C", str(source), "ls-files", "-z", "--cached", "--others", "--exclude-standard", "."],
        capture_output=True, check=False,
    ) if shutil.which("git") else None  # fmt: skip
    if listed is not None and listed.returncode == 0 and listed.stdout:
        names = {source / name.decode() for name in listed.stdout.split(b"\0") if name}
        return sorted(path for path in names if path.is_symlink() or path.is_file())
    found = []
    for directory, directories, names in os.walk(source):
        directories[:] = [name for name in directories if name not in SKIPPED_DIRECTORIES]
        # os.walk counts a link to a directory as a directory, and does not enter it.
        found += [Path(directory, name) for name in directories if Path(directory, name).is_symlink()]
        found += [Path(directory, name) for name in names if Path(name).suffix not in SKIPPED_SUFFIXES]
    return sorted(found)


def source_digest(source: Path, files: list[Path]) -> str:
    """A digest of names, contents and executable bits."""
    digest = hashlib.sha256()
    for path in files:
        relative = path.relative_to(source).as_posix()
        if path.is_symlink():
            digest.update(f"link {relative} {os.readlink(path)}\0".encode())
            continue
        content = path.read_bytes()
        executable = bool(path.stat().st_mode & 0o100)
        digest.update(f"file {relative} {executable} {len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


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


def install_packages(recipe: Recipe, source: Path, site: Path, target: Target) -> None:
    """Install what the project needs into ``site``, for the target.

    ``uwsgi`` as a requirement is left out: ``pyuwsgi``, the same server as a wheel, takes its place.
    """
    for name in recipe.requirements:
        if not (source / name).is_file():
            raise ReleaseError(
                f"applications.{recipe.name}: the requirements file '{name}' is not in {recipe.source}: correct "
                "'requirements', or set it to [] and list 'packages'."
            )
    with tempfile.TemporaryDirectory() as scratch:
        overrides = Path(scratch, "overrides.txt")
        overrides.write_text("uwsgi ; sys_platform == 'never'\n")
        words = [
            "pip", "install", "--quiet", "--no-config", "--target", str(site), "--python-version", target.python,
            "--python-platform", target.platform, "--link-mode", "copy", "--python", sys.executable,
            "--overrides", str(overrides),
        ]  # fmt: skip
        for name in recipe.requirements:
            words += ["--requirements", str(source / name)]
        _run_uv([*words, *recipe.packages], source)


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
        ``release`` (its name), ``archive`` (path), ``size`` (bytes), ``packages`` and ``built`` (False when it was there).

    Raises:
        ReleaseError: it cannot be built.
    """
    files = source_files(recipe.source)
    if not files:
        raise ReleaseError(f"the source {recipe.source} holds no file: give the directory of manage.py.")
    source = source_digest(recipe.source, files)
    inputs = json.dumps([LAYOUT, source, asdict(target), recipe.name, recipe.requirements, recipe.packages])
    kept = directory / recipe.name
    known = kept / f"{hashlib.sha256(inputs.encode()).hexdigest()[:24]}.json"
    with locked(kept):
        if known.exists():
            result = json.loads(known.read_text())
            if Path(kept, result["archive"]).exists():
                return {**result, "archive": str(kept / result["archive"]), "built": False}
        work = Path(tempfile.mkdtemp(prefix=".build-", dir=kept))
        try:
            result = _build(recipe, target, files, source, work, kept)
            partial = known.with_suffix(".new")
            partial.write_text(json.dumps(result))
            partial.replace(known)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    return {**result, "archive": str(kept / str(result["archive"])), "built": True}


def _build(recipe: Recipe, target: Target, files: list[Path], source: str, work: Path, kept: Path) -> dict[str, object]:
    application = work / "tree" / "app"
    for path in files:
        place = application / path.relative_to(recipe.source)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, place, follow_symlinks=False)
    site = work / "tree" / "venv" / "lib" / f"python{target.python}" / "site-packages"
    site.mkdir(parents=True)
    install_packages(recipe, application, site, target)
    shutil.rmtree(site / "bin", ignore_errors=True)  # scripts name the controller's interpreter
    (site / ".lock").unlink(missing_ok=True)
    check_extensions(site, target)
    packages = installed_packages(site)
    content = json.dumps([LAYOUT, source, asdict(target), packages])
    release = hashlib.sha256(content.encode()).hexdigest()[:12]
    description = {
        "release": release,
        "application": recipe.name,
        "source": source,
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
