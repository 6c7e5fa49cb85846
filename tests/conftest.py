"""What all tests share: the project's Python made importable, and helpers to run its modules without a host."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import ansible.module_utils
import pytest
from ansible.module_utils.testing import patch_module_args

ROOT = Path(__file__).resolve().parent.parent
PLUGINS = ROOT / "plugins"

# Ansible ships plugins/module_utils to the host as ansible.module_utils.<name>; the tests find it under the same name.
ansible.module_utils.__path__.append(str(PLUGINS / "module_utils"))
sys.path.insert(0, str(ROOT))


def _load(path: Path) -> ModuleType:
    name = f"project_{path.parent.name}_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def plugin() -> Callable[[str], ModuleType]:
    """Load a plugin by its path below plugins/, once: ``plugin("filter/applications.py")``."""
    loaded: dict[str, ModuleType] = {}

    def load(name: str) -> ModuleType:
        if name not in loaded:
            loaded[name] = _load(PLUGINS / name)
        return loaded[name]

    return load


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
