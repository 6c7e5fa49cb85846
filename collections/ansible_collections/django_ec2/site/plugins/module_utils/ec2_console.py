# SPDX-License-Identifier: MIT
"""A line that a program of an instance writes to its console, waited for."""

from __future__ import annotations

import re
import time
from typing import Any

PAUSE = 5.0
SHOWN = 15


class ConsoleError(Exception):
    """The line does not come; the message has the console's last lines."""


def said(console: str, word: str) -> str | None:
    """What follows a word in a console, on the last line that has it; cloud-init and the kernel may write before it."""
    found = re.findall(rf"\b{re.escape(word)}[ \t]+(\S[^\r\n]*)", console)
    return found[-1].strip() if found else None


def wait(client: Any, instance: str, word: str, seconds: int) -> str:
    """Wait for the word, and return what follows it.

    Raises:
        ConsoleError: it does not come within these seconds.
    """
    until = time.monotonic() + seconds
    while True:
        console = client.get_console_output(InstanceId=instance).get("Output", "")
        found = said(console, word)
        if found is not None:
            return found
        if time.monotonic() > until:
            last = "\n".join(console.splitlines()[-SHOWN:]) or "(nothing)"
            raise ConsoleError(
                f"The console of {instance} did not say {word} within {seconds} seconds. Its last lines:\n{last}"
            )
        time.sleep(PAUSE)
