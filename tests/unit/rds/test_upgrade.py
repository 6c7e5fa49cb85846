"""An upgrade of an instance of RDS in its place."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.django_ec2.site.plugins.plugin_utils.rds import upgrade

from tests.unit.rds.instances import NAME, instance, state


def plan(*instances: dict[str, Any], to: str = "", outage: bool = True, **more: Any) -> dict[str, Any]:
    return upgrade.upgrade_plan(state(*instances, **more), to, outage)


@pytest.mark.parametrize(
    ("to", "version", "major"),
    [("", "17.6", False), ("17", "17.6", False), ("18", "18.1", True), ("17.6", "17.6", False)],
)
def test_the_version_is_one_that_rds_offers(to: str, version: str, major: bool) -> None:
    found = plan(instance(), to=to)
    assert (found["version"], found["major"], found["problems"]) == (version, major, [])
    assert found["instances"] == [NAME]


def test_minor_versions_are_numbers() -> None:
    offered = [{"version": "17.9", "major": False}, {"version": "17.10", "major": False}]
    assert plan(instance(), upgrades=offered)["version"] == "17.10"


def test_there_may_be_nothing_to_do() -> None:
    found = plan(instance(version="17.6"), upgrades=[{"version": "18.1", "major": True}])
    assert (found["instances"], found["problems"]) == ([], [])


@pytest.mark.parametrize(
    ("given", "asked", "told"),
    [
        ({}, {"to": "16"}, "RDS upgrades shop-production (17.4) to these alone: 17.6, 18.1"),
        ({}, {"to": "db2"}, "to these alone"),
        ({}, {"outage": False}, "Give -e outage=true"),
        ({"status": "stopped"}, {}, "is stopped"),
        ({"retention_days": 0}, {"to": "18"}, "no way back"),
        ({"replicas": ["shop-replica"]}, {"to": "18"}, "has replicas (shop-replica)"),
    ],
)
def test_what_can_t_be_upgraded(given: dict[str, Any], asked: dict[str, Any], told: str) -> None:
    assert told in " ".join(plan(instance(**given), **asked)["problems"])


def test_replicas_go_first_to_a_minor_version() -> None:
    replica = instance("shop-replica", replica_of=NAME)
    assert plan(instance(replicas=["shop-replica"]), replica)["instances"] == ["shop-replica", NAME]
    # One that a run which was cut has upgraded is left.
    assert plan(instance(replicas=["shop-replica"]), replica | {"version": "17.6"})["instances"] == [NAME]


def test_what_rds_refused_is_told() -> None:
    found = plan(instance(), to="18")
    told = upgrade.upgraded_problems(state(instance()), found)
    assert "is still PostgreSQL 17.4" in told[0]
    assert upgrade.upgraded_problems(state(instance(version="18.1")), found) == []


def test_inputs_of_an_upgrade_to_another_host_are_refused() -> None:
    assert "finish: RDS upgrades an instance in its place" in upgrade.upgrade_refusal({"finish": True, "cancel": False})
    assert upgrade.upgrade_refusal({"finish": False}) == ""
