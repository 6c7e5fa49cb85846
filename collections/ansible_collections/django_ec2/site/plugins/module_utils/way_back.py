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
        self.script, self.before = script, before
        self.unit, self.timer = (units / f"{script.name}.{kind}" for kind in ("service", "timer"))

    @property
    def name(self) -> str:
        """Of the timer, and of the service."""
        return self.script.name

    def set(self, seconds: int, commands: str) -> None:
        """Have the shell's commands run after as many seconds, in the place of what was set before.

        There is a way back all the while: what an earlier run tried and did not confirm goes back also when this one is killed in here.

        Raises:
            WayBackError: there would be no way back, so nothing may be tried.
        """
        script = f"{commands}\nrm -f {shlex.quote(str(self.script))}\n"
        write_durably(self.script, script)
        self._write_units(seconds)
        # One command: there is no moment without a timer.
        demand("systemctl", "restart", f"{self.name}.timer")
        self._wait()
        if not self.script.exists():
            # The earlier one has run meanwhile, and took the new script along.
            write_durably(self.script, script)

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
        self._wait()
        run("systemctl", "reset-failed", f"{self.name}.timer", self.unit.name)
        in_time = self.script.exists()
        self.script.unlink(missing_ok=True)
        return in_time

    def _wait(self) -> None:
        """Wait for the script, where it runs."""
        state = run("systemctl", "show", "--property=ActiveState", "--value", self.unit.name).stdout.strip()
        if state == "activating":
            # Joins the start that is under way, and does nothing where the script has come to its end meanwhile.
            run("systemctl", "start", self.unit.name)

    def _write_units(self, seconds: int) -> None:
        service = ["[Unit]", f"Description=Way back of {self.name}", f"ConditionPathExists={self.script}"]
        if self.before:
            service += [f"Before={self.before}", "RequiresMountsFor=/var/lib"]
        service += ["", "[Service]", "Type=oneshot", f"ExecStart=/bin/sh {self.script}"]
        if self.before:
            service += ["", "[Install]", "WantedBy=multi-user.target"]
        # Started by `set` alone, never by a boot.
        timer = [
            "[Unit]",
            f"Description=Way back of {self.name}",
            "",
            "[Timer]",
            f"OnActiveSec={seconds}",
            "AccuracySec=1s",
        ]
        texts = {self.unit: "\n".join(service) + "\n", self.timer: "\n".join(timer) + "\n"}
        others = [unit for unit, text in texts.items() if not unit.exists() or unit.read_text() != text]
        for unit in others:
            write_durably(unit, texts[unit], 0o644)
        if others:
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
