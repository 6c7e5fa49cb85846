# SPDX-License-Identifier: MIT
"""Commands on a host whose failure is told with the end of what they said."""

from __future__ import annotations

import os
import subprocess

END_CHARACTERS = 3000


class Refusal(Exception):
    """What is told to the user."""


def run(what: str, words: list[str], good: tuple[int, ...] = (0,), timeout: float | None = None) -> str:
    """Run a command without a shell and return its standard output.

    Args:
        what: what it does, for the message.
        words: the command.
        good: exit codes that are no failure.
        timeout: seconds after which it is ended; None waits for as long as it takes.

    Raises:
        Refusal: it failed.
    """
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    try:
        done = subprocess.run(
            words, capture_output=True, text=True, errors="replace", check=False, env=environment,
            stdin=subprocess.DEVNULL, timeout=timeout,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise Refusal(f"{what} took more than {timeout:.0f} seconds") from error
    if done.returncode not in good:
        said = "\n".join(part for part in (done.stdout.strip(), done.stderr.strip()) if part)
        raise Refusal(f"{what} failed: {said[-END_CHARACTERS:] or f'exit code {done.returncode}'}")
    return done.stdout
