"""Another version of this repository beside this one, for ``BENCH_AGAINST``."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.labs import OUTPUT, PROJECT


def _git(*words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", "-C", str(PROJECT), *words], capture_output=True, text=True, check=check)


def _remove(place: Path) -> None:
    _git("worktree", "remove", "--force", str(place), check=False)
    shutil.rmtree(place, ignore_errors=True)


def commit(reference: str) -> str:
    """The commit that ``BENCH_AGAINST`` names.

    Raises:
        SystemExit: there is none; the message says so.
    """
    found = _git("rev-parse", "--verify", "--quiet", f"{reference}^{{commit}}", check=False)
    if found.returncode != 0:
        raise SystemExit(
            f"make: BENCH_AGAINST={reference} is no commit of this repository: give a tag, a branch or a commit of it."
        )
    return found.stdout.strip()


@contextmanager
def checkout(reference: str) -> Iterator[Path]:
    """A worktree of ``reference`` with this checkout's ``.venv``, removed at the end.

    It has the same place each time, so that a lab that a killed run left in it is found by its name and removed.
    """
    place = OUTPUT / "against"
    found = commit(reference)
    _remove(place)
    try:
        OUTPUT.mkdir(parents=True, exist_ok=True)
        # By force: git may still know one there whose directory was removed by hand.
        _git("worktree", "add", "--force", "--detach", str(place), found)
        if not (place / ".venv").exists():
            (place / ".venv").symlink_to((PROJECT / ".venv").resolve())
        yield place
    finally:
        _remove(place)
