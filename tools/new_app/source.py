# SPDX-License-Identifier: MIT
"""Where a project comes from: a directory, or a git repository that is cloned for the look."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ansible_collections.django_ec2.site.plugins.plugin_utils.applications.validate import is_git, is_url

from tools.new_app import NewAppError

SKIPPED = {
    ".git", ".hg", ".mypy_cache", ".nox", ".pytest_cache", ".ruff_cache", ".tox", ".venv", "__pycache__", "build", "dist", "env",
    "node_modules", "site-packages", "venv",
}  # fmt: skip
# A project has fewer files than that; who gives a whole home directory is told so.
MOST_FILES = 50_000
GIT_SECONDS = 300


@contextmanager
def checked_out(source: str, version: str = "", deploy_key: str = "") -> Iterator[Path]:
    """The project's directory.

    Args:
        source: a directory or a git URL.
        version: branch, tag or commit of a git source.
        deploy_key: path of a private SSH key for it.

    Raises:
        NewAppError: there is no such directory or repository.
    """
    if not is_git(source):
        if version or deploy_key:
            raise NewAppError(
                f"VERSION and DEPLOY_KEY are for a git URL; SOURCE '{source}' is a directory. Leave them out."
            )
        yield _directory(source)
        return
    with tempfile.TemporaryDirectory(prefix="new-app-") as place:
        _clone(source, version, deploy_key, Path(place))
        yield Path(place)


def located(source: str) -> str:
    """The source; a repository on this machine by its absolute path, which means the same from everywhere."""
    path = Path(source).expanduser().absolute()
    return str(path) if source and not is_url(source) and path.is_dir() and is_git(str(path)) else source


def _directory(source: str) -> Path:
    path = Path(source).expanduser()
    if not path.exists():
        raise NewAppError(f"{source} does not exist: give the directory of a Django project, or a git URL, as SOURCE.")
    if not path.is_dir():
        raise NewAppError(f"{source} is a file: give the directory that holds it as SOURCE.")
    if not any(path.iterdir()):
        raise NewAppError(
            f"{source} is empty: give the directory of a Django project, or make one there with 'django-admin startproject'."
        )
    return path.resolve()


def _clone(source: str, version: str, deploy_key: str, place: Path) -> None:
    environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0"}
    if deploy_key:
        key = Path(deploy_key).expanduser()
        if not key.is_file():
            raise NewAppError(f"DEPLOY_KEY {deploy_key} is no file: give the path of the private SSH key.")
        environment["GIT_SSH_COMMAND"] = f"ssh -i {key} -o IdentitiesOnly=yes -o BatchMode=yes"
    for words in (["clone", "--quiet", source, str(place)], ["-C", str(place), "checkout", "--quiet", version, "--"]):
        if words[0] == "-C" and not version:
            continue
        try:
            done = subprocess.run(
                ["git", *words], env=environment, capture_output=True, text=True, timeout=GIT_SECONDS, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise NewAppError(
                f"git took more than {GIT_SECONDS} s for {source}: clone it yourself and give the directory."
            ) from error
        if done.returncode:
            lines = [
                line.strip() for line in done.stderr.splitlines() if line.strip() and not line.startswith("Cloning")
            ]
            said = " ".join(lines) or "git said nothing."
            remedy = (
                f"VERSION has to be a branch, tag or commit of it, and '{version}' is none."
                if words[0] == "-C"
                else "Check the URL; for a private repository give DEPLOY_KEY=<private SSH key>, or use an SSH URL that your own key opens."
            )
            raise NewAppError(f"git could not get {source}: {said} {remedy}")


def files_of(root: Path) -> list[Path]:
    """The project's files, relative to it, without what tools have put there."""
    found: list[Path] = []
    for directory, names, files in os.walk(root):
        names[:] = sorted(
            name for name in names if name not in SKIPPED and not name.endswith(".egg-info") and _is_utf8(name)
        )
        # A name that is not UTF-8 can stand in no entry and no report.
        found += [Path(directory, name).relative_to(root) for name in sorted(files) if _is_utf8(name)]
        if len(found) > MOST_FILES:
            raise NewAppError(
                f"{root} has more than {MOST_FILES} files: give the directory of the project alone as SOURCE."
            )
    return found


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def application_name(given: str, source: str) -> str:
    """The name of the entry: the one that was given, or one that follows from the source.

    Raises:
        NewAppError: the given one is not usable.
    """
    pattern = re.compile(r"[a-z][a-z0-9_]{0,30}")
    if given:
        if not pattern.fullmatch(given):
            raise NewAppError(
                f"NAME '{given}' needs small letters, digits and '_', begins with a letter, and has at most 31 of them."
            )
        return given
    last = re.split(r"[/:]", source.rstrip("/").removesuffix(".git").rstrip("/"))[-1]
    if last in ("", ".", ".."):
        last = Path(source).resolve().name
    name = re.sub(r"[^a-z0-9]+", "_", last.lower()).strip("_")
    name = re.sub(r"^[^a-z]+", "", name)[:31].rstrip("_")
    return name or "application"
