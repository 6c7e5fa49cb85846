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
