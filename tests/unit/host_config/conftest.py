"""Fixtures of the tests of host_config."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    place = tmp_path / "etc"
    place.mkdir()
    return place
