# SPDX-License-Identifier: MIT
"""Builds on the controller that nobody needs any more."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from ansible_collections.django_ec2.site.plugins.plugin_utils.release import store

# Builds of an application that are kept, the last ones that were used: hosts keep five, and may be of two kinds.
KEPT = 10
# What a run that was killed left of a build is older than any build takes.
LEFTOVER_SECONDS = 86400
LEFTOVERS = (".build-*", ".fetch-*", "layers/.build-*")


def prune(kept: Path, most: int = KEPT) -> None:
    """Remove the builds of an application but for the last ones, with the layers that none of these needs.

    Args:
        kept: the directory of the application.
        most: how many are kept.
    """
    records = sorted(kept.glob("*.json"), key=lambda path: path.stat().st_mtime, reverse=True)
    contents = [store.read(path) for path in records[:most]]
    for path in records[most:]:
        path.unlink(missing_ok=True)
    _remove_others(kept, {str(one.get("archive", "")) for one in contents})
    layers = {str(one.get("layer", "")) for one in contents}
    _remove_others(kept / "layers", {f"{one}.tar.gz" for one in layers})
    for path in (kept / "layers").glob("*.json"):
        if store.read(path).get("layer") not in layers:
            path.unlink(missing_ok=True)
    for pattern in LEFTOVERS:
        for path in kept.glob(pattern):
            if time.time() - path.stat().st_mtime > LEFTOVER_SECONDS:
                shutil.rmtree(path, ignore_errors=True)


def _remove_others(directory: Path, names: set[str]) -> None:
    for path in directory.glob("*.tar.gz"):
        if path.name not in names:
            path.unlink(missing_ok=True)
