"""A restore on RDS: what is refused, and which steps are left after each cut."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.django_ec2.site.plugins.plugin_utils.rds import restore

from tests.unit.rds.instances import NAME, NOW, instance, snapshot, state

LATEST = {"kind": "latest", "value": "", "moment": None, "tag": "latest"}
MARK = {restore.TAG: "latest"}
RESTORED, BEFORE, SCRATCH = (f"{NAME}-{one}" for one in ("restored", "before", "scratch"))


def plan(
    *instances: dict[str, Any], target: Any = None, scratch: bool = False, confirm: str = NAME, **more: Any
) -> Any:
    return restore.restore_plan(state(*instances, **more), target or LATEST, scratch, confirm)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "Say what to restore to"),
        ({"to": "2026-11-17 10:31:07"}, "has no zone"),
        ({"to": "2036-11-17 10:31:07+00"}, "lies in the future"),
        ({"to": "73482"}, "RDS knows times alone"),
        ({"to": "shop-20261117T103107Z-0123"}, "RDS knows times alone"),
        ({"to": "latest", "backup": "x"}, "exclude each other"),
        ({"to": "latest", "media": "true"}, "-e restore_media=only"),
        ({"to": "latest", "timeline": "3"}, "Leave it out"),
        ({"to": "latest"}, ""),
        ({"backup": "shop-1"}, ""),
        ({"remove": "before"}, ""),
    ],
)
def test_what_was_asked_for_is_looked_at_first(given: dict[str, str], told: str) -> None:
    found = restore.restore_refusal(given, NOW)
    assert told in found if told else found == ""


def test_a_time_is_handed_over_in_utc() -> None:
    found = restore.restore_target({"to": "2026-11-17 12:31:07+02"}, NOW)
    assert (found["value"], found["tag"]) == ("2026-11-17T10:31:07Z", "2026-11-17 10:31:07+00")


def test_the_steps_from_the_beginning_to_the_end_whatever_was_cut() -> None:
    live = instance()
    made = instance(RESTORED, status="creating", tags=MARK)
    old = instance(BEFORE)
    assert plan(live)["steps"] == ["create", "settle", "set_aside", "take_place"]
    assert plan(live, made)["steps"] == ["settle", "set_aside", "take_place"]
    assert plan(made, old)["steps"] == ["settle", "take_place"]
    done = plan(instance(tags=MARK), old)
    assert (done["steps"], done["problems"]) == ([], [])


def test_a_look_leaves_the_live_one_where_it_is() -> None:
    found = plan(instance(), scratch=True, confirm="")
    assert (found["steps"], found["new"], found["problems"]) == (["create", "settle"], SCRATCH, [])
    # Also beside what an earlier restore kept.
    assert plan(instance(), instance(BEFORE), scratch=True)["problems"] == []


@pytest.mark.parametrize(
    ("instances", "more", "told"),
    [
        ([], {}, "RDS has no instance shop-production whose settings"),
        ([instance()], {"confirm": "shop"}, f"repeat its name, -e confirm={NAME}"),
        ([instance(), instance(RESTORED)], {}, "of somebody else: give that target"),
        ([instance(), instance(RESTORED, tags={restore.TAG: "2026"})], {}, "-e restore_remove=restored"),
        ([instance(), instance(BEFORE)], {}, "-e restore_remove=before"),
        ([instance(tags=MARK)], {"target": {**LATEST, "kind": "snapshot", "value": "no"}}, "The newest are rds:shop-1"),
        ([instance(retention_days=0)], {}, "only a snapshot can be restored"),
        ([instance(cluster="aurora")], {}, "one of the cluster aurora"),
        (
            [instance()],
            {"target": {**LATEST, "kind": "time", "moment": NOW - 8 * 86400}},
            "no further (7 days are kept)",
        ),
        ([instance()], {"target": {**LATEST, "kind": "time", "moment": NOW - 10}}, "at the latest"),
    ],
)
def test_what_can_t_be_restored(instances: list[dict[str, Any]], more: dict[str, Any], told: str) -> None:
    found = plan(*instances, **more)
    assert told in " ".join(found["problems"])
    assert found["steps"] == [] or "confirm" in more


def test_a_snapshot_that_is_still_being_made_is_none_yet() -> None:
    target = {"kind": "snapshot", "value": "one", "moment": None, "tag": "snapshot one"}
    found = plan(instance(), target=target, snapshots=[snapshot("one", status="creating")])
    assert found["problems"] == ["The snapshot one is creating: run it again when it is there."]


def test_one_that_lacks_what_the_live_one_has_takes_no_place() -> None:
    good = state(instance(), instance(RESTORED))
    assert restore.restored_problems(good, RESTORED, NAME) == []
    bad = state(
        instance(), instance(RESTORED, encrypted=False, security_groups=["default"], status="incompatible-network")
    )
    assert len(restore.restored_problems(bad, RESTORED, NAME)) == 3


def test_what_goes_keeps_a_last_snapshot_where_nobody_else_has_the_rows() -> None:
    before = restore.remove_plan(state(instance(), instance(BEFORE, created=1700000000.5)), "before")
    assert before["snapshot"] == f"{BEFORE}-final-1700000000"
    assert restore.remove_plan(state(instance(), instance(SCRATCH)), "scratch")["snapshot"] == ""
    assert restore.remove_plan(state(instance()), "before")["there"] is False
    cut = restore.remove_plan(state(instance(BEFORE), instance(RESTORED, tags=MARK)), "before")
    assert "was cut while it renamed" in cut["problems"][0]
    assert "remove it by hand" in restore.remove_plan(state(instance(), instance(RESTORED)), "restored")["problems"][0]
