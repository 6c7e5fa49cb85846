# SPDX-License-Identifier: MIT
"""Settings of sshd that are tried, confirmed by a new connection, or taken back by the host itself.

The file that a run has placed counts from a reload of sshd. A timer puts the confirmed one back; who comes in anew in time stops it.
Connections that are open stay open through a reload.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path

STATE = Path("/var/lib/base-sshd")
TIMER = "base-sshd-way-back"
# What can keep a client out that got in before: the rest of the file stays, where nothing was confirmed yet.
CLOSING = re.compile(r"^(KexAlgorithms|Ciphers|MACs|HostKeyAlgorithms|PermitRootLogin)\s.*\n?", re.MULTILINE)


class SshdError(Exception):
    """What went wrong, and what to do."""


def kept(path: Path, state: Path = STATE) -> Path:
    """Where the confirmed text of a file is."""
    return state / f"{path.name}.confirmed"


def before(path: Path, state: Path = STATE) -> str:
    """What the host goes back to: the confirmed text, else the file without what can keep a client out; empty for no file."""
    copy = kept(path, state)
    if copy.exists():
        return copy.read_text()
    return CLOSING.sub("", path.read_text()) if path.exists() else ""


def way_back(path: Path, unit: str, text: str) -> str:
    """The shell command that puts a text back, or takes the file away where it is empty."""
    file = shlex.quote(str(path))
    put = f"umask 077; printf %s {shlex.quote(text)} >{file}" if text else f"rm -f {file}"
    return f"{put}; systemctl reload {shlex.quote(unit)}"


def try_settings(path: Path, unit: str, seconds: int, state: Path = STATE) -> None:
    """Have sshd read the file; a timer goes back after as many seconds.

    Raises:
        SshdError: the timer could not be set, or sshd refuses its settings. It follows those that it had.
    """
    state.mkdir(mode=0o700, exist_ok=True)
    _stop_timer()
    # A file, as systemd has its own idea of quotes and signs in words.
    script = state / "way-back"
    script.write_text(way_back(path, unit, before(path, state)) + "\n")
    _demand(
        "systemd-run", f"--unit={TIMER}", f"--on-active={seconds}", "--timer-property=AccuracySec=1s", "sh", str(script)
    )
    try:
        _demand("sshd", "-t")
        _demand("systemctl", "reload", unit)
    except SshdError:
        _run("sh", str(script))
        _stop_timer()
        raise


def confirm_settings(path: Path, state: Path = STATE) -> None:
    """Keep the settings that were tried.

    Raises:
        SshdError: the host has gone back already.
    """
    if _run("systemctl", "is-active", "--quiet", f"{TIMER}.timer").returncode:
        raise SshdError("the time to confirm the settings is over, and the host has gone back to those that it had")
    _stop_timer()
    copy = kept(path, state)
    if not path.exists():
        copy.unlink(missing_ok=True)
        return
    new = copy.with_suffix(".new")
    new.write_text(path.read_text())
    new.chmod(0o600)
    new.replace(copy)


def _stop_timer() -> None:
    _run("systemctl", "stop", f"{TIMER}.timer", f"{TIMER}.service")
    _run("systemctl", "reset-failed", f"{TIMER}.timer", f"{TIMER}.service")


def _run(*argv: str) -> subprocess.CompletedProcess[str]:
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin:/usr/bin:/bin"
    return subprocess.run(argv, capture_output=True, text=True, check=False, env={**os.environ, "PATH": path})


def _demand(*argv: str) -> None:
    done = _run(*argv)
    if done.returncode:
        raise SshdError(f"{' '.join(argv[:2])} failed: {(done.stderr or done.stdout).strip()}")
