"""Which sites the lab says it serves."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lab import sites

FOUND = {"domains": {"board": "board.localhost"}, "admins": {"board": "admin"}}


@pytest.fixture
def lab(tmp_path: Path) -> Any:
    """A lab whose inventory has a link to group_vars, as those of the repository have."""
    (tmp_path / "group_vars").mkdir()
    (tmp_path / "group_vars/applications.yml").write_text("applications: {}\n")
    (tmp_path / "inventory").mkdir()
    (tmp_path / "inventory/hosts.yml").write_text("web:\n")
    (tmp_path / "inventory/group_vars").symlink_to("../group_vars")
    (tmp_path / "lab").mkdir()
    return SimpleNamespace(inventory=tmp_path / "inventory", directory=tmp_path / "lab")


@pytest.mark.parametrize(
    ("changed", "times"),
    [("", 1), ("inventory/hosts.yml", 2), ("group_vars/applications.yml", 2)],
)
def test_they_are_written_where_they_are_missing_or_something_is_newer(lab: Any, changed: str, times: int) -> None:
    written = []

    def write() -> None:
        written.append(1)
        (lab.directory / "sites.json").write_text(json.dumps(FOUND))

    assert sites.read(lab, write) == FOUND
    if changed:
        later = (lab.directory / "sites.json").stat().st_mtime + 10
        os.utime(lab.inventory.parent / changed, (later, later))
    assert sites.read(lab, write) == FOUND
    assert len(written) == times


def test_a_site_is_served_where_a_host_takes_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setattr(sites, "HTTPS", server.getsockname()[1])
        assert sites.served(["127.0.0.2", "127.0.0.1"])
    assert not sites.served(["127.0.0.1"])
    assert not sites.served([])
