"""What keeps a move from beginning is told at once, each with its remedy."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.move.problems import (
    estimate,
    notes,
    plan_lines,
    problems,
)

SIDES = ("self_hosted", "rds")
SETTINGS = {
    "wal_level": "logical", "max_replication_slots": "10", "max_wal_senders": "10", "max_logical_replication_workers": "4",
}  # fmt: skip


def database(**more: Any) -> dict[str, Any]:
    listed = (
        "unidentified",
        "unlogged",
        "foreign",
        "row_security",
        "strangers",
        "materialized",
        "generated",
        "extensions",
        "triggers",
    )
    return {
        **{name: [] for name in listed},
        "grantees": ["shop"],
        "large_objects": 0,
        "bytes": 800_000_000,
        "tables": 3,
        "sequences": 2,
        **more,
    }


def facts(**more: Any) -> dict[str, Any]:
    return {
        "settings": SETTINGS, "version": 17, "user": "master", "roles": ["shop"], "may_replicate": True, "may_subscribe": True,
        "slots": 0, "senders": 0, "available": ["pg_trgm"], "long": [], "clock": 0.0, "free_bytes": None, "admits_mover": True,
        "databases": {"shop": database()}, **more,
    }  # fmt: skip


def found(source: dict[str, Any] | None = None, target: dict[str, Any] | None = None) -> str:
    return " ".join(problems(source or facts(), target or facts(databases={}), SIDES, ("shop",)))


def test_two_sides_that_fit_have_no_problem() -> None:
    assert found() == ""


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ({"settings": {**SETTINGS, "wal_level": "replica"}}, "rds: rds.logical_replication is off. Set it to 1"),
        ({"settings": {**SETTINGS, "max_replication_slots": "2"}}, "max_replication_slots is 2"),
        ({"settings": {**SETTINGS, "max_wal_senders": "10"}, "senders": 9}, "max_wal_senders is 10, 9 connections"),
        ({"settings": {**SETTINGS, "max_logical_replication_workers": "1"}}, "max_logical_replication_workers is 1"),
        ({"may_replicate": False}, "GRANT rds_replication TO master"),
        ({"may_subscribe": False}, "GRANT pg_create_subscription TO master"),
        ({"version": 15}, "rds has PostgreSQL 15, which is older than the 17 of self_hosted"),
        ({"clock": 9.0}, "9.0 s apart"),
        ({"free_bytes": 1_000_000_000}, "rds: 1000 MB are free, and 1600 MB are needed"),
        ({"roles": []}, "the role shop has rights on tables, and rds has no such role"),
    ],
)
def test_what_the_new_side_lacks_is_told(target: dict[str, Any], said: str) -> None:
    assert said in found(target=facts(databases={}, **target))


@pytest.mark.parametrize(
    ("one", "said"),
    [
        ({"unidentified": ["public.a"]}, "ALTER TABLE public.a REPLICA IDENTITY FULL"),
        ({"unlogged": ["public.a"]}, "ALTER TABLE public.a SET LOGGED"),
        ({"large_objects": 3}, "3 large objects"),
        ({"foreign": ["public.a"]}, "foreign tables public.a"),
        ({"row_security": ["public.a"]}, "NO FORCE ROW LEVEL SECURITY"),
        ({"strangers": ["public.a"]}, "ALTER TABLE public.a OWNER TO"),
        ({"extensions": ["postgis"]}, "rds has no extension postgis"),
        ({"triggers": ["public.a.t"]}, "ENABLE TRIGGER"),
    ],
)
def test_what_no_replication_carries_is_told(one: dict[str, Any], said: str) -> None:
    assert said in found(facts(databases={"shop": database(**one)}))


def test_of_many_tables_the_first_are_named() -> None:
    said = found(facts(databases={"shop": database(unlogged=[f"public.t{number}" for number in range(9)])}))
    assert "public.t4 and 4 more" in said


def test_a_self_hosted_side_is_told_in_its_own_words() -> None:
    source = facts(settings={**SETTINGS, "wal_level": "replica"}, admits_mover=False)
    said = found(source)
    assert "self_hosted: wal_level is replica. Run site.yml" in said
    assert "rds_client_host" in said
    assert "self_hosted has no database shop" in found(facts(databases={}))


def test_the_plan_has_sizes_and_an_estimate() -> None:
    lines = plan_lines(facts(), SIDES)
    assert lines[0] == "move from self_hosted to rds:"
    assert "shop: 3 tables, 2 sequences, 800 MB" in lines
    assert estimate(facts()) == 160
    assert "about 3 minutes" in lines[-1]


def test_what_an_operator_should_know_is_noted() -> None:
    said = notes(
        facts(
            long=["17 of shop, 90 s"], databases={"shop": database(materialized=["public.m"], generated=["public.g"])}
        )
    )
    assert len(said) == 3
