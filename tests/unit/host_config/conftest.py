"""Fixtures of the tests of host_config."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.django_ec2.site.plugins.module_utils.host_config import owed


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    place = tmp_path / "etc"
    place.mkdir()
    return place


@pytest.fixture(autouse=True)
def owed_directory(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What is owed is kept apart from this machine."""
    directory = tmp_path_factory.mktemp("owed") / "owed"
    monkeypatch.setattr(owed, "DIRECTORY", str(directory))
    return directory
