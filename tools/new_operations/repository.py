# SPDX-License-Identifier: MIT
"""What is asked of git: which version of ours is pinned, and a repository with it as a submodule."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from tools.new_operations import NewOperationsError

SECONDS = 600
# The submodule may come from a directory of this machine, which git refuses since 2.38.1 unless it is told.
LOCAL = ("-c", "protocol.file.allow=always")


def git(*words: str, at: Path) -> subprocess.CompletedProcess[str]:
    """Run git in a directory; its exit code is the caller's to read."""
    if not shutil.which("git"):
        raise NewOperationsError("git is not installed: 'apt-get install git', then the same command again.")
    # Of a hook or an alias that calls us: it would lead git to that repository.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_DIR")}
    command = ["git", *LOCAL, "-C", str(at), *words]
    try:
        return subprocess.run(
            command,
            env={**environment, "GIT_TERMINAL_PROMPT": "0"},
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise NewOperationsError(
            f"'git {' '.join(words)}' took more than {SECONDS} s: is the source reachable?"
        ) from error


def asked(*words: str, at: Path) -> str:
    """What git answers, without the line's end; empty where it refuses."""
    done = git(*words, at=at)
    return done.stdout.strip() if done.returncode == 0 else ""


def current_commit(checkout: Path) -> str:
    """The commit that is checked out, which is the one to pin.

    Raises:
        NewOperationsError: the checkout is no git repository, or one without a commit.
    """
    commit = asked("rev-parse", "--verify", "HEAD^{commit}", at=checkout)
    top = asked("rev-parse", "--show-toplevel", at=checkout)
    if not commit or Path(top).resolve() != checkout.resolve():
        raise NewOperationsError(
            f"{checkout} is no git checkout (an unpacked archive?), so no version of it can be pinned: clone it with git, "
            "and run this there."
        )
    return commit


def source_of(checkout: Path, given: str) -> str:
    """Where the submodule comes from: what was given, the checkout's origin, or the checkout itself.

    A path is made absolute: git would read it relative to the new repository's origin.

    Raises:
        NewOperationsError: a path was given, and there is nothing.
    """
    source = given or asked("remote", "get-url", "origin", at=checkout)
    if not source:
        return str(checkout)
    if "://" in source or (":" in source.partition("/")[0]):
        return source
    path = Path(source).expanduser()
    path = (path if path.is_absolute() else (Path.cwd() if given else checkout) / path).resolve()
    if not path.exists():
        raise NewOperationsError(
            f"SOURCE {source} does not exist: give the URL or the path of the repository to pin, or leave SOURCE out."
        )
    return str(path)


def add_submodule(repository: Path, name: str, source: str, commit: str) -> None:
    """Make a repository with one submodule at one commit.

    Raises:
        NewOperationsError: the source cannot be cloned, or has no such commit.
    """
    _must(git("init", "--quiet", "--initial-branch", "main", at=repository), "git could not make a repository")
    done = git("submodule", "--quiet", "add", "--name", name, "--", source, name, at=repository)
    _must(done, f"git could not clone {source}", "Check the URL and your access, or give another SOURCE.")
    submodule = repository / name
    if not asked("cat-file", "-t", commit, at=submodule):
        # A commit of no branch or tag, such as a detached one.
        git("fetch", "--quiet", "origin", commit, at=submodule)
    done = git("checkout", "--quiet", "--detach", commit, at=submodule)
    _must(
        done,
        f"{source} has no commit {commit[:12]}, the one that is checked out here",
        "Push it there first, check out one that is there, or give the path of this checkout as SOURCE.",
    )


def commit_all(repository: Path, message: str) -> bool:
    """Commit everything; False where git knows no author, and everything is staged."""
    _must(git("add", "--all", at=repository), "git could not add the files")
    if not asked("var", "GIT_AUTHOR_IDENT", at=repository) or not asked("var", "GIT_COMMITTER_IDENT", at=repository):
        return False
    _must(git("commit", "--quiet", "--message", message, at=repository), "git could not commit")
    return True


def _must(done: subprocess.CompletedProcess[str], what: str, remedy: str = "") -> None:
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip() or "git said nothing").splitlines()[-1].rstrip(".")
        raise NewOperationsError(f"{what}: {said}. {remedy}".rstrip())
