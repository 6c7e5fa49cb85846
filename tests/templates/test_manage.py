"""The manage command: what it hands to systemd, and what it notes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from render import render


@pytest.fixture
def manage(tmp_path: Path) -> Any:
    """Run the command as root would; systemd-run and logger are stand-ins that write down their words."""
    root, programs = tmp_path / "srv", tmp_path / "bin"
    for slot in ("blue", "green"):
        (root / "slots" / slot / "release").mkdir(parents=True)
    (root / "live").symlink_to("slots/blue")
    programs.mkdir()
    for name, script in {
        "systemd-run": f'printf "%s\\n" "$@" > {tmp_path}/ran',
        "logger": f'printf "%s\\n" "$@" > {tmp_path}/noted',
        "id": "echo 0",
    }.items():
        (programs / name).write_text(f"#!/bin/sh\n{script}\n")
        (programs / name).chmod(0o755)
    application = {
        "name": "shop",
        "root": str(root),
        "user": "shop",
        "project_directory": ".",
        "writable": ["/m/media", "/m/data"],
    }
    script = tmp_path / "shop-manage"
    script.write_text(render("django", "manage.j2", application=application))

    def run(*words: str) -> tuple[list[str], str]:
        env = {"PATH": f"{programs}:/usr/bin:/bin", "SUDO_USER": "ada"}
        for name in ("ran", "noted"):
            (tmp_path / name).unlink(missing_ok=True)
        subprocess.run(["sh", str(script), *words], env=env, check=True, stdin=subprocess.DEVNULL)
        noted = tmp_path / "noted"
        return (tmp_path / "ran").read_text().splitlines(), noted.read_text() if noted.exists() else ""

    return run


def test_words_reach_the_command_as_they_are(manage: Any) -> None:
    ran, _noted = manage("shell", "--command", "print('$HOME', 5)", "a  b")
    # systemd reads the doubled sign as one.
    assert ran[-4:] == ["shell", "--command", "print('$$HOME', 5)", "a  b"]
    assert ran[-5] == "manage.py"


def test_media_and_data_may_be_written_and_nothing_else(manage: Any) -> None:
    ran, _noted = manage("check")
    assert "--property=ReadWritePaths=-/m/media -/m/data" in ran
    ran, _noted = manage("--slot", "green", "--release", "collectstatic")
    (writable,) = [word for word in ran if "ReadWritePaths" in word]
    # Not the uploads: visitors get them.
    assert writable.endswith("/slots/green/release -/m/data")


@pytest.mark.parametrize(
    ("words", "noted"),
    [
        (("check", "--deploy"), "ada ran: check --deploy"),
        (("--who", "eve@desk", "--owner", "migrate"), "eve@desk ran: migrate"),
        (("--slot", "green", "loaddata", "first"), ""),
        (("--code", "print(1)"), ""),
        (("--script", "release_gate.py", "prepare"), ""),
    ],
)
def test_the_journal_says_what_an_operator_ran(manage: Any, words: tuple[str, ...], noted: str) -> None:
    _ran, said = manage(*words)
    assert said == (f"--tag\nshop-manage\n--\n{noted}\n" if noted else "")
