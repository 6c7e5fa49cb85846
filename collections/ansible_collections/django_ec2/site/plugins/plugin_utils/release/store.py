# SPDX-License-Identifier: MIT
"""Where builds are kept on the controller: archives, and records that say which input each was made from.

<application>/<release>.tar.gz           <application>/<input key>.json
<application>/layers/<layer>.tar.gz      <application>/layers/<layer key>.json
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def directory(project: str) -> str:
    """Where builds of a project are kept: below it, or in the user's cache where nobody may write there, as in a job of AWX.

    Args:
        project: the directory of ansible.cfg.
    """
    wanted = Path(project, "build", "releases")
    there = next(path for path in (wanted, *wanted.parents) if path.exists())
    if os.access(there, os.W_OK):
        return str(wanted)
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return str(Path(cache).expanduser() / "django-ec2" / "releases")


def archive(kept: Path, release: str) -> Path:
    """Where the archive of a release lies; ``kept`` is the directory of its application."""
    return kept / f"{release}.tar.gz"


def layer_archive(kept: Path, layer: str) -> Path:
    """Where the archive of a layer lies."""
    return kept / "layers" / f"{layer}.tar.gz"


def known(path: Path) -> str:
    """A path as text; empty where nothing is."""
    return str(path) if path.exists() else ""


def read(path: Path) -> dict[str, Any]:
    """A record; empty where there is none, or one that a full disk cut short."""
    try:
        content = json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def write(path: Path, content: Mapping[str, Any]) -> None:
    """Keep a record, as one step."""
    partial = path.with_suffix(".new")
    partial.write_text(json.dumps(content))
    partial.replace(path)


@contextmanager
def receiving(kept: Path) -> Iterator[Path]:
    """A path for something that is on its way; what is left of it is removed."""
    kept.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=".fetch-", dir=kept))
    try:
        yield work / "archive.tar.gz"
    finally:
        shutil.rmtree(work, ignore_errors=True)


def keep_release(kept: Path, said: Mapping[str, Any], arrived: Path) -> None:
    """Keep an archive that a host made its release of, as if it had been built here.

    Args:
        kept: the directory of the application.
        said: the release's own description.
        arrived: the archive, which is moved.
    """
    place = archive(kept, said["release"])
    arrived.replace(place)
    layer = said.get("layer", "")
    record = {
        "release": said["release"],
        "input_key": said["input_key"],
        "archive": place.name,
        "size": place.stat().st_size,
        "layer": layer,
        "layer_key": "",
        "layer_archive": layer_archive(kept, layer).name if layer else "",
        "packages": said.get("packages", []),
    }
    write(kept / f"{said['input_key']}.json", record)


def keep_layer(kept: Path, said: Mapping[str, Any], arrived: Path) -> None:
    """Keep the archive of a layer; the arguments are those of ``keep_release``."""
    place = layer_archive(kept, said["layer"])
    place.parent.mkdir(exist_ok=True)
    arrived.replace(place)
    record = {
        "layer": said["layer"],
        "layer_key": said["key"],
        "layer_archive": place.name,
        "packages": said["packages"],
    }
    write(place.parent / f"{said['key']}.json", record)
