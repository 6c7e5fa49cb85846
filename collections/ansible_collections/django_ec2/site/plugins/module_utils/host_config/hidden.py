# SPDX-License-Identifier: MIT
"""Names of files that lie beside others for a moment: what is staged, and what was replaced. A run that was killed leaves them.

A name has the number of its process, so the next call knows which are nobody's any more. What could not be restored has
another name, and stays.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable

NAME = re.compile(r"\.ansible-(\d+)\.[0-9a-f]{12}(-.*)?")


def beside(path: str, suffix: str = "") -> str:
    """A new hidden name in the directory of a path."""
    return os.path.join(os.path.dirname(path), f".ansible-{os.getpid()}.{os.urandom(6).hex()}{suffix}")


def keep(name: str) -> str:
    """Give a hidden file a name that no later call removes; returns it."""
    directory, base = os.path.split(name)
    kept = os.path.join(directory, f".kept{base}")
    try:
        os.rename(name, kept)
    except OSError:
        return name
    return kept


def clear(directories: Iterable[str]) -> None:
    """Remove from directories what processes that are gone have left there. What can't be removed is left to the next call."""
    for directory in set(directories):
        with contextlib.suppress(OSError):
            for name in os.listdir(directory):
                found = NAME.fullmatch(name)
                if found and not _runs(int(found[1])):
                    with contextlib.suppress(OSError):
                        os.unlink(os.path.join(directory, name))


def _runs(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        pass
    return True
