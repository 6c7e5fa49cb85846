"""Who takes writes, by what several database hosts say of themselves."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.django_ec2.site.plugins.filter.database_hosts import (
    database_members,
    database_primary,
    database_standbys,
    postgres_conninfo,
    postgres_slot,
    postgres_slot_wal_keep,
    postgres_states,
)
from ansible_collections.django_ec2.site.plugins.plugin_utils.database_hosts import (
    not_following,
    primary_problems,
    standbys_of,
)
from jinja2 import Undefined

HOSTS = ["db1", "db2"]
NONE = {"role": "none", "running": False}


def primary(timeline: int = 1, history: list[list[int]] | None = None, **more: Any) -> dict[str, Any]:
    return {
        "role": "primary", "system_identifier": "7", "timeline": timeline, "history": history or [], "version": 17, "databases": 1, **more,
    }  # fmt: skip


def standby(**more: Any) -> dict[str, Any]:
    return {"role": "standby", "system_identifier": "7", "timeline": 1, "streaming": True, **more}


def test_before_there_is_a_cluster_the_first_host_is_the_primary() -> None:
    states = {"db1": NONE, "db2": NONE}
    assert database_primary(HOSTS, states) == "db1"
    assert database_standbys(HOSTS, states, "db1") == ["db2"]
    assert primary_problems(HOSTS, states, "db1") == []
    # The inventory may choose another one for the beginning.
    assert primary_problems(HOSTS, states, "db2") == []


def test_afterwards_the_hosts_say_it() -> None:
    states = {"db1": standby(), "db2": primary(2)}
    assert database_primary(HOSTS, states) == "db2"
    assert database_standbys(HOSTS, states, "db2") == ["db1"]
    # A new host takes the place of the first of the inventory, and is no primary for that.
    assert database_primary(HOSTS, {"db1": NONE, "db2": primary()}) == "db2"


def test_an_inventory_that_says_otherwise_is_refused() -> None:
    said = primary_problems(HOSTS, {"db1": standby(), "db2": primary(2)}, "db1")
    assert len(said) == 1
    assert "Take database_primary out of the inventory" in said[0] and "database_promote.yml -e to=db1" in said[0]


def test_one_host_is_asked_nothing_and_several_have_to_be() -> None:
    assert database_primary(["db1"], None) == "db1"
    assert database_primary([], None) == ""
    assert database_standbys(["db1"], None, "db1") == []
    with pytest.raises(ValueError, match=r"find_primary\.yml"):
        database_primary(HOSTS, None)


def test_nobody_is_led_to_a_host_that_could_not_be_asked() -> None:
    # It may be a primary that was given up.
    assert standbys_of(["db1", "db2", "db3"], {"db2": primary(2), "db3": standby()}, "db2") == ["db3"]
    assert standbys_of(HOSTS, {"db1": primary(1), "db2": primary(2)}, "db2") == []


@pytest.mark.parametrize(
    ("states", "words"),
    [
        (
            {"db1": primary(1), "db2": primary(2, [[1, 500]])},
            ["both take writes: db2 was made the primary while db1 was away", "-e to=db2 -e confirm_rewind=db1"],
        ),
        ({"db1": primary(2, [[1, 400]]), "db2": primary(2, [[1, 500]])}, ["neither follows from the other"]),
        (
            {"db1": primary(), "db2": primary(system_identifier="8", databases=0)},
            ["never one", "pg_dropcluster --stop 17 main", "db2 holds nothing"],
        ),
        ({"db2": standby()}, ["db2 can't take writes", "-e to=db2 -e away=db1"]),
        ({"db1": standby(), "db2": standby()}, ["No database host takes writes", "-e to=db1"]),
        ({"db2": NONE}, ["db1 could not be reached", "nobody knows whether there are databases"]),
    ],
)
def test_what_nobody_can_decide_is_refused_with_the_remedy(states: dict[str, Any], words: list[str]) -> None:
    said = " ".join(primary_problems(HOSTS, states, "db1"))
    for word in words:
        assert word in said, said


def test_what_the_hosts_answered() -> None:
    asked = [
        {"item": "db1", "unreachable": True, "msg": "no route"},
        {"item": "db2", "role": "standby", "invocation": {}, "ansible_loop_var": "item"},
    ]
    assert postgres_states(asked) == {"db2": {"role": "standby"}}
    with pytest.raises(ValueError, match="db1 could not say"):
        postgres_states([{"item": "db1", "failed": True, "msg": "Traceback"}])


def test_names_of_slots_are_postgresqls() -> None:
    assert postgres_slot("db2") == "standby_db2"
    assert postgres_slot("DB-2.example.org") == "standby_db_2_example_org"
    assert len(postgres_slot("x" * 100)) == 63


def test_the_log_that_a_slot_keeps_follows_from_the_disk() -> None:
    mounts = [{"mount": "/", "size_total": 20 << 30}, {"mount": "/data", "size_total": 500 << 30}]
    assert postgres_slot_wal_keep(mounts, "/data/postgresql") == 50 << 10
    assert postgres_slot_wal_keep(mounts, "/var/lib/postgresql") == 2 << 10
    assert postgres_slot_wal_keep([{"mount": "/", "size_total": 4 << 30}], "/var/lib/postgresql") == 1024
    assert postgres_slot_wal_keep([], "/var/lib/postgresql") == 1024
    assert postgres_slot_wal_keep([{"mount": "/", "size_total": 16 << 40}], "/x") == 64 << 10


def test_a_standby_verifies_its_primary_and_has_no_password() -> None:
    said = postgres_conninfo([{"name": "db1", "address": "10.0.0.5"}], 5432, "replication", "db2")
    for word in (
        "host=db1",
        "hostaddr=10.0.0.5",
        "sslmode=verify-full",
        "sslcert=/etc/ssl/postgres/fullchain.pem",
        "application_name=db2",
    ):
        assert word in said.split()
    assert "password" not in said
    assert postgres_conninfo([], 5432, "replication", "db2") == ""


def test_an_address_that_is_not_known_is_empty() -> None:
    hosts = [
        {"inventory_hostname": "db1", "private_address": Undefined()},
        {"inventory_hostname": "db2", "private_address": "10.0.0.6"},
    ]
    assert database_members(hosts) == [{"name": "db1", "address": ""}, {"name": "db2", "address": "10.0.0.6"}]


def test_a_primary_without_its_control_file_is_said_unless_the_run_is_the_remedy() -> None:
    states = {"db1": primary(damaged="broken: -e away=<this host>"), "db2": standby()}
    assert primary_problems(HOSTS, states, "db1") == ["db1: broken: -e away=db1"]
    assert primary_problems(HOSTS, states, "db1", recovers=True) == []


def test_who_does_not_follow_the_primary() -> None:
    assert not_following({"db1": primary(), "db2": standby(), "db3": standby(streaming=False), "db4": NONE}, "db1") == [
        "db3",
        "db4",
    ]
