"""A server that does not answer, looked at in check mode: one that was made before is not taken for an empty one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.django_ec2.site.plugins.module_utils.postgres import apply
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.login import ServerUnavailable


@pytest.fixture
def look(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Look at a server that is down, on a host with these clusters."""

    def down(_self: Any) -> None:
        raise ServerUnavailable("connection refused")

    monkeypatch.setattr(apply.Databases, "run", down)
    monkeypatch.setattr(apply.Databases, "plan_all", lambda self: self.changes.append("database shop: create"))
    monkeypatch.setattr(apply, "CLUSTERS", str(tmp_path / "*" / "postgresql.conf"))

    def look(cluster: bool, **login: Any) -> dict[str, Any]:
        if cluster:
            (tmp_path / "main").mkdir()
            (tmp_path / "main" / "postgresql.conf").touch()
        given = {"databases": [], "login": {"port": 5432, **login}, "authentication": "password", "retire": False}
        return apply.apply_databases({**given, "connections": None}, apply=False)

    return look


def test_on_a_new_host_everything_is_to_be_made(look: Any) -> None:
    said = look(cluster=False)
    assert said["changes"] == ["database shop: create"]
    assert "unknown" not in said


def test_of_a_cluster_that_is_down_nothing_is_claimed(look: Any) -> None:
    said = look(cluster=True)
    assert said["available"] is False
    assert said["changes"] == []
    assert "does not answer (connection refused)" in said["unknown"]


def test_a_server_elsewhere_has_nothing_to_do_with_a_cluster_here(look: Any) -> None:
    assert "unknown" not in look(cluster=True, host="rds.example.org")
