"""A promotion on RDS: failover to a standby, and a replica in the place of what is lost."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.django_ec2.site.plugins.plugin_utils.rds.promote import TAG, promote_plan

from tests.unit.rds.instances import NAME, instance, state

BEFORE = f"{NAME}-before"


def replica(**more: Any) -> dict[str, Any]:
    return instance("shop-replica", **{"replica_of": NAME, "replication": "replicating", **more})


def plan(*instances: dict[str, Any], to: str = NAME, away: tuple[str, ...] = (), fenced: str = "") -> dict[str, Any]:
    return promote_plan(state(*instances), to, away, fenced)


def test_an_instance_fails_over_to_its_standby_once() -> None:
    live = instance(multi_az=True, standby_zone="eu-central-1b")
    found = plan(live)
    assert (found["kind"], found["steps"], found["problems"]) == ("failover", ["failover"], [])
    assert "to its standby in eu-central-1b" in found["lines"][0]
    # A run that was cut has begun it: it is waited for.
    assert plan(live | {"status": "rebooting"})["steps"] == []


@pytest.mark.parametrize(
    ("instances", "given", "told"),
    [
        ([], {}, f"RDS has no instance {NAME}"),
        ([instance()], {}, "set aws_database_multi_az: true"),
        ([instance(multi_az=True, status="stopped")], {}, "is stopped"),
        ([instance()], {"to": "shop-replica"}, f"-e to= takes {NAME}"),
        ([instance(), instance("shop-replica")], {"to": "shop-replica", "away": (NAME,)}, "is no replica of"),
        ([instance(), replica()], {"to": "shop-replica"}, f"give -e away={NAME}"),
        (
            [instance(status="modifying"), replica()],
            {"to": "shop-replica", "away": (NAME,)},
            f"-e confirm_fenced={NAME}",
        ),
        ([instance(), replica(), instance(BEFORE)], {"to": "shop-replica", "away": (NAME,)}, "can't be set aside"),
    ],
)
def test_what_can_t_be_promoted(instances: list[dict[str, Any]], given: dict[str, Any], told: str) -> None:
    found = plan(*instances, **given)
    assert told in " ".join(found["problems"])
    assert found["steps"] == []


def test_a_replica_takes_the_place_whatever_was_cut() -> None:
    asked: dict[str, Any] = {"to": "shop-replica", "away": (NAME,)}
    marked = {TAG: "shop-replica"}
    assert plan(instance(), replica(), **asked)["steps"] == ["set_aside", "promote", "take_place"]
    assert plan(instance(BEFORE), replica(tags=marked, replica_of=BEFORE), **asked)["steps"] == [
        "promote",
        "take_place",
    ]
    assert plan(instance(BEFORE), replica(tags=marked, replica_of=""), **asked)["steps"] == ["take_place"]
    done = plan(instance(tags=marked), instance(BEFORE), **asked)
    assert (done["steps"], done["problems"]) == ([], [])
    # The source is gone altogether.
    assert plan(replica(), **asked)["steps"] == ["promote", "take_place"]


def test_an_instance_that_can_t_be_renamed_leaves_the_replica_its_name() -> None:
    for status, fenced in (("failed", ""), ("modifying", NAME)):
        found = plan(instance(status=status), replica(), to="shop-replica", away=(NAME,), fenced=fenced)
        assert (found["steps"], found["problems"]) == (["promote"], [])
