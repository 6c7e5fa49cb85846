# SPDX-License-Identifier: MIT
"""Programs of the host. Knows how one is found and run, and how its output is shown; not what it is run for."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterable

from ansible_collections.django_ec2.site.plugins.module_utils.host_config.errors import HostConfigError

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
SHORTEST_SECRET = 4


def find_executable(name: str) -> str | None:
    """Find a program, also when the login's PATH lacks the sbin directories."""
    return shutil.which(name, path=os.environ.get("PATH", "") + ":" + SYSTEM_PATH)


def run(argv: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a command without a shell, in a locale whose messages can be relied on."""
    executable = find_executable(argv[0])
    if executable is None:
        raise HostConfigError(f"{argv[0]} is not installed on this host (wanted for: {shlex.join(argv)}).")
    return subprocess.run(
        [executable, *argv[1:]],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        env={**os.environ, "LC_ALL": "C.UTF-8"},
        check=False,
    )


def demand_success(done: subprocess.CompletedProcess[str], message: str) -> None:
    """Turn a failed command into an error with its output."""
    if done.returncode:
        raise HostConfigError(f"{message}: {done.stdout.strip()}", rc=done.returncode)


class Redaction:
    """Blots the content of sensitive files out of what programs print."""

    def __init__(self, contents: Iterable[bytes] = ()) -> None:
        self._contents = list(contents)

    def __call__(self, text: str) -> str:
        """The text without the words of the files."""
        words = {word for content in self._contents for word in words_of(content)}
        # Longest first, so that no part of a secret survives the replacement of a shorter one.
        for word in sorted(words, key=len, reverse=True):
            text = text.replace(word, "********")
        return text.strip()


def words_of(content: bytes) -> set[str]:
    """Lines and words of a sensitive file, as another program may quote them."""
    text = content.decode(errors="replace")
    words = {line.strip() for line in text.splitlines()}
    words.update(re.split(r"[\s='\"]+", text))
    words.update(re.split(r"[\s='\":;,@/()<>]+", text))
    return {word for word in words if len(word) >= SHORTEST_SECRET}
