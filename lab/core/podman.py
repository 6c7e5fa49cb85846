# SPDX-License-Identifier: MIT
"""Calls to Podman with the settings that let a container boot systemd on every kernel we know."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lab.core.settings import PROJECT, LabError, Settings

# runc and cgroupfs: crun refuses hybrid cgroups, and no systemd is asked for a scope where PID 1 is none.
# The limits: without CAP_SYS_RESOURCE Podman's own defaults cannot be set.
CONTAINERS_CONF = """\
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
[network]
network_backend = "netavark"
[containers]
default_ulimits = ["nofile=16384:16384", "nproc=10000:10000"]
"""


def run(
    command: Sequence[str], *, what: str, timeout: float = 120, check: bool = True, stdin: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command without a shell.

    Args:
        command: the words of the command.
        what: what it means when it fails, for the operator.
        timeout: seconds after which it is ended.
        check: whether a failure is an error.
        stdin: text for its standard input.

    Raises:
        LabError: it failed, was not there, or took too long.
    """
    try:
        done = subprocess.run(
            list(command),
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
        )
    except FileNotFoundError as error:
        raise LabError(
            f"{what}: {command[0]} is not installed; run 'make venv' (it installs what is missing)."
        ) from error
    except subprocess.TimeoutExpired as error:
        raise LabError(f"{what}: no answer within {timeout:.0f} seconds. Try the same command again.") from error
    if check and done.returncode != 0:
        lines = [line for line in (done.stderr or done.stdout).strip().splitlines() if "level=warning" not in line]
        raise LabError(f"{what}: {' | '.join(lines[-3:]) or 'exit code ' + str(done.returncode)}")
    return done


class Podman:
    """Podman for one lab."""

    def __init__(self, settings: Settings) -> None:
        conf = PROJECT / ".lab" / "containers.conf"
        conf.parent.mkdir(mode=0o700, exist_ok=True)
        if not conf.exists() or conf.read_text() != CONTAINERS_CONF:
            conf.write_text(CONTAINERS_CONF)
        self._prefix = [*settings.as_root, "env", f"CONTAINERS_CONF={conf}", "podman"]

    def __call__(self, *words: str, timeout: float = 120, stdin: str | None = None) -> str:
        """Run ``podman WORDS`` and return what it printed."""
        what = f"podman {' '.join(words[:2])} failed"
        return run([*self._prefix, *words], what=what, timeout=timeout, stdin=stdin).stdout.strip()

    def succeeds(self, *words: str, timeout: float = 120) -> bool:
        """Whether ``podman WORDS`` ends with exit code 0."""
        return run([*self._prefix, *words], what="podman failed", timeout=timeout, check=False).returncode == 0

    def script(
        self, container: str, script: str, *words: str, timeout: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """Run a shell script in a container; whether it failed is for the caller to judge."""
        command = [*self._prefix, "exec", container, "sh", "-c", script, "sh", *words]
        return run(command, what=f"podman exec {container} failed", timeout=timeout, check=False)

    def containers(self, *filters: str) -> list[dict[str, Any]]:
        """The containers that match the filters, whatever their state."""
        words = [word for one in filters for word in ("--filter", one)]
        return json.loads(self("ps", "--all", "--format", "json", *words) or "[]") or []

    def networks(self, *filters: str) -> list[dict[str, Any]]:
        """The networks that match the filters."""
        words = [word for one in filters for word in ("--filter", one)]
        return json.loads(self("network", "ls", "--format", "json", *words) or "[]") or []


def project_label() -> str:
    """Label that ties containers and networks to this checkout."""
    return f"lab.project={Path(PROJECT)}"
