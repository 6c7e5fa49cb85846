"""The module release_unpack: a complete release, or none."""

from __future__ import annotations

import fcntl
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.django_ec2.site.plugins.modules import release_unpack as module_release_unpack

from tests.conftest import RunModule

RELEASE = "4be1d2c3a4f5"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The directory of an application without a release."""
    (tmp_path / "shop" / "releases").mkdir(parents=True)
    return tmp_path / "shop"


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A release's archive, with a file that is no valid Python as packages carry them."""
    source = tmp_path / "source"
    (source / "app").mkdir(parents=True)
    (source / "app" / "manage.py").write_text("print('hello')\n")
    (source / "app" / "template.py").write_text("{{ no python }} at all\n")
    (source / "venv" / "lib").mkdir(parents=True)
    with tarfile.open(tmp_path / "release.tar.gz", "w:gz") as tar:
        for name in ("app", "venv"):
            tar.add(source / name, name)
    return tmp_path / "release.tar.gz"


@pytest.fixture
def unpack(run_module: RunModule, root: Path, archive: Path) -> Callable[..., dict]:
    def run(**given: Any) -> dict[str, Any]:
        options = {
            "archive": str(archive), "root": str(root), "release": RELEASE, "group": "root", "python": sys.executable, **given,
        }  # fmt: skip
        return run_module(module_release_unpack, **options)

    return run


def test_a_release_is_unpacked_with_environment_and_bytecode(unpack: Callable[..., dict], root: Path) -> None:
    assert unpack()["changed"] is True
    place = root / "releases" / RELEASE
    assert (place / ".complete").exists()
    assert (place / "venv/bin/python").exists()
    assert not list((place / "venv/bin").glob("pip*"))
    assert list((place / "app/__pycache__").glob("manage.*.pyc"))
    assert place.stat().st_mode & 0o777 == 0o750
    assert unpack()["changed"] is False


def test_what_an_interrupted_run_left_is_begun_anew(unpack: Callable[..., dict], root: Path) -> None:
    left = root / "releases" / RELEASE / "app" / "left.py"
    left.parent.mkdir(parents=True)
    left.touch()
    assert unpack()["changed"] is True
    assert not left.exists()


def test_check_mode_says_what_it_would_do(unpack: Callable[..., dict], root: Path) -> None:
    assert unpack(check_mode=True)["changed"] is True
    assert list((root / "releases").iterdir()) == []


def test_an_archive_that_is_cut_short_leaves_nothing(unpack: Callable[..., dict], root: Path, archive: Path) -> None:
    archive.write_bytes(archive.read_bytes()[:100])
    said = unpack()
    assert "Unpacking the archive failed" in said["msg"]
    assert list((root / "releases").iterdir()) == []


def test_another_run_is_waited_for(unpack: Callable[..., dict], root: Path) -> None:
    with (root / "unpack.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        said = unpack(wait=1)
    assert "another run has been unpacking here for more than 1 seconds" in said["msg"]
    assert unpack()["changed"] is True
