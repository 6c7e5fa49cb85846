# SPDX-License-Identifier: MIT
"""The archives that a host keeps of a release and its layer, made readable for whoever takes them to the controller."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.release.manifest import sha256
from ansible_collections.django_ec2.site.plugins.module_utils.release.unpack import ARCHIVE


def hand_out(place: Path, description: str, target: Path) -> dict[str, Any]:
    """Copy the archive of a release or a layer to where its reader may read it.

    Args:
        place: directory of the release or the layer.
        description: name of the file in it that says what it is.
        target: path of the copy; its directory belongs to the reader.

    Returns:
        The content of the description with ``path`` and ``sha256``; empty where there is no archive.
    """
    archive = place / ARCHIVE
    try:
        said = json.loads((place / description).read_text())
        shutil.copyfile(archive, target)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return {}
    owner = target.parent.stat()
    os.chown(target, owner.st_uid, owner.st_gid)
    target.chmod(0o400)
    return {**said, "path": str(target), "sha256": sha256(target)}
