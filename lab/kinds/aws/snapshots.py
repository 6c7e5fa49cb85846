# SPDX-License-Identifier: MIT
"""The loop that makes an image of Podman of each image (AMI) that was made of an instance, so that hosts start from its content."""

from __future__ import annotations

import contextlib
import threading

from lab.core.model import container_name
from lab.core.podman import Podman
from lab.core.settings import LabError, Settings
from lab.kinds.aws.endpoint.account import Account

COMMIT_SECONDS = 900
SECONDS = 1.0


def image_name(settings: Settings, image: str) -> str:
    """The name that an AMI has in Podman."""
    return f"localhost/lab-ami-{settings.name}:{image}"


def remove(settings: Settings, podman: Podman, keep: frozenset[str] = frozenset()) -> None:
    """Remove the lab's images, but for some; one that a host still stands on stays for now."""
    words = ["--filter", f"reference=localhost/lab-ami-{settings.name}", "--format", "{{.Repository}}:{{.Tag}}"]
    for name in podman("images", *words).split():
        if name.rpartition(":")[2] not in keep:
            with contextlib.suppress(LabError):
                podman("rmi", name)


class Snapshots:
    """The images behind the account's."""

    def __init__(self, settings: Settings, account: Account, lock: threading.RLock, changed: threading.Event) -> None:
        """Prepare; see `lab.kinds.aws.hosts.Hosts`."""
        self.settings, self.account, self.lock, self.changed = settings, account, lock, changed
        self.podman = Podman(settings)
        self._there: frozenset[str] = frozenset()

    def run_once(self) -> None:
        """Make what is pending, remove what was deregistered."""
        with self.lock:
            images = self.account.images()
        for image, instance, state in images:
            if state == "pending":
                self._make(image, instance)
        there = frozenset(image for image, _instance, _state in images)
        if self._there - there:
            remove(self.settings, self.podman, there)
        self._there = there

    def _make(self, image: str, instance: str) -> None:
        print(f"{image}: commit {instance}", flush=True)
        state = "available"
        try:
            container, name = container_name(self.settings, instance), image_name(self.settings, image)
            # Held for the moment, as a snapshot is that of one moment.
            self.podman("commit", "--quiet", "--pause", container, name, timeout=COMMIT_SECONDS)
        except LabError as error:
            print(f"{image}: {error}", flush=True)
            state = "failed"
        with self.lock:
            self.account.set_image_state(image, state)
        self.changed.set()
