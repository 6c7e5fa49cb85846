# SPDX-License-Identifier: MIT
"""Programs that are run on the database host, and what they said when they failed."""

from __future__ import annotations

import os
import subprocess

USER = "postgres"
SAID = 1500


class RestoreFailed(Exception):
    """A step did not succeed; the text says which, why, and what became of the rest."""


def run(words: list[str], what: str, *, as_postgres: bool = False, timeout: float | None = None) -> str:
    """Run a program; returns what it wrote to its standard output.

    Args:
        words: the program and its arguments.
        what: it does, to begin a sentence with when it fails.
        as_postgres: run it as the system user postgres.
        timeout: in seconds.

    Raises:
        RestoreFailed: it failed, took too long, or is not installed.
    """
    # Not runuser: it opens a session by PAM, which takes back the niceness of a drill, and which the drill's sandbox does not allow.
    become = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--init-groups", "--"]
    prefix = become if as_postgres and os.geteuid() == 0 else []
    environment = {**os.environ, "LC_ALL": "C.UTF-8", "PGAPPNAME": "restore"}
    try:
        done = subprocess.run(
            [*prefix, *words], capture_output=True, text=True, check=False, cwd="/", env=environment, timeout=timeout
        )
    except FileNotFoundError:
        raise RestoreFailed(f"{what}: {words[0]} is not installed on this host") from None
    except subprocess.TimeoutExpired:
        raise RestoreFailed(f"{what}: {words[0]} took longer than {timeout:.0f} seconds") from None
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip())[-SAID:]
        raise RestoreFailed(f"{what}: {said}")
    return done.stdout
