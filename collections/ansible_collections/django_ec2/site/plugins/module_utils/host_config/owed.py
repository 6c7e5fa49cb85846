# SPDX-License-Identifier: MIT
"""What changed files call for and nobody has done yet: reloads, restarts.

Written to the host's disk before the first file is placed, and taken away by whoever did it. So a run that is cut in between,
or that fails, leaves the next one to do it. Knows where that is kept, not how a service is reloaded.
"""

from __future__ import annotations

import contextlib
import json
import os

from ansible_collections.django_ec2.site.plugins.module_utils.host_config.errors import HostConfigError

DIRECTORY = "/var/lib/host_config/owed"
# systemd itself has to read its units again, whoever placed them.
SYSTEMD = "systemd"
DAEMON_RELOAD = "daemon-reload"


def read(name: str | None) -> list[str]:
    """What is owed under a name; empty without one. A record that was cut short owes what every change may call for."""
    if not name:
        return []
    try:
        with open(_path(name), encoding="utf-8") as stream:
            return [str(word) for word in json.load(stream)]
    except FileNotFoundError:
        return []
    except ValueError:
        return ["reload", "restart"]


def names() -> set[str]:
    """Everything under which something is owed."""
    listed = os.listdir(DIRECTORY) if os.path.isdir(DIRECTORY) else []
    return {name.removesuffix(".json") for name in listed if name.endswith(".json")}


def write(name: str, words: list[str]) -> None:
    """Owe exactly this under a name; it is on disk when this returns.

    Raises:
        HostConfigError: it can't be kept, so nothing may be placed.
    """
    path = _path(name)
    try:
        if not words:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
            return
        os.makedirs(DIRECTORY, mode=0o700, exist_ok=True)
        partial = f"{path}.{os.getpid()}"
        with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as stream:
            json.dump(sorted(words), stream)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(partial, path)
        directory = os.open(DIRECTORY, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
    except OSError as error:
        raise HostConfigError(
            f"{path}: {error.strerror}. Nothing was placed: what it calls for could not be noted first."
        ) from error


def add(name: str | None, words: list[str]) -> None:
    """Owe this as well."""
    if name and not set(words) <= set(read(name)):
        write(name, sorted({*read(name), *words}))


def _path(name: str) -> str:
    return os.path.join(DIRECTORY, f"{name}.json")
