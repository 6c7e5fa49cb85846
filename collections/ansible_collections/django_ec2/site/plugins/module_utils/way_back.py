# SPDX-License-Identifier: MIT
"""What a host does by itself, unless somebody calls it off in time: the way back from a change that could lock out who made it."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

UNITS = Path("/etc/systemd/system")


class WayBackError(Exception):
    """What went wrong, and what the program said."""


class WayBack:
    """A script that a timer of systemd runs, and the next boot where the timer did not live to do it.

    Args:
        script: where it lies while it is due; it takes itself away at its end. The name of the file is that of the timer.
        before: a unit that a boot starts only after the script; empty where a boot needs no way back.
        units: the directory of systemd's units.
    """

    def __init__(self, script: Path, before: str = "", units: Path = UNITS) -> None:
        self.script, self.before, self.unit = script, before, units / f"{script.name}.service"

    @property
    def name(self) -> str:
        """Of the timer, and of the service."""
        return self.script.name

    def set(self, seconds: int, commands: str) -> None:
        """Have the shell's commands run after as many seconds.

        Raises:
            WayBackError: there would be no way back, so nothing may be tried.
        """
        self.call_off()
        self._write_unit()
        write_durably(self.script, f"{commands}\nrm -f {shlex.quote(str(self.script))}\n")
        # No command of its own: the timer is for the unit that there is.
        demand("systemd-run", f"--unit={self.unit.name}", f"--on-active={seconds}", "--timer-property=AccuracySec=1s")

    def due(self) -> bool:
        """Whether the host will go back by itself, and has not begun to."""
        return self.script.exists() and run("systemctl", "is-active", "--quiet", f"{self.name}.timer").returncode == 0

    def go(self) -> None:
        """Go back now."""
        run("sh", str(self.script))
        self.call_off()

    def call_off(self) -> bool:
        """Stop the timer. Answers whether that was in time, which it is not where the script has run; one that runs is waited for."""
        run("systemctl", "stop", f"{self.name}.timer")
        state = run("systemctl", "show", "--property=ActiveState", "--value", self.unit.name).stdout.strip()
        if state == "activating":
            # Joins the start that is under way, and does nothing where the script has come to its end meanwhile.
            run("systemctl", "start", self.unit.name)
        run("systemctl", "reset-failed", f"{self.name}.timer", self.unit.name)
        in_time = self.script.exists()
        self.script.unlink(missing_ok=True)
        return in_time

    def _write_unit(self) -> None:
        lines = ["[Unit]", f"Description=Way back of {self.name}", f"ConditionPathExists={self.script}"]
        if self.before:
            lines += [f"Before={self.before}", "RequiresMountsFor=/var/lib"]
        lines += ["", "[Service]", "Type=oneshot", f"ExecStart=/bin/sh {self.script}"]
        if self.before:
            lines += ["", "[Install]", "WantedBy=multi-user.target"]
        text = "\n".join(lines) + "\n"
        if not self.unit.exists() or self.unit.read_text() != text:
            write_durably(self.unit, text, 0o644)
            demand("systemctl", "daemon-reload")
        if self.before:
            demand("systemctl", "--quiet", "enable", self.unit.name)


def write_durably(path: Path, text: str, mode: int = 0o600) -> None:
    """Write a file whole or not at all, and on the disk before anything depends on it."""
    new = path.with_name(f".{path.name}.new")
    with new.open("w") as stream:
        os.fchmod(stream.fileno(), mode)
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    new.replace(path)


def run(*argv: str, given: str = "") -> subprocess.CompletedProcess[str]:
    """A program, found where those of the administrator are, too."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin:/usr/bin:/bin"
    return subprocess.run(
        argv, input=given, capture_output=True, text=True, check=False, env={**os.environ, "PATH": path}
    )


def demand(*argv: str, given: str = "") -> None:
    """A program that has to work.

    Raises:
        WayBackError: it did not, with what it said.
    """
    done = run(*argv, given=given)
    if done.returncode:
        raise WayBackError(f"{' '.join(argv[:3])} failed: {(done.stderr or done.stdout).strip()}")
