"""One step of a move at a time: the next run waits for the one that a killed run has left, and changes nothing before its end."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.login import ServerUnavailable
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.move import lock, observe, peers, run
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.move.model import LIVE, TARGET, Mark, Side
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.move.plan import MoveRefused


class Server:
    """What lock.py asks of one: ``busy`` is how often somebody else has the lock."""

    def __init__(self, name: str, busy: float = 0, away: bool = False) -> None:
        self.name, self.busy, self.away = name, busy, away
        self.held = 0

    def value(self, statement: str) -> Any:
        if self.away:
            raise ServerUnavailable("nobody answers")
        if statement == lock.SINCE:
            return "10:31:07"
        if statement == lock.GIVE_BACK:
            self.held -= 1
            return True
        assert statement == lock.TAKE
        self.busy -= 1
        if self.busy >= 0:
            return False
        self.held += 1
        return True


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "POLL", 0)


def test_a_step_that_is_under_way_is_waited_for() -> None:
    one, two = Server("db1"), Server("db2", busy=3)
    with lock.alone([one, two], 60):
        assert (one.held, two.held) == (1, 1)
    assert (one.held, two.held) == (0, 0)


def test_one_that_does_not_end_is_named_with_its_beginning_and_nothing_stays_locked() -> None:
    one, two = Server("db1"), Server("db2", busy=float("inf"))
    with pytest.raises(MoveRefused, match=r"since 10:31:07 UTC \(db2 is locked\)"), lock.alone([one, two], 0.01):
        raise AssertionError("it was alone")
    assert (one.held, two.held) == (0, 0)


def test_a_server_that_is_away_has_nothing_to_lock() -> None:
    one, two = Server("db1"), Server("db2", away=True)
    with lock.alone([one, two], 60):
        assert one.held == 1
    assert one.held == 0


def moving(step: str, **more: Any) -> run.Moving:
    sides = [{"name": name, "address": "10.0.0.1"} for name in ("db2", "db1")]
    given = {"to": "db2", "step": step, "sides": sides, "between_hosts": True, "inventory": "db1", "databases": []}
    return run.Moving({**given, "finish": False, "cancel": False, **more})


def test_who_lets_the_other_host_in_no_more_waits_for_its_step(monkeypatch: pytest.MonkeyPatch) -> None:
    one = Server("db1", busy=2)
    monkeypatch.setattr(peers, "retire", lambda server: server.held == 1)
    here = moving("retire")
    here.servers["db2"] = one  # type: ignore[assignment]
    assert here.alone("retire") == {"changed": True}
    assert one.held == 0


def test_a_step_that_another_run_has_done_says_who_is_live(monkeypatch: pytest.MonkeyPatch) -> None:
    here = moving("reopen")
    here.servers = {name: Server(name, busy=1) for name in ("db2", "db1")}  # type: ignore[misc]

    def read(server: Server, names: tuple[str, ...]) -> Side:
        assert server.held == 1, "it looked before the other step had ended"
        other = {"db1": "db2", "db2": "db1"}[server.name]
        return Side(server.name, Mark(LIVE if server.name == "db2" else "closed", "now", peer=other))

    monkeypatch.setattr(observe, "read_side", read)
    for server, peer in (("db1", "db2"), ("db2", "db1")):
        here.servers[server].peer = peer
    assert here.step() == {"changed": False, "next": "", "live": "db2", "found": {}, "notes": []}


def test_a_decision_holds_where_the_side_that_was_left_dies(monkeypatch: pytest.MonkeyPatch) -> None:
    here = moving("switch")
    monkeypatch.setattr(observe, "read_side", lambda server, names: Side(server.name, Mark(TARGET, "now"), away="gone"))
    assert here._following("switch") == {"next": "reverse", "live": "db2"}
