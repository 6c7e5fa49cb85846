"""A major upgrade: which host the databases come from, by what all hosts say, wherever the run before it was cut."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.django_ec2.site.plugins.filter.database_hosts import (
    database_aside,
    database_peers,
    database_primary,
    database_standbys,
)
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.cluster import upgrade_of
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.move import marks, peers
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.move.model import TARGET, Mark
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.move.plan import MoveRefused
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.move.problems import source_problems
from ansible_collections.django_ec2.site.plugins.plugin_utils.upgrade import backup_problems, upgrade_plan

from .test_problems import database, facts

HOSTS = ["db1", "db2"]
NONE: dict[str, Any] = {"role": "none", "running": False}


def host(role: str = "primary", state: str = "", peer: str = "", **more: Any) -> dict[str, Any]:
    upgrade = {"state": state, "peer": peer} if peer else {}
    return {
        "role": role, "system_identifier": peer or "7", "timeline": 1, "history": [], "version": 15, "databases": 1, "upgrade": upgrade,
        **more,
    }  # fmt: skip


OLD = host()
FRESH = host(databases=0, version=17, system_identifier="8")
COPYING = host(state="source", peer="db2"), host("target", "target", "db1")
CUT = host(state="closing", peer="db2"), host("target", "target", "db1")
DECIDED = host(state="closing", peer="db2"), host(state="live", peer="db1")
SWITCHED = host("left", "closed", "db2"), host(state="live", peer="db1")
FINISHED = host("left", "closed", "db2"), host(system_identifier="8")
BACK = host(state="live", peer="db2"), host("left", "closed", "db1")


@pytest.mark.parametrize(
    ("states", "to", "old", "live", "first"),
    [
        ((OLD, NONE), "db2", "db1", "db1", True),
        # Cut after the package had made its empty cluster.
        ((OLD, FRESH), "db2", "db1", "db1", True),
        (COPYING, "db2", "db1", "db1", False),
        (CUT, "db2", "db1", "db1", False),
        (DECIDED, "db2", "db1", "db2", False),
        (SWITCHED, "db2", "db1", "db2", False),
        (SWITCHED, "db1", "db2", "db2", False),
        (BACK, "db1", "db2", "db1", False),
        (BACK, "db2", "db1", "db1", False),
        # For a run that is repeated after the end.
        (FINISHED, "db2", "db1", "db2", False),
    ],
)
def test_a_run_goes_on_from_where_the_hosts_are(
    states: tuple[Any, Any], to: str, old: str, live: str, first: bool
) -> None:
    plan = upgrade_plan(HOSTS, dict(zip(HOSTS, states, strict=True)), to)
    assert plan["problems"] == []
    assert (plan["old"], plan["live"], plan["first"]) == (old, live, first)


@pytest.mark.parametrize(
    ("states", "to", "words"),
    [
        ({"db1": OLD, "db2": NONE}, "db3", "db3 is not in the group database (db1, db2)"),
        ({"db1": OLD}, "db2", "db2 could not be reached"),
        ({"db2": SWITCHED[1]}, "db2", "db1, the other host of the upgrade, could not be reached"),
        ({"db1": OLD, "db2": host("standby")}, "db2", "db2 is a standby of db1"),
        ({"db1": OLD, "db2": NONE}, "db1", "db1 takes writes already"),
        (dict(zip(HOSTS, COPYING, strict=True)), "db1", "give it up with -e to=db2 -e cancel=true"),
        ({"db1": OLD, "db2": host(system_identifier="8")}, "db2", "have databases of their own, which were never one"),
        ({"db1": NONE, "db2": NONE}, "db2", "No database host takes writes"),
    ],
)
def test_what_can_not_be_upgraded_is_refused(states: dict[str, Any], to: str, words: str) -> None:
    assert words in " ".join(upgrade_plan(HOSTS, states, to)["problems"])


@pytest.mark.parametrize(
    ("states", "primary", "aside"),
    [
        (COPYING, "db1", ["db2"]),
        (DECIDED, "db2", []),
        (SWITCHED, "db2", ["db1"]),
        (FINISHED, "db2", ["db1"]),
        (BACK, "db1", ["db2"]),
    ],
)
def test_the_hosts_say_who_is_the_primary_and_who_is_beside_it(
    states: tuple[Any, Any], primary: str, aside: list[str]
) -> None:
    said = dict(zip(HOSTS, states, strict=True))
    assert database_primary(HOSTS, said) == primary
    assert database_aside(HOSTS, said) == aside
    assert database_standbys(HOSTS, said, primary) == []


def test_a_standby_of_the_host_that_was_left_is_nobodys_replica() -> None:
    said = {
        "db1": SWITCHED[0],
        "db2": SWITCHED[1],
        "db3": host("standby", upstream="db1"),
        "db4": host("standby", upstream="db2"),
    }
    assert database_standbys(list(said), said, "db2") == ["db4"]
    assert database_aside(list(said), said) == ["db1", "db3"]
    assert database_peers(list(said), said, "db1") == ["db2"]
    assert database_peers(list(said), said, "db3") == []
    assert database_aside(["db1"], None) == []


def test_both_are_what_the_run_makes_of_them_from_the_beginning() -> None:
    said = upgrade_plan(HOSTS, {"db1": OLD, "db2": NONE}, "db2")["states"]
    assert database_aside(HOSTS, said) == ["db2"]
    assert database_peers(HOSTS, said, "db1") == ["db2"]
    assert database_peers(HOSTS, said, "db2") == ["db1"]


def test_a_mark_without_a_host_is_that_of_a_move_to_rds() -> None:
    assert upgrade_of('{"state": "closed", "since": "x"}') == {}
    assert upgrade_of('{"state": "closed", "peer": "db2"}') == {"state": "closed", "peer": "db2"}
    assert upgrade_of("made by hand") == upgrade_of(None) == {}


class Server:
    """What peers.py asks of one."""

    name, peer = "db2", "db1"

    def __init__(self, databases: int) -> None:
        self.databases, self.done = databases, []

    def value(self, _statement: str) -> int:
        return self.databases

    def rows(self, statement: str, *_more: Any, **_values: Any) -> list[tuple]:
        self.done.append(statement)
        return []

    def execute(self, statement: str, *_more: Any) -> None:
        self.done.append(statement)


def test_a_host_with_databases_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    put: list[Mark] = []
    monkeypatch.setattr(marks, "put", lambda _server, mark: put.append(mark))
    with pytest.raises(MoveRefused, match="db2 has 1 databases of its own already"):
        peers.reserve(Server(1))
    assert peers.reserve(Server(0))
    assert [mark.state for mark in put] == [TARGET]


def test_the_other_host_is_let_in_as_long_as_a_run_needs_it() -> None:
    server = Server(0)
    assert peers.admit(server)
    assert server.done[-2:] == ["CREATE ROLE database_move_peer", "ALTER ROLE database_move_peer LOGIN SUPERUSER"]
    assert not peers.retire(Server(0))


def test_the_live_side_alone_tells_most_of_what_is_in_the_way() -> None:
    sides, target = ("db1", "db2"), {"version": 17, "roles": ["shop"]}
    source = facts(version=15)
    assert source_problems(source, target, sides, ("shop",)) == []
    # Which extensions the new host has is known once it is installed.
    assert source_problems(facts(databases={"shop": database(extensions=["postgis"])}), target, sides, ("shop",)) == []
    said = " ".join(source_problems(facts(version=18), target, sides, ("shop", "blog")))
    assert "db2 has PostgreSQL 17, which is older than the 18 of db1" in said
    assert "db1 has no database blog" in said


def named(name: str, release: str, **more: Any) -> dict[str, Any]:
    facts = {"distribution": "Debian", "distribution_major_version": release, "distribution_version": f"{release}.1"}
    return {"inventory_hostname": name, "pgbackrest_stanza": "main", "ansible_facts": facts, **more}


def test_backups_need_a_repository_host_of_the_same_system_or_a_name_of_their_own() -> None:
    old, new = named("db1", "12"), named("db2", "13")
    said = " ".join(backup_problems(new, old, {"type": "host"}, named("backup1", "12")))
    assert "put a new host of db2's system into the group backup, in the place of backup1" in said
    assert backup_problems(new, old, {"type": "host"}, named("backup2", "13")) == []
    # Backwards, the host that made them before is there still.
    said = " ".join(backup_problems(old, new, {"type": "host"}, named("backup2", "13"), first=False))
    assert "Put the host that keeps the backups of db1 into the group backup, in the place of backup2" in said
    said = " ".join(backup_problems(new, old, {"type": "s3"}, None))
    assert "host_vars/db2: pgbackrest_stanza: main-db2" in said
    assert backup_problems({**new, "pgbackrest_stanza": "main-17"}, old, {"type": "s3"}, None) == []
