"""Which AWS the programs of the lab speak to."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from lab.core.settings import Settings, from_environment
from lab.kinds.aws import control, rehearsal


def of(inventory: str) -> Settings:
    """The settings of a lab with one of the repository's inventories."""
    return from_environment({"LAB": inventory})


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the lab `unit` would keep its endpoint's files."""
    monkeypatch.setattr(control, "directory", lambda _settings: tmp_path)
    monkeypatch.setenv("AWS_PROFILE", "production")
    return tmp_path


def test_an_inventory_of_instances_is_a_rehearsal() -> None:
    assert rehearsal.is_one(of("lab-aws"))
    assert not rehearsal.is_one(of("lab"))


def test_programs_of_a_rehearsal_know_no_account_of_the_operator(home: Path) -> None:
    (home / "endpoint.json").write_text(json.dumps({"port": 5555}))
    with pytest.MonkeyPatch.context() as kept:
        kept.setattr(os, "environ", dict(os.environ))
        rehearsal.use(of("lab-aws"))
        assert os.environ["AWS_ENDPOINT_URL"] == "http://127.0.0.1:5555"
        assert "AWS_PROFILE" not in os.environ


def test_other_labs_leave_the_operators_account_alone(home: Path) -> None:
    (home / "endpoint.json").write_text(json.dumps({"port": 5555}))
    rehearsal.use(of("lab"))
    assert os.environ["AWS_PROFILE"] == "production"
    assert "AWS_ENDPOINT_URL" not in os.environ
