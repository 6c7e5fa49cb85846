"""What all tests share: the project's Python made importable, and helpers to run its modules without a host."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible.plugins.loader import init_plugin_loader

from tests.scenarios import times

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
# Before the first import of the collection: Ansible does not find the filters of one that Python found by itself.
init_plugin_loader([str(ROOT / "collections")])


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The scenarios first: the unit tests then fill the time in which one worker has a last scenario to end."""
    items.sort(key=lambda item: item.get_closest_marker("scenario") is None)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What the scenarios took. Here, and not beside them: with xdist, the process that prints collects no test."""
    runs = {}
    for report in (one for category in terminalreporter.stats.values() for one in category):
        if getattr(report, "when", "") == "call":
            for scenario, seconds, phases in (
                value for name, value in report.user_properties if name == times.PROPERTY
            ):
                runs[scenario] = (seconds, phases)
    if runs:
        terminalreporter.section("seconds of the scenarios, and of Molecule's phases in them")
        for line in times.table(runs):
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


RunModule = Callable[..., dict[str, Any]]


@pytest.fixture
def run_module(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> RunModule:
    """Run a module's ``main()`` in this process and return what it would send back to the controller."""
    # A module may yield to other processes; the tests that come after it here do not.
    monkeypatch.setattr(os, "nice", lambda _more: 0)

    def run(module: ModuleType, *, check_mode: bool = False, **arguments: Any) -> dict[str, Any]:
        capsys.readouterr()
        with patch_module_args({**arguments, "_ansible_check_mode": check_mode}), pytest.raises(SystemExit):
            module.main()
        return json.loads(capsys.readouterr().out.strip().splitlines()[-1])

    return run


@pytest.fixture
def fake_bin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], Path]:
    """Put a shell script before everything else in PATH: ``fake_bin("systemctl", "exit 1")``."""
    directory = tmp_path / "fake-bin"
    directory.mkdir()
    monkeypatch.setenv("PATH", f"{directory}{os.pathsep}{os.environ['PATH']}")

    def place(name: str, script: str) -> Path:
        path = directory / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return path

    return place


@pytest.fixture
def umask() -> Iterator[None]:
    """A strict umask, as an operator may have it: what must be readable has to say so."""
    before = os.umask(0o077)
    yield
    os.umask(before)
