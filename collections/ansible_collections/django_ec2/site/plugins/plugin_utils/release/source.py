# SPDX-License-Identifier: MIT
"""Where a release's source comes from: a directory, or a version of a git repository.

Runs on the controller. Repositories are kept as mirrors, so a version that was fetched before needs no network.
"""

from __future__ import annotations

import difflib
import hashlib
import os
import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.django_ec2.site.plugins.plugin_utils.applications.validate import is_git

GIT_SECONDS = 600
GIT_CONFIGURATION = Path(__file__).with_name("gitconfig")
# How the identity of a commit begins.
GIT = "git "
COMMIT = re.compile(r"[0-9a-f]{40}")
SKIPPED_DIRECTORIES = {
    ".git", ".hg", ".svn", ".venv", "venv", "__pycache__", "node_modules", ".mypy_cache", ".pytest_cache",
    ".ruff_cache", ".tox", ".idea", ".vscode",
}  # fmt: skip
SKIPPED_SUFFIXES = {".pyc", ".pyo", ".swp"}


class SourceError(Exception):
    """The source cannot be had; the message names the cause and the remedy."""


@dataclass(frozen=True)
class Source:
    """A project's source on this controller.

    Attributes:
        directory: where it lies.
        version: what was asked for, or the commit of a directory that git knows; for people to read.
        identity: what makes it another one: its commit, or a digest of its files.
        files: its files, sorted.
    """

    directory: Path
    version: str
    identity: str
    files: list[Path]


def ssh_command(key: str, kept: Path) -> str:
    """The command by which git reaches a server with this key alone; empty leaves it to the user's own settings.

    A server that is met for the first time is remembered in ``kept``. One that changed is refused, whether it was met here or by
    the user.
    """
    if not key:
        return ""
    if not Path(key).is_file():
        raise SourceError(f"deploy_key: {key} is no file on this controller: give the path of a private SSH key.")
    known = f'"{kept / "known_hosts"}" ~/.ssh/known_hosts /etc/ssh/ssh_known_hosts'
    options = ["IdentitiesOnly=yes", "BatchMode=yes", "StrictHostKeyChecking=accept-new", f"UserKnownHostsFile={known}"]
    return shlex.join(["ssh", "-i", key, *(word for option in options for word in ("-o", option))])


def git_environment() -> dict[str, str]:
    """The environment of git and of each git that it starts: whose files they are, or that they lie here, hinders none of them."""
    environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_SYSTEM": str(GIT_CONFIGURATION)}
    environment.pop("GIT_CONFIG_NOSYSTEM", None)
    return environment


def _git(*words: str, cwd: Path | None = None, ssh: str = "") -> subprocess.CompletedProcess[str]:
    """Run git; ``ssh`` is what `ssh_command` says, where git may have to ask a server."""
    environment = git_environment()
    if ssh:
        environment["GIT_SSH_COMMAND"] = ssh
    try:
        return subprocess.run(
            ["git", *words], cwd=cwd, capture_output=True, text=True, check=False, timeout=GIT_SECONDS, env=environment
        )
    except FileNotFoundError as error:
        raise SourceError("git is not installed on the controller: run 'make venv'.") from error
    except subprocess.TimeoutExpired as error:
        raise SourceError(f"git {words[0]} took more than {GIT_SECONDS} seconds.") from error


def files_of(source: Path) -> list[Path]:
    """The files of a project, sorted: what git knows and does not ignore, or all but caches where there is no git."""
    if not source.is_dir():
        raise SourceError(
            f"the source {source} is no directory: give an existing one, absolute or below the repository."
        )
    names: set[Path] = set()
    # What a commit would hold, submodules included, and what was written since; git lists these one at a time.
    for kind in (
        (["--cached", "--recurse-submodules"], ["--others", "--exclude-standard"]) if shutil.which("git") else ()
    ):
        listed = subprocess.run(
            ["git", "-C", str(source), "ls-files", "-z", *kind, "."],
            capture_output=True, check=False, env=git_environment(),
        )  # fmt: skip
        if listed.returncode == 0:
            names |= {source / os.fsdecode(name) for name in listed.stdout.split(b"\0") if name}
    if names:
        return sorted(path for path in names if path.is_symlink() or path.is_file())
    return all_files(source)


def all_files(source: Path) -> list[Path]:
    """Every file below a directory but caches, what version control keeps for itself, and installed packages."""
    found = []
    for directory, directories, names in os.walk(source):
        directories[:] = [name for name in directories if name not in SKIPPED_DIRECTORIES]
        # os.walk counts a link to a directory as a directory, and does not enter it.
        found += [Path(directory, name) for name in directories if Path(directory, name).is_symlink()]
        found += [Path(directory, name) for name in names if Path(name).suffix not in SKIPPED_SUFFIXES]
    return sorted(found)


def digest(source: Path, files: list[Path]) -> str:
    """A digest of names, which may be in any encoding, contents and executable bits."""
    total = hashlib.sha256()
    for path in files:
        relative = path.relative_to(source).as_posix()
        if path.is_symlink():
            total.update(os.fsencode(f"link {relative} {path.readlink()}\0"))
            continue
        content = path.read_bytes()
        executable = bool(path.stat().st_mode & 0o100)
        total.update(os.fsencode(f"file {relative} {executable} {len(content)}\0"))
        total.update(content)
    return total.hexdigest()


def _known_versions(mirror: Path) -> list[str]:
    listed = _git("for-each-ref", "--format=%(refname:short)", "refs/heads", "refs/tags", cwd=mirror)
    return listed.stdout.split()


