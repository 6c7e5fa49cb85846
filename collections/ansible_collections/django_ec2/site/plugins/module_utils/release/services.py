# SPDX-License-Identifier: MIT
"""Units of an application on a host: its server and its services, started, watched and ended by systemctl."""

from __future__ import annotations

import time
from typing import Any

# systemd would read all units again each time, which takes half as long as the start of an application. Once at the end will do:
# what is enabled matters at the next boot.
ENABLE = ("enable", "--quiet", "--no-reload")
DISABLE = ("disable", "--quiet", "--no-reload")
# A service that cannot run ends within this time, as a rule.
SERVICE_SECONDS = 1.5
LOG_ENTRIES, LOG_LINES = "40", 40
# What systemd says of a unit that it starts again and again: the reason is in the lines before.
ROUTINE = ("Scheduled restart job", "Starting ", "Started ", "Stopping ", "Stopped ", "Failed to start ")


class Unhealthy(Exception):
    """Something new does not run as it should; the second argument is the unit whose journal tells why."""


class Units:
    """Calls to systemd; ``module`` is the AnsibleModule that runs."""

    def __init__(self, module: Any) -> None:
        self.module = module

    def systemctl(self, *words: str, check: bool = True) -> None:
        """Run systemctl.

        Raises:
            Unhealthy: it failed, and ``check`` is true.
        """
        code, out, err = self.module.run_command(["systemctl", *words])
        if check and code != 0:
            raise Unhealthy(f"systemctl {' '.join(words)}: {(err or out).strip()}")

    def start_services(self, units: list[str]) -> None:
        """Start services and see that they go on running.

        Raises:
            Unhealthy: one of them does not.
        """
        if not units:
            return
        self.systemctl("reset-failed", *units, check=False)
        self.systemctl(*ENABLE, *units)
        self.systemctl("start", *units)
        time.sleep(SERVICE_SECONDS)
        _code, out, _err = self.module.run_command(["systemctl", "is-active", *units])
        for unit, state in zip(units, out.split(), strict=False):
            if state != "active":
                raise Unhealthy(f"its service {unit} does not run ({state})", unit)

    def end_services(self, units: list[str], wait: bool) -> None:
        """Tell services to finish what they do; each has its own TimeoutStopSec for it."""
        if units:
            self.module.run_command(["systemctl", *DISABLE, *units])
            self.module.run_command(["systemctl", "stop", *([] if wait else ["--no-block"]), *units])

    def loaded(self, patterns: list[str]) -> list[str]:
        """The units that run, start or end, of those that fit a pattern."""
        words = ["systemctl", "list-units", "--plain", "--no-legend", "--full"]
        states = ["--state=active,activating,reloading,deactivating"]
        _code, out, _err = self.module.run_command([*words, *states, *patterns])
        return [line.split()[0] for line in out.splitlines() if line.split()]

    def failed(self, unit: str) -> bool:
        """Whether systemd saw the unit's process end, for good or again and again."""
        _code, out, _err = self.module.run_command(["systemctl", "show", "--property", "ActiveState,NRestarts", unit])
        state = dict(line.split("=", 1) for line in out.split())
        return state.get("ActiveState") == "failed" or int(state.get("NRestarts") or 0) > 2

    def journal(self, unit: str) -> str:
        """The end of a unit's log; what a process said just before it ended may still be on its way into the journal."""
        self.module.run_command(["journalctl", "--sync"])
        _code, out, _err = self.module.run_command(
            ["journalctl", "--unit", unit, "--lines", LOG_ENTRIES, "--no-pager", "--output", "cat"]
        )
        return last_words(out, unit)


def last_words(log: str, unit: str) -> str:
    """The end of a log: the last lines, up to the last one that says more than that systemd tries again.

    Args:
        log: entries of the journal; one may have a hundred lines.
        unit: whose they are.
    """
    lines = log.strip().splitlines()
    while len(lines) > 1 and lines[-1].removeprefix(f"{unit}: ").startswith(ROUTINE):
        lines.pop()
    return "\n".join(lines[-LOG_LINES:])
