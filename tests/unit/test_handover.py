"""A promotion as a web host's poolers see it: paused, led to the new primary and resumed, or left where they were."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.django_ec2.site.plugins.module_utils.pgbouncer import control, handover, plan

TARGET = """; Managed
server_tls_ca_file = /etc/ssl/database/ca.pem
[databases]
shop = host=10.0.0.5 port=5432 dbname='shop' user='shop_b' password='it''s' pool_size=4
"blog" = host=10.0.0.5 port=5432 dbname='blog' user='blog' password='x' pool_size=4
"""


class Primary:
    """What the connections of web1 and web2 call themselves; the primary ends when both are paused."""

    def __init__(self, others: list[str], ends: bool = True) -> None:
        self.names, self.own, self.ends = others, "", ends
        self.autocommit = False

    def cursor(self) -> Primary:
        return self

    def __enter__(self) -> Primary:
        return self

    def __exit__(self, *_error: object) -> None:
        pass

    def execute(self, statement: str, values: list[str] | None = None) -> None:
        if values:
            self.own = values[0]
        elif self.ends and ":paused:" in self.own and any(":paused:" in name for name in self.names):
            raise handover.psycopg2.OperationalError("terminating connection")

    def fetchall(self) -> list[tuple[str]]:
        return [(name,) for name in [self.own, *self.names]]

    def close(self) -> None:
        pass


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    found: list[str] = []
    (tmp_path / "one").mkdir()
    for file in ("target.ini", "target.ini.next"):
        (tmp_path / "one" / file).write_text(TARGET)
    monkeypatch.setattr(control, "CONFIGURATION", tmp_path)
    monkeypatch.setattr(handover, "POLL", 0)
    monkeypatch.setattr(handover.time, "sleep", lambda _seconds: None)
    for step, answer in {
        "pause": {"paused": True, "token": "t", "busy": ""},
        "switch": {"expired": False},
        "resume": {},
        "forget": None,
    }.items():
        monkeypatch.setattr(control, step, lambda *_a, step=step, answer=answer: (found.append(step), answer)[1])
    return found


def part(monkeypatch: pytest.MonkeyPatch, primary: Primary, new: bool = True) -> Any:
    monkeypatch.setattr(handover, "connect", lambda _login: primary)
    monkeypatch.setattr(handover, "login", lambda _name, file: {"file": file})
    monkeypatch.setattr(handover, "writes", lambda login: (login["file"] == "target.ini.next") is new)
    return handover.Handover("r", "web1", ["web1", "web2"], ["one"], 5).take_part()


def test_clients_wait_until_the_standby_takes_writes(done: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert part(monkeypatch, Primary(["promote:r:paused:web2"]))["switched"]
    assert done == ["pause", "switch", "resume", "forget"]


def test_they_go_on_where_they_were_when_the_primary_does(done: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert not part(monkeypatch, Primary(["promote:r:paused:web2"]), new=False)["switched"]
    assert done == ["pause", "resume"]


def test_a_restart_leads_nobody_elsewhere(done: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(handover, "connect", lambda _login: Primary(["promote:r:paused:web2"]))
    monkeypatch.setattr(handover, "login", lambda _name, file: {"file": file})
    monkeypatch.setattr(handover, "writes", lambda login: asked.append(login["file"]) or len(asked) > 2)
    found = handover.Handover("r", "web1", ["web1", "web2"], ["one"], 5, leads=False).take_part()
    assert not found["switched"]
    assert set(asked) == {"target.ini"}
    assert done == ["pause", "resume"]


def test_one_that_could_not_be_paused_keeps_all_where_they_were(
    done: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(handover.HandoverProblem, match="web2 could not be paused"):
        part(monkeypatch, Primary(["promote:r:failed:web2"]))
    assert done == ["pause", "resume"]
    monkeypatch.setattr(control, "pause", lambda *_a: {"paused": False, "token": "", "busy": "shop (1 in use)"})
    primary = Primary(["promote:r:here:web2"])
    with pytest.raises(handover.HandoverProblem, match="1 in use"):
        part(monkeypatch, primary)
    assert primary.own == "promote:r:failed:web1"


def test_nobody_is_paused_before_all_are_there(done: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handover, "ARRIVAL_SECONDS", 0)
    with pytest.raises(handover.HandoverProblem, match="web2 did not come"):
        part(monkeypatch, Primary([]))
    assert done == []


def test_a_target_says_its_authority_and_loses_databases() -> None:
    assert plan.authority(TARGET) == "/etc/ssl/database/ca.pem"
    assert plan.authority("[databases]\n") == ""
    left = plan.without(TARGET, ["blog"])
    assert list(plan.parse_databases(left)) == ["shop"]
    assert plan.without(left, ["blog"]) == left
    rules = "local pgbouncer root peer\nlocal shop shop peer\nlocal blog shop peer\nlocal blog other peer\n"
    assert plan.of_account(rules, "shop") == ["shop"]


def test_an_application_that_goes_leaves_its_pooler(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fake_bin: Any
) -> None:
    asked: list[str] = []
    place = tmp_path / "one"
    place.mkdir()
    for file in ("target.ini", "target.ini.previous"):
        (place / file).write_text(TARGET)
    (place / "pgbouncer.ini").touch()
    (place / "hba.conf").write_text("local pgbouncer root peer\nlocal shop shop peer\nlocal blog blog peer\n")
    (place / "users.txt").write_text('"root" ""\n"blog" ""\n"shop" ""\n')
    fake_bin("systemctl", f'echo "$*" >> {tmp_path}/asked')
    monkeypatch.setattr(control, "CONFIGURATION", tmp_path)
    monkeypatch.setattr(control, "SOCKETS", tmp_path / "run")
    monkeypatch.setattr(control, "_reload", lambda name, **_more: asked.append(name))
    monkeypatch.setattr(control.shutil, "chown", lambda *_a: None)
    assert control.drop_account("shopping") == []
    assert control.drop_account("shop") == ["shop of the pooler one"]
    assert "shop" not in "".join(path.read_text() for path in place.iterdir())
    assert "blog" in (place / "users.txt").read_text() and "blog" in (place / "hba.conf").read_text()
    assert asked and control.drop_account("shop") == []
    # The last one takes the pooler with it.
    assert control.drop_account("blog") == ["blog of the pooler one"]
    assert not place.exists()
    assert "disable --now pgbouncer@one.socket" in (tmp_path / "asked").read_text()


def test_the_login_is_that_of_the_first_database(done: list[str]) -> None:
    assert handover.login("one", "target.ini.next") == {
        "host": "10.0.0.5",
        "port": 5432,
        "database": "shop",
        "user": "shop_b",
        "password": "it's",
        "ca_file": "/etc/ssl/database/ca.pem",
        "options": {"connect_timeout": 2},
    }


def test_a_primary_that_dies_without_a_word_is_noticed_before_the_pause_ends(
    done: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, Any] = {}
    # Whatever holds requests back asks by this connection: a promotion, a restart, and the switch of a move.
    monkeypatch.setattr("psycopg2.connect", lambda **words: asked.update(words))
    handover.connect(handover.login("one", "target.ini"))
    assert asked["host"] == "10.0.0.5"
    assert 0 < asked["tcp_user_timeout"] < handover.DECISION_SECONDS * 1000
    assert asked["keepalives_idle"] + asked["keepalives_interval"] * asked["keepalives_count"] < 15
