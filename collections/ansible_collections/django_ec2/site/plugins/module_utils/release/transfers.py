# SPDX-License-Identifier: MIT
"""Archives that runs which were killed have left where Ansible puts what it transfers."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

# A transfer of a day is none that is still under way.
SECONDS = 24 * 3600
PATTERN = "ansible-tmp-*"


def clear(archive: str) -> None:
    """Remove the directories of old transfers beside the one that an archive came in.

    Args:
        archive: path of what was transferred by this run; empty where nothing was.
    """
    own = Path(archive).parent
    if not archive or not own.match(PATTERN):
        return
    for place in own.parent.glob(PATTERN):
        try:
            old = time.time() - place.lstat().st_mtime > SECONDS
        except OSError:
            continue
        if place != own and old and not place.is_symlink():
            shutil.rmtree(place, ignore_errors=True)
