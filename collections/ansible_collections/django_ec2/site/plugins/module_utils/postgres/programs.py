# SPDX-License-Identifier: MIT
"""PostgreSQL's and Debian's programs, run on this host as the user that they belong to."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence

from ansible_collections.django_ec2.site.plugins.module_utils.postgres.cluster import PROGRAMS

USER = "postgres"


class ProgramFailed(Exception):
    """A program ended with an error; the text is what it said last."""


def run(argv: Sequence[str], user: str | None = USER, seconds: int | None = None, given: str = "") -> str:
    """Run a program in a directory that everybody may enter; what it printed.

    Args:
        argv: the program and its words.
        user: whom to be; None is root.
        seconds: how long it may take.
        given: what it reads.

    Raises:
        ProgramFailed: it ended with an error, or did not end.
    """
    words = ["runuser", "-u", user, "--", *argv] if user and os.geteuid() == 0 else list(argv)
    try:
        done = subprocess.run(
            words, cwd="/", env={**os.environ, "LC_ALL": "C", "PGCONNECT_TIMEOUT": "10"}, capture_output=True, text=True,
            check=False, timeout=seconds, input=given,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise ProgramFailed(f"{os.path.basename(argv[0])} did not end within {seconds} seconds") from None
    if done.returncode != 0:
        said = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        raise ProgramFailed(" ".join(said[-6:]) or f"{os.path.basename(argv[0])} ended with {done.returncode}")
    return done.stdout


def program(version: str, name: str) -> str:
    """The path of one of PostgreSQL's own programs."""
    return f"{PROGRAMS}/{version}/bin/{name}"


def unit(version: str) -> str:
    """The systemd unit of the cluster."""
    return f"postgresql@{version}-main.service"


def systemctl(verb: str, version: str, seconds: int | None = None) -> None:
    """Start, stop or restart the cluster, and wait until that is done."""
    run(["systemctl", verb, unit(version)], user=None, seconds=seconds)


def active(version: str) -> bool:
    """Whether systemd knows processes of the cluster."""
    done = subprocess.run(["systemctl", "is-active", "--quiet", unit(version)], check=False)
    return done.returncode == 0


def empty(directory: str) -> None:
    """Remove everything inside a directory; the directory itself may be the mount of a disk."""
    for entry in os.scandir(directory):
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path)
        else:
            os.unlink(entry.path)


def free_bytes(path: str) -> int:
    """Free bytes of the file system where a path is or will be."""
    while not os.path.exists(path):
        path = os.path.dirname(path)
    return shutil.disk_usage(path).free


def log_lines(version: str, count: int = 20) -> list[str]:
    """The end of the cluster's log."""
    try:
        with open(f"/var/log/postgresql/postgresql-{version}-main.log", encoding="utf-8", errors="replace") as stream:
            return [line.rstrip() for line in stream.readlines()[-count:]]
    except FileNotFoundError:
        return []