def _refuse_two_of_one_name(mirror: Path, url: str, version: str) -> None:
    """A branch and a tag may share a name, and git would take the tag without a word."""
    both = [f"refs/heads/{version}", f"refs/tags/{version}"]
    if version and _git("show-ref", "--quiet", "--verify", "--", *both, cwd=mirror).returncode == 0:
        raise SourceError(
            f"'{version}' is a branch and a tag of {url}: write version: {both[1]} for the tag, or {both[0]} for the branch."
        )


def _commit_of(mirror: Path, version: str) -> str:
    found = _git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{version or 'HEAD'}^{{commit}}", cwd=mirror)
    return found.stdout.strip() if found.returncode == 0 else ""


def _mirror(url: str, version: str, key: str, kept: Path) -> tuple[Path, str]:
    """The mirror of a repository that holds a version, and the version's commit."""
    ssh = ssh_command(key, kept)
    mirror = kept / hashlib.sha256(url.encode()).hexdigest()[:16]
    if (mirror / "HEAD").exists():
        # A commit never changes; branches and tags are asked for again.
        commit = _commit_of(mirror, version) if COMMIT.fullmatch(version) else ""
        if commit:
            return mirror, commit
        done = _git("fetch", "--quiet", "--prune", "--tags", "--force", "origin", cwd=mirror, ssh=ssh)
    else:
        kept.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=".clone-", dir=kept))
        try:
            done = _git("clone", "--quiet", "--mirror", "--", url, str(partial / "git"), ssh=ssh)
            if done.returncode == 0:
                shutil.rmtree(mirror, ignore_errors=True)
                (partial / "git").replace(mirror)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    if done.returncode != 0:
        raise SourceError(
            f"git cannot read {url}: {done.stderr.strip()[-800:]} Check the URL, and for a private repository give "
            "deploy_key, the path of a private SSH key that may read it."
        )
    _refuse_two_of_one_name(mirror, url, version)
    commit = _commit_of(mirror, version)
    if not commit:
        near = difflib.get_close_matches(version, _known_versions(mirror), 3)
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        raise SourceError(f"{url} has no branch, tag or commit '{version}'.{hint}")
    return mirror, commit


def _some_files(directory: Path, source: str) -> list[Path]:
    files = files_of(directory)
    if not files:
        raise SourceError(f"the source {source} holds no file: give the directory of manage.py.")
    return files


def _directory(source: str) -> Source:
    directory = Path(source)
    files = _some_files(directory, source)
    described = _git("-C", source, "describe", "--always", "--dirty", "--abbrev=12")
    version = described.stdout.strip() if described.returncode == 0 else ""
    # Where git lists the files, their paths begin as the source was given.
    return Source(directory, version, digest(directory, files), files)


@dataclass(frozen=True)
class Identity:
    """What a source is at this moment.

    Attributes:
        digest: what makes it another one, as in ``Source.identity``.
        version: for people to read.
        exact: whether the version that was asked for is one that stays: a tag or a commit, no branch and no directory.
    """

    digest: str
    version: str
    exact: bool


def commit_of(identity: str) -> str:
    """The commit of an identity; empty for that of a directory."""
    return identity.removeprefix(GIT) if identity.startswith(GIT) else ""


def identified(source: str, version: str, key: str, kept: Path) -> Identity:
    """What a source is, without a checkout. The arguments and errors are those of ``obtained``."""
    if not is_git(source):
        found = _directory(source)
        return Identity(found.identity, found.version, exact=False)
    mirror, commit = _mirror(source, version, key, kept)
    return Identity(f"{GIT}{commit}", version or commit[:12], exact=bool(version) and not _is_branch(mirror, version))


def _is_branch(mirror: Path, version: str) -> bool:
    named = _git("rev-parse", "--symbolic-full-name", "--end-of-options", version, cwd=mirror).stdout
    return "refs/heads/" in named


@contextmanager
def obtained(source: str, version: str, key: str, kept: Path) -> Iterator[Source]:
    """The source of a project for as long as the block runs.

    Args:
        source: a directory, the URL of a git repository, or the path of a bare one.
        version: branch, tag or commit of a repository; empty is its default branch.
        key: path of a private SSH key, or empty.
        kept: where mirrors are kept.

    Raises:
        SourceError: it cannot be had.
    """
    if not is_git(source):
        yield _directory(source)
        return
    mirror, commit = _mirror(source, version, key, kept)
    checkout = Path(tempfile.mkdtemp(prefix=".checkout-", dir=kept))
    try:
        done = _git("clone", "--quiet", "--shared", "--no-checkout", str(mirror), str(checkout / "tree"))
        if done.returncode == 0:
            done = _git("checkout", "--quiet", "--detach", commit, cwd=checkout / "tree")
        if done.returncode == 0 and (checkout / "tree" / ".gitmodules").exists():
            # Relative URLs of submodules are meant from where the project really is.
            _git("remote", "set-url", "origin", source, cwd=checkout / "tree")
            words = ("submodule", "update", "--quiet", "--init", "--recursive")
            done = _git(*words, cwd=checkout / "tree", ssh=ssh_command(key, kept))
        if done.returncode != 0:
            raise SourceError(f"{source} at {commit} cannot be checked out: {done.stderr.strip()[-800:]}")
        yield Source(
            checkout / "tree", version or commit[:12], f"{GIT}{commit}", _some_files(checkout / "tree", source)
        )
    finally:
        shutil.rmtree(checkout, ignore_errors=True)
