# SPDX-License-Identifier: MIT
"""Files, links and removals put in place together, or not at all.

Knows the order, the backups, the validators and the way back. What has to change was decided in ``files``; directories,
users and units are not taken back.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import stat
from collections.abc import Callable
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.host_config import commands, hidden
from ansible_collections.django_ec2.site.plugins.module_utils.host_config.accounts import owner_of
from ansible_collections.django_ec2.site.plugins.module_utils.host_config.errors import HostConfigError, describe_error
from ansible_collections.django_ec2.site.plugins.module_utils.host_config.paths import lstat, make_directory
from ansible_collections.django_ec2.site.plugins.module_utils.host_config.report import Change

Changes = dict[str, list[Change]]  # by option, as files.Comparison finds them
COVERED = ("files", "links", "absent", "purge")


class Transaction:
    """Puts files in place and can take all of it back.

    What is replaced or removed stays beside its path under a hidden name until commit, so that it comes back
    exactly: same inode, times and attributes. Programs that read a whole directory skip hidden names.
    """

    def __init__(self) -> None:
        self._undo: list[Callable[[], None]] = []
        self._staged: list[str] = []
        self._backups: list[str] = []

    @staticmethod
    def _hidden_name(path: str, names: list[str], suffix: str = "") -> str:
        name = hidden.beside(path, suffix)
        names.append(name)
        return name

    def stage(self, path: str, content: bytes, owner: tuple[int, int], mode: int) -> str:
        """Write the new content beside the path; nobody else can read it before owner and mode are right."""
        # Some validators look at the suffix of the name.
        name = self._hidden_name(path, self._staged, "-" + os.path.basename(path)[-60:])
        descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fchown(descriptor, *owner)
            os.fchmod(descriptor, mode)  # after chown, which clears set-id bits
        return name

    def place(self, staged: str, path: str) -> None:
        """Rename what was staged over the path."""
        backup = None
        if lstat(path) is not None:
            backup = self._hidden_name(path, self._backups)
            os.link(path, backup, follow_symlinks=False)
        os.rename(staged, path)
        # Registered only now: renaming a hard link over its own file would do nothing.
        self._undo.append((lambda: os.rename(backup, path)) if backup else (lambda: os.unlink(path)))

    def copy(self, path: str, destination: str) -> None:
        """Place a copy of a file beside it, with its owner and mode."""
        status = os.lstat(path)
        with open(path, "rb") as stream:
            content = stream.read()
        owner, mode = (status.st_uid, status.st_gid), stat.S_IMODE(status.st_mode)
        self.place(self.stage(destination, content, owner, mode), destination)

    def link(self, path: str, target: str) -> None:
        """Create or replace a symbolic link without a moment in which there is none."""
        staged = self._hidden_name(path, self._staged)
        os.symlink(target, staged)
        self.place(staged, path)

    def remove(self, path: str, shelter: str) -> None:
        """Remove a file, a link or an empty directory; the backup waits in the directory `shelter`."""
        status = os.lstat(path)
        if stat.S_ISDIR(status.st_mode):
            os.rmdir(path)
            self._undo.append(lambda: make_directory(path, (status.st_uid, status.st_gid), status.st_mode & 0o7777))
        else:
            backup = self._hidden_name(os.path.join(shelter, os.path.basename(path)), self._backups)
            os.rename(path, backup)
            self._undo.append(lambda: os.rename(backup, path))

    def rollback(self) -> list[str]:
        """Take everything back, newest first. Answers what could not be restored."""
        problems = []
        while self._undo:
            try:
                self._undo.pop()()
            except OSError as error:
                kept = hidden.keep(error.filename) if error.filename in self._backups else error.filename
                problems.append(f"{error.filename2 or error.filename}: {error.strerror} (kept: {kept})")
        # When something could not be restored, its backup may be the only copy.
        self._clear(self._staged + ([] if problems else self._backups))
        return problems

    def commit(self) -> None:
        """Forget how to go back."""
        self._undo.clear()
        self._clear(self._staged + self._backups)

    @staticmethod
    def _clear(names: list[str]) -> None:
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name)


def apply(changes: Changes, checks: list[dict[str, Any]], redact: Callable[[str], str]) -> list[str]:
    """Put all changes in place and check them, or restore everything. Answers the checks that were skipped."""
    transaction = Transaction()
    try:
        place_all(transaction, changes, redact)
        skipped = validate_set(checks, covered(changes), redact)
    except BaseException as error:
        problems = transaction.rollback()
        paths = [change.path for change in covered(changes)]
        state = "The previous files are back."
        if problems:
            state = "NOT everything could be restored: " + "; ".join(problems)
        if not isinstance(error, (HostConfigError, OSError)):
            raise
        raise HostConfigError(
            f"{describe_error(error)}\n{state} Changed paths were: {', '.join(paths)}",
            changed_paths=paths,
            unrestored=problems,
            **getattr(error, "details", {}),
        ) from error
    transaction.commit()
    return skipped


def covered(changes: Changes) -> list[Change]:
    """Changes that a rollback covers and that validate looks at."""
    return [change for option in COVERED for change in changes[option]]


def place_all(transaction: Transaction, changes: Changes, redact: Callable[[str], str]) -> None:
    """Stage every file, let its validator see it, and only then put the first one in place."""
    staged = []
    for change in changes["files"]:
        entry = change.entry
        name = transaction.stage(change.path, entry["content"], owner_of(entry), entry["mode"])
        if entry["validate"]:
            validate_file(entry, name, redact)
        staged.append((name, change.path))
    for name, path in staged:
        transaction.place(name, path)
    for change in changes["links"]:
        transaction.link(change.path, change.entry["target"])
    for change in changes["purge"]:
        if change.entry.get("aside"):
            transaction.copy(change.path, change.entry["aside"])
    going = {change.path for change in changes["absent"]}
    for change in changes["absent"] + changes["purge"]:
        transaction.remove(change.path, shelter(change.path, going))


def shelter(path: str, going: set[str]) -> str:
    """Nearest directory that stays: a backup inside would keep its own directory from being removed."""
    parent = os.path.dirname(path)
    while parent in going:
        parent = os.path.dirname(parent)
    return parent


def validate_file(entry: dict[str, Any], staged: str, redact: Callable[[str], str]) -> None:
    """Let a file's own validator look at the new content."""
    done = commands.run([word.replace("%s", staged) for word in entry["validate"]])
    if done.returncode:
        raise HostConfigError(
            f"files: {entry['path']}: the new content was refused by {shlex.join(entry['validate'])} "
            f"(exit status {done.returncode}):\n{redact(done.stdout)}",
            rc=done.returncode,
            cmd=entry["validate"],
        )


def validate_set(checks: list[dict[str, Any]], changes: list[Change], redact: Callable[[str], str]) -> list[str]:
    """Run the checks that are due, now that everything is in place. Answers those whose program does not exist."""
    triggers = {word for change in changes for word in change.triggers}
    skipped = []
    for check in checks:
        argv = check["command"]
        if not changes or (check["triggers"] and not triggers.intersection(check["triggers"])):
            continue
        if commands.find_executable(argv[0]) is None:
            skipped.append(shlex.join(argv))
            continue
        done = commands.run(argv)
        if done.returncode:
            raise HostConfigError(
                f"The new configuration was refused by {shlex.join(argv)} "
                f"(exit status {done.returncode}):\n{redact(done.stdout)}",
                rc=done.returncode,
                cmd=argv,
            )
    return skipped


def stop_cleanly(signal_number: int, _frame: Any) -> None:
    """A lost connection must not leave half a configuration behind: unwind, and restore on the way."""
    raise HostConfigError(f"Interrupted by {signal.Signals(signal_number).name}.")
