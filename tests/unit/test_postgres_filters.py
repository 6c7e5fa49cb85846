"""Filters of the role postgres."""

from __future__ import annotations

import pytest
from ansible_collections.django_ec2.site.plugins.filter import postgres as filters

SHOP = {"name": "shop", "owner_password": "o", "password": "p"}


def test_what_was_left_out_is_completed() -> None:
    assert filters.postgres_complete([SHOP]) == [
        {
            **SHOP,
            "owner": "shop_owner",
            "user": "shop",
            "login": "shop",
            "connection_limit": -1,
            "extensions": [],
            "memberships": [],
        }
    ]
    # An argument spec hands over what was not given as null.
    assert filters.postgres_complete([{**SHOP, "owner": None, "user": "web"}])[0]["owner"] == "shop_owner"


def test_the_module_gets_its_own_keys_alone() -> None:
    (one,) = filters.postgres_request(filters.postgres_complete([{**SHOP, "connections": 16, "connections_for": "x"}]))
    assert "connections" not in one
    assert one == filters.postgres_complete([SHOP])[0]


def test_good_variables_have_no_problems() -> None:
    other = {"name": "other", "owner_password": "o", "password": "p"}
    assert (
        filters.postgres_problems(
            [SHOP, other], ["10.0.0.1", "10.0.1.0/24", "::1"], {"jit": False, "auto_explain.log_nested": 1}
        )
        == []
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"password": None}, "password is missing"),
        ({"owner_password": ""}, "owner_password is missing"),
        ({"password": "sch\u00f6n"}, "printable ASCII"),
        ({"password": 12345678}, "string"),
        ({"name": "Shop"}, "name 'Shop' is no identifier"),
        ({"name": "1shop"}, "no identifier"),
        ({"name": "s" * 64}, "no identifier"),
        ({"user": "pg_monitor"}, "belongs to PostgreSQL"),
        ({"owner": "postgres"}, "belongs to PostgreSQL"),
        ({"owner": "shop"}, "role (owner or user) 'shop' is there twice"),
    ],
)
def test_problems_of_databases(change: dict, said: str) -> None:
    problems = filters.postgres_problems([{**SHOP, **change}], [], {})
    assert any(said in problem for problem in problems), problems


def test_duplicates() -> None:
    problems = filters.postgres_problems([SHOP, SHOP], [], {})
    assert any("database 'shop' is there twice" in problem for problem in problems)


def test_passwords_are_not_quoted() -> None:
    wrong = {"name": "X", "password": "geheim\u00e4", "owner_password": "geheim\t"}
    assert "geheim" not in " ".join(filters.postgres_problems([wrong], [], {}))


@pytest.mark.parametrize(
    ("client", "good"), [("10.0.0.1", True), ("10.0.0.1/24", False), ("web1", False), ("fd00::/8", True)]
)
def test_clients(client: str, good: bool) -> None:
    assert (filters.postgres_problems([], [client], {}) == []) is good


@pytest.mark.parametrize(("name", "said"), [("port", "postgres_port"), ("hba_file", "own"), ("a b", "no name")])
def test_settings_of_the_role(name: str, said: str) -> None:
    assert said in filters.postgres_problems([], [], {name: 1})[0]


def test_tuning_of_a_small_host() -> None:
    assert filters.postgres_tuning(1024, 2, 100) == {
        "shared_buffers": "256MB",
        "effective_cache_size": "768MB",
        "work_mem": "4096kB",
        "maintenance_work_mem": "64MB",
        "max_wal_size": "1024MB",
        "min_wal_size": "256MB",
        "max_worker_processes": 8,
        "max_parallel_workers": 2,
        "max_parallel_workers_per_gather": 1,
        "max_parallel_maintenance_workers": 1,
    }


def test_tuning_of_a_large_host() -> None:
    tuned = filters.postgres_tuning(131072, 32, 200)
    assert tuned["shared_buffers"] == "32768MB"
    assert tuned["maintenance_work_mem"] == "2048MB"
    assert tuned["max_wal_size"] == "4096MB"
    assert (tuned["max_worker_processes"], tuned["max_parallel_workers_per_gather"]) == (32, 4)
    assert tuned["work_mem"] == f"{(131072 - 32768) * 1024 // (232 * 3)}kB"


@pytest.mark.parametrize("memory", [448, 1024, 3840, 15872])
def test_some_megabytes_less_change_nothing(memory: int) -> None:
    tuned = filters.postgres_tuning(memory, 2, 100)
    assert all(filters.postgres_tuning(memory + more, 2, 100) == tuned for more in range(0, 64, 7))
    assert int(tuned["shared_buffers"].removesuffix("MB")) % 64 == 0


def test_one_processor_runs_nothing_in_parallel() -> None:
    assert filters.postgres_tuning(512, 1, 20)["max_parallel_workers_per_gather"] == 0


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "'on'"),
        (False, "'off'"),
        (1.1, "'1.1'"),
        (["a", "b"], "'a,b'"),
        ("it's", "'it''s'"),
        ("a\\b", "'a\\\\b'"),
    ],
)
def test_values(value: object, text: str) -> None:
    assert filters.postgres_value(value) == text
