# SPDX-License-Identifier: MIT
"""Settings of sshd that are tried, confirmed by a new connection, or taken back by the host itself.

The file that a run has placed counts from a reload of sshd. A timer puts the confirmed one back, or a boot before sshd reads the file; who
comes in anew in time stops it.
Connections that are open stay open through a reload.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from ansible_collections.django_ec2.site.plugins.module_utils.way_back import (
    WayBack,
    WayBackError,
    demand,
    write_durably,
)

STATE = Path("/var/lib/base-sshd")
# What can keep a client out that got in before: the rest of the file stays, where nothing was confirmed yet.
CLOSING = re.compile(r"^(KexAlgorithms|Ciphers|MACs|HostKeyAlgorithms|PermitRootLogin)\s.*\n?", re.MULTILINE)


def of(unit: str, state: Path = STATE) -> WayBack:
    """The way back of a unit of sshd."""
    return WayBack(state / "base-sshd-way-back", before=unit)


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
    # At boot it is not active yet, and reads the file when it starts. A job of sshd waits for the unit of the way back, which
    # must not wait for that job in turn.
    return f"{put}; systemctl is-active --quiet {shlex.quote(unit)} && systemctl --no-block reload {shlex.quote(unit)}"


def try_settings(path: Path, unit: str, seconds: int, state: Path = STATE) -> None:
    """Have sshd read the file; a timer goes back after as many seconds.

    Raises:
        WayBackError: the timer could not be set, or sshd refuses its settings. It follows those that it had.
    """
    state.mkdir(mode=0o700, exist_ok=True)
    back = of(unit, state)
    back.set(seconds, way_back(path, unit, before(path, state)))
    try:
        demand("sshd", "-t")
        demand("systemctl", "reload", unit)
    except WayBackError:
        back.go()
        raise


def confirm_settings(path: Path, unit: str, state: Path = STATE) -> None:
    """Keep the settings that were tried.

    Raises:
        WayBackError: the host has gone back already.
    """
    back = of(unit, state)
    if not (back.due() and back.call_off()):
        raise WayBackError("the time to confirm the settings is over, and the host has gone back to those that it had")
    copy = kept(path, state)
    if path.exists():
        write_durably(copy, path.read_text())
    else:
        copy.unlink(missing_ok=True)
