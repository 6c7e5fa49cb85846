"""Workers of a host, and the connections that the database has to have for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.django_ec2.site.plugins.plugin_utils import capacity
from jinja2 import StrictUndefined


def application(**changes: Any) -> dict[str, Any]:
    return {"name": "shop", "processes": 0, "threads": 1, **changes}


def database(**changes: Any) -> dict[str, Any]:
    return {"name": "shop", "user": "shop", "owner": "shop_owner", "connection_limit": -1, **changes}


def facts(cpus: int, memory: int) -> dict[str, Any]:
    return {"ansible_facts": {"processor_nproc": cpus, "memtotal_mb": memory}}


# A host whose facts were not read, with a variable that is made from them.
UNREAD: dict[str, Any] = {"ansible_facts": {}, "uwsgi_memory_mb": StrictUndefined(name="memtotal_mb")}


@pytest.mark.parametrize(
    ("cpus", "memory", "processes"),
    [(1, 512, 2), (1, 8192, 2), (2, 2048, 4), (4, 1024, 5), (4, 8192, 8), (16, 4096, 20)],
)
def test_workers_follow_from_cpus_and_memory(cpus: int, memory: int, processes: int) -> None:
    assert capacity.worker_processes(cpus, memory) == processes


def test_a_bigger_worker_leaves_room_for_fewer() -> None:
    assert capacity.worker_processes(8, 4096, 500) == 4


def test_each_web_host_counts_by_its_own_size() -> None:
    hosts = [facts(2, 2048), facts(8, 16384), {**facts(8, 16384), "uwsgi_processes": 3}]
    assert capacity.web_processes(hosts, "uwsgi") == [4, 16, 3]
    bounded = {**facts(8, 16384), "uwsgi_cpus": 2, "uwsgi_memory_mb": 1024, "uwsgi_worker_memory_mb": 200}
    assert capacity.web_processes([bounded], "uwsgi") == [2]


def test_a_host_that_is_not_known_counts_as_the_largest_that_is() -> None:
    assert capacity.web_processes([facts(2, 2048), {}, UNREAD], "uwsgi") == [4, 4, 4]
    assert capacity.web_processes([{}, UNREAD], "uwsgi") == [2, 2]
    assert capacity.web_processes([], "uwsgi") == []


def test_hosts_that_may_come_by_themselves_count_as_well() -> None:
    assert capacity.web_processes([facts(2, 2048)], "uwsgi", 3) == [4, 4, 4, 4]
    assert capacity.web_processes([{}], "uwsgi", 1) == [2, 2]


def test_the_memory_of_a_worker_is_the_role_s_default(root: Path) -> None:
    defaults = yaml.safe_load((root / "roles/uwsgi/defaults/main.yml").read_text())
    assert defaults["uwsgi_worker_memory_mb"] == capacity.WORKER_MEMORY_MB
    assert "worker_processes" in defaults["uwsgi_processes"]


def test_an_application_may_hold_what_its_workers_need_in_a_deploy() -> None:
    (one,) = capacity.limit_connections(
        capacity.count_connections([database()], [application(threads=2, services=[{}], timers=[])], [4, 4])
    )
    assert (one["connections"], one["connection_limit"]) == (36, 36)
    need = capacity.connection_need([one], "rds")
    # Three for superusers and two for RDS are kept by the server, five for operators by this number: 48 in all.
    assert need["needed"] == 43
    assert need["used_by"] == (
        "36 for shop: (8 workers on 2 web hosts x 2 threads + 1 services and timers on each host) x 2 releases during a "
        "deploy; 2 for the owners, who migrate; 5 in reserve for operators"
    )
    settings = {"superuser_reserved_connections": 3, "reserved_connections": 2}
    assert capacity.connection_shortage(need, {**settings, "max_connections": 48}, "db.t4g.micro") == ""
    problem = capacity.connection_shortage(need, {**settings, "max_connections": 47}, "db.t4g.micro")
    assert "may need 43 connections" in problem
    assert "db.t4g.micro has 47" in problem
    assert "take a larger instance class" in problem


def test_hosts_of_different_size_are_summed() -> None:
    (one,) = capacity.count_connections([database()], [application()], [4, 16])
    assert one["connections"] == 40
    (one,) = capacity.count_connections([database()], [application(processes=3)], [4, 16])
    assert one["connections"] == 12


def test_a_limit_is_the_user_s_or_the_need() -> None:
    given = [database(connections=8, connection_limit=20), database(connections=8), database()]
    assert [one["connection_limit"] for one in capacity.limit_connections(given)] == [20, 8, -1]


@pytest.mark.parametrize("mode", ["rds", "self_hosted"])
def test_a_limit_below_the_need_is_a_problem(mode: str) -> None:
    databases = capacity.count_connections([database(connection_limit=3)], [application(processes=4)], [2])
    (problem,) = capacity.connection_problems(databases, mode, {})
    assert "connection_limit is 3, and its workers need 8" in problem


@pytest.mark.parametrize(
    ("variables", "fits"),
    [
        ({}, False),
        ({"postgres_max_connections": 109}, False),
        ({"postgres_max_connections": 110}, True),
        ({"postgres_max_connections": 110, "postgres_settings": {"superuser_reserved_connections": 4}}, False),
        ({"postgres_max_connections": 110, "postgres_settings": {"reserved_connections": 1}}, False),
    ],
)
def test_a_host_of_ours_has_what_its_variables_say(variables: dict[str, Any], fits: bool) -> None:
    databases = [database(connections=100)]
    problems = capacity.connection_problems(databases, "self_hosted", variables)
    assert (problems == []) is fits
    if not fits:
        assert "may need 107 connections (100 for shop; 2 for the owners" in problems[0]
        assert "raise postgres_max_connections" in problems[0]
    # What RDS has, no variable says.
    assert capacity.connection_problems(databases, "rds", variables) == []


def test_what_is_taken_for_granted_of_the_server_is_the_role_s_default(root: Path) -> None:
    defaults = yaml.safe_load((root / "roles/postgres/defaults/main.yml").read_text())
    assert defaults["postgres_max_connections"] == capacity.MAX_CONNECTIONS
    assert defaults["postgres_settings"] == {}
