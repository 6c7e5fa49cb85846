# SPDX-License-Identifier: MIT
"""Make an operations repository, whole or not at all."""

from __future__ import annotations

import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tools.new_operations import PRODUCT, NewOperationsError
from tools.new_operations.layout import add_links, environment_files, files
from tools.new_operations.repository import add_submodule, asked, commit_all, current_commit, source_of

CHECKOUT = Path(__file__).resolve().parents[2]
ENVIRONMENT = re.compile(r"[a-z][a-z0-9_]{0,30}")


@dataclass
class Made:
    """What was made."""

    path: Path
    source: str
    commit: str
    environments: list[str]
    notes: list[str]


def create(directory: str, environments: list[str], source: str = "", checkout: Path = CHECKOUT) -> Made:
    """Make a git repository of a team's own, with this product as a pinned submodule.

    Args:
        directory: a directory that is not there yet, or empty.
        environments: names of the environments, such as ``lab`` and ``production``.
        source: URL or path that the submodule is cloned from; the default is the origin of ``checkout``, or itself without one.
        checkout: the one whose commit is pinned.

    Raises:
        NewOperationsError: it cannot be made; nothing was touched.
    """
    path = _place(directory, checkout)
    _check_environments(environments)
    commit = current_commit(checkout)
    source = source_of(checkout, source)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Beside its place, so that a failure leaves nothing there, and the last step is a rename.
    with tempfile.TemporaryDirectory(prefix=f".{path.name}-", dir=path.parent) as scratch:
        draft = Path(scratch, path.name)
        draft.mkdir()
        add_submodule(draft, PRODUCT, source, commit)
        _write(draft, files(draft / PRODUCT, environments))
        add_links(draft, environments)
        committed = commit_all(draft, f"An operations repository, with {PRODUCT} at {commit[:12]}")
        if path.exists():
            path.rmdir()
        shutil.move(draft, path)
    return Made(path, source, commit, environments, _notes(checkout, source, committed))


def add_environment(repository: Path, name: str) -> None:
    """Add an environment to an operations repository.

    Args:
        repository: its directory.
        name: of the environment.

    Raises:
        NewOperationsError: there is one of that name, or the name will not do; nothing was touched.
    """
    _check_environments([name])
    if (repository / "inventory" / name).exists():
        raise NewOperationsError(
            f"inventory/{name} is there already, and nothing in it is overwritten: give another NAME."
        )
    _write(repository, environment_files(repository / PRODUCT, name))
    add_links(repository, [name])


def _write(repository: Path, content: dict[str, str]) -> None:
    for name, text in content.items():
        file = repository / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")


def _place(directory: str, checkout: Path) -> Path:
    if not directory:
        raise NewOperationsError("DIR is missing, as in 'make new-operations DIR=../operations'.")
    path = Path(directory).expanduser().resolve()
    if unfit := re.search(r"[^\w./+@-]", str(path)):
        raise NewOperationsError(
            f"DIR {path} has '{unfit[0]}' in its path, which ansible.cfg's lists and make cannot carry: use letters, digits, "
            "'.', '_' and '-'."
        )
    if path.is_relative_to(checkout.resolve()):
        raise NewOperationsError(
            f"DIR {path} is inside this repository: give a directory beside it, such as ../operations."
        )
    if checkout.resolve().is_relative_to(path):
        raise NewOperationsError(
            f"DIR {path} holds this repository: give a directory beside it, such as ../operations."
        )
    if path.exists() and not path.is_dir():
        raise NewOperationsError(f"DIR {path} is a file: give a directory that is not there yet.")
    if path.exists() and any(path.iterdir()):
        what = "an operations repository already" if (path / PRODUCT).exists() else "not empty"
        raise NewOperationsError(
            f"DIR {path} is {what}, and nothing in it is overwritten: give another directory. 'make update' in an operations "
            "repository takes a new version of ours."
        )
    return path


def _check_environments(environments: list[str]) -> None:
    for name in environments:
        if not ENVIRONMENT.fullmatch(name):
            raise NewOperationsError(
                f"'{name}' will not do as the name of an environment: it has small letters, digits and '_', begins with a letter, "
                "and has at most 31 of them, as its group is env_<name>."
            )
    if not environments or len(set(environments)) != len(environments):
        raise NewOperationsError(
            "ENVIRONMENTS needs one or more different names, as in ENVIRONMENTS='staging production'."
        )


def _notes(checkout: Path, source: str, committed: bool) -> list[str]:
    notes = []
    if asked("status", "--porcelain", at=checkout):
        notes.append("This checkout has changes that are not committed: they are not in the pinned version.")
    if source.startswith(("/", "file://")):
        notes.append(
            f"{PRODUCT} comes from a directory of this machine. Before others or AWX clone the repository: "
            f"git submodule set-url {PRODUCT} <URL>."
        )
    if not committed:
        notes.append("git knows no author (user.name, user.email), so everything is staged and waits for 'git commit'.")
    return notes
