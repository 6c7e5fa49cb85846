"""When a standby may be restarted with less than its primary had."""

from __future__ import annotations

import pytest
from ansible_collections.django_ec2.site.plugins.module_utils.postgres import restart

CONTROL = {"max_connections setting": "200", "max_wal_senders setting": "10"}


def test_a_standby_waits_until_its_primary_takes_as_little() -> None:
    assert restart.ahead({"max_connections": 100}, CONTROL) == ["max_connections"]
    assert restart.ahead({"max_connections": 200, "max_wal_senders": 10}, CONTROL) == []
    assert restart.ahead({}, CONTROL) == []


def test_a_primary_that_is_not_restarted_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    class Connection:
        def close(self) -> None:
            pass

    monkeypatch.setattr(restart, "connect", lambda _login: Connection())
    monkeypatch.setattr(restart, "in_recovery", lambda _connection: True)
    monkeypatch.setattr(restart, "read_lowered", lambda _connection: {"max_connections": 100})
    monkeypatch.setattr(restart.cluster, "data_directory_of", lambda _version: "/nowhere")
    monkeypatch.setattr(restart.cluster, "control_data", lambda _version, _data: CONTROL)
    with pytest.raises(restart.RestartProblem, match=r"max_connections is to be lower.*Run site.yml for the primary"):
        restart.wait_for_primary(5432, "17", 0)
    # A server that follows nobody waits for nobody.
    monkeypatch.setattr(restart, "in_recovery", lambda _connection: False)
    restart.wait_for_primary(5432, "17", 0)


def test_nothing_is_restarted_before_all_poolers_are_paused(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []

    def refuse(_port: int, run: str, hosts: list[str]) -> None:
        raise restart.PromotionProblem(f"The poolers of {', '.join(hosts)} could not be paused in {run}")

    def unavailable(_login: object) -> None:
        raise restart.ServerUnavailable("not now")

    monkeypatch.setattr(restart, "connect", unavailable)
    monkeypatch.setattr(restart, "serves", lambda *_a: "")
    monkeypatch.setattr(restart.programs, "systemctl", lambda *_a: done.append("restart"))
    monkeypatch.setattr(restart, "until_paused", refuse)
    with pytest.raises(restart.RestartProblem, match="web1, web2 could not be paused in r"):
        restart.restart(5432, "17", 60, "r", ["web1", "web2"])
    assert done == []
    monkeypatch.setattr(restart, "until_paused", lambda *_a: done.append("paused"))
    restart.restart(5432, "17", 60, "r", ["web1"])
    assert done == ["paused", "restart"]
    # A server without poolers waits for nobody.
    restart.restart(5432, "17", 60)
    assert done == ["paused", "restart", "restart"]
