# SPDX-License-Identifier: MIT
"""Images of the lab: named by their recipe, built on what Debian brings, removed together."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from lab.core.podman import Podman
from lab.core.settings import LabError


def name(kind: str, suite: str, recipe: Iterable[bytes]) -> str:
    """Name and tag of an image; the tag follows the recipe, so a changed recipe makes a new image."""
    digest = hashlib.sha256()
    for part in recipe:
        digest.update(part)
    return f"localhost/lab-{kind}-{suite}:{digest.hexdigest()[:12]}"


def exists(podman: Podman, image: str) -> bool:
    """Whether an image was built."""
    return podman.succeeds("image", "exists", image)


def build(podman: Podman, image: str, base: str, context: Path, seconds: float) -> None:
    """Build an image from a directory with a Containerfile, on top of another one.

    Raises:
        LabError: the build failed, or its result is not there.
    """
    podman("build", "--quiet", "--build-arg", f"BASE={base}", "--tag", image, str(context), timeout=seconds)
    if not exists(podman, image):
        raise LabError(f"the image {image} was built but is not there: run 'make clean', then the same command again.")


def remove(podman: Podman) -> None:
    """Remove the images of all kinds.

    Raises:
        LabError: a lab still uses them; the message names it.
    """
    others = podman.containers("label=lab.name")
    if others:
        labs = sorted({container["Labels"]["lab.name"] for container in others})
        raise LabError(f"hosts of {', '.join(labs)} still use the images: run 'make down' for each (LAB_NAME=…) first.")
    names = podman("images", "--format", "{{.Repository}}:{{.Tag}}", "--filter", "reference=localhost/lab-*").split()
    if names:
        podman("rmi", "--force", *names)
