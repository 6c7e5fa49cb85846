# SPDX-License-Identifier: MIT
"""The passwords that open the repository: another one is added, and the one before ends. For the host that begins the repository, as the
others may add snapshots and nothing else."""

from __future__ import annotations

import contextlib
import json
import os
import re
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from pwd import getpwnam
from subprocess import CompletedProcess

from ansible_collections.django_ec2.site.plugins.module_utils.restic import repository
from ansible_collections.django_ec2.site.plugins.module_utils.restic.remedies import explain
from ansible_collections.django_ec2.site.plugins.module_utils.restic.repository import ResticError

# The key that ends: restic's name of it, which is no secret. It is written before another one is added.
NOTE = Path("/etc/restic/key-that-ends")
# A key is removed by one who has the repository for himself. A backup may take its time.
SECONDS, PAUSE = 900.0, 5.0
NO_REPOSITORY = re.compile(r"does not exist|Is there a repository at the following location", re.IGNORECASE)
WRONG = re.compile(r"wrong password|no key found", re.IGNORECASE)


@dataclass(frozen=True)
class Plan:
    """What has to be done so that a password opens the repository beside the one before.

    Attributes:
        add: whether it has to be added.
        ends: the key of the one before; empty when that opens nothing any more.
    """

    add: bool
    ends: str


def plan(own: str, before: str) -> Plan:
    """What has to be done.

    Args:
        own: the key that the new password opens; empty for none.
        before: the one that the old password opens.

    Raises:
        ResticError: neither opens it, so nobody could be given the new one.
    """
    if not own and not before:
        raise ResticError(explain("wrong password or no key found"))
    return Plan(not own, before if before != own else "")


def listed(said: str) -> dict[str, bool]:
    """The keys that ``restic key list --json`` names, and which of them was opened."""
    return {one["id"]: bool(one["current"]) for one in json.loads(said or "[]")}


def begin(password: str, old: str, user: str, check: bool) -> tuple[bool, str]:
    """Let a password open the repository beside the one before; whether something was to be done, and the key that ends.

    Args:
        password: the new one.
        old: the one before.
        user: who restic is on this host.
        check: whether nothing is changed.

    Raises:
        ResticError: neither password opens it, or restic can't do it.
    """
    with _files(user, password, old) as (new_file, old_file):
        try:
            keys = [next((one for one, opened in _keys(file).items() if opened), "") for file in (new_file, old_file)]
        except FileNotFoundError:
            # It is begun later, with the new one.
            return False, ""
        made = plan(*keys)
        noted = noted_key() == made.ends
        if not check:
            if made.ends and not noted:
                _note(made.ends)
            if made.add:
                _done(_patient("--password-file", old_file, "key", "add", "--new-password-file", new_file))
    return made.add or (bool(made.ends) and not noted), made.ends


def end(password: str, user: str, check: bool) -> bool:
    """Take the key away that was noted; whether there was one.

    Raises:
        ResticError: the password does not open the repository, or restic can't do it.
    """
    ends = noted_key()
    if not ends or check:
        return bool(ends)
    with _files(user, password) as (file,):
        keys = _keys(file)
        if True not in keys.values():
            raise ResticError(explain("wrong password or no key found"))
        if keys.get(ends) is False:
            _done(_patient("--password-file", file, "key", "remove", ends))
    NOTE.unlink()
    return True


def noted_key() -> str:
    """The key that ends, as far as one does."""
    with contextlib.suppress(FileNotFoundError):
        return NOTE.read_text().strip()
    return ""


def _note(key: str) -> None:
    partial = NOTE.with_suffix(".new")
    partial.write_text(f"{key}\n")
    partial.chmod(0o644)
    partial.replace(NOTE)


def _keys(file: str) -> dict[str, bool]:
    """The keys that one who has a password sees; none when it opens nothing.

    Raises:
        FileNotFoundError: there is no repository.
        ResticError: restic can't say.
    """
    done = _patient("--password-file", file, "key", "list", "--json")
    said = done.stderr + done.stdout
    if done.returncode and WRONG.search(said):
        return {}
    if done.returncode and NO_REPOSITORY.search(said):
        raise FileNotFoundError
    return listed(_done(done))


def _done(done: CompletedProcess[str]) -> str:
    if done.returncode:
        raise ResticError(explain(done.stderr + done.stdout))
    return done.stdout


def _patient(*words: str) -> CompletedProcess[str]:
    """Run restic; where others work on the repository, once they have ended."""
    deadline = time.monotonic() + SECONDS
    while True:
        done = repository.call(*words)
        if "already locked" not in done.stderr + done.stdout or time.monotonic() > deadline:
            return done
        time.sleep(PAUSE)


@contextlib.contextmanager
def _files(user: str, *passwords: str) -> Iterator[list[str]]:
    """Files with passwords, in memory, for an account."""
    owner = getpwnam(user)
    with contextlib.ExitStack() as stack:
        names = []
        for one in passwords:
            file = stack.enter_context(tempfile.NamedTemporaryFile("w", dir="/run", prefix="restic-"))
            file.write(f"{one}\n")
            file.flush()
            os.fchown(file.fileno(), owner.pw_uid, owner.pw_gid)
            names.append(file.name)
        yield names
