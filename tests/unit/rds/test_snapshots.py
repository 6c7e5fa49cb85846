"""A snapshot by hand."""

from __future__ import annotations

from ansible_collections.django_ec2.site.plugins.plugin_utils.rds import snapshots

from tests.unit.rds.instances import NAME, NOW, instance, snapshot, state

OWN = {"type": "manual", "status": "creating", "time": None, "tags": {snapshots.MADE_BY: snapshots.PLAYBOOK}}


def test_its_name_has_the_moment() -> None:
    found = snapshots.backup_plan(state(instance()), NOW)
    assert (found["name"], found["begun"], found["problems"]) == (f"{NAME}-20261118110640", False, [])


def test_one_that_a_cut_run_began_is_waited_for() -> None:
    busy = state(instance(status="backing-up"), snapshots=[snapshot("begun", **OWN)])
    found = snapshots.backup_plan(busy, NOW)
    assert (found["name"], found["begun"], found["problems"]) == ("begun", True, [])
    # Somebody else's is not, and one that is there is no reason to make no other.
    others = [snapshot("by hand", **(OWN | {"tags": {}})), snapshot("done", **(OWN | {"status": "available"}))]
    assert snapshots.backup_plan(state(instance(), snapshots=others), NOW)["begun"] is False


def test_an_instance_that_is_not_available_is_told() -> None:
    assert "is stopped" in snapshots.backup_plan(state(instance(status="stopped")), NOW)["problems"][0]
    assert "RDS has no instance" in snapshots.backup_plan(state(), NOW)["problems"][0]


def test_what_stands_in_the_place_of_a_drill() -> None:
    assert "restore_as=scratch" in snapshots.backup_refusal("full", True)
    assert "of one kind" in snapshots.backup_refusal("diff", False)
    assert snapshots.backup_refusal("full", False) == ""


def test_a_workflow_gets_it_as_a_self_hosted_backup() -> None:
    made = snapshots.backup_result(state(instance(), snapshots=[snapshot("one")]), "one")
    assert (made["label"], made["type"], made["size"]) == ("one", "snapshot", 20 << 30)
