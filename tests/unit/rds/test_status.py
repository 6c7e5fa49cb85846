"""What is said of an instance of RDS, and what is late."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.django_ec2.site.plugins.plugin_utils.rds.status import status

from tests.unit.rds.instances import NAME, NOW, instance, snapshot, state


def test_all_is_well() -> None:
    found = status(state(instance(multi_az=True, standby_zone="eu-central-1b")), NOW, 27, True)
    assert found["problems"] == []
    assert found["lines"][:3] == [
        "newest backup    rds:shop-1, automated, 5 h ago, 20 GB",
        "back to          2026-11-11 11:06:40+00 (7 days kept)",
        "up to            2026-11-18 11:05:40+00 (60 s ago)",
    ]
    assert found["data"]["newest_backup"]["name"] == "rds:shop-1"
    assert found["data"]["back_to"] == "2026-11-11 11:06:40+00"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"status": "stopped"}, "It is stopped. playbooks/aws_power.yml -e power=running"),
        ({"status": "storage-full"}, "It is storage-full."),
        ({"retention_days": 0}, "It makes no backups (its retention is 0 days): set aws_database_retention_days"),
        ({"parameter_groups": {"own": "pending-reboot"}}, "Parameters of own wait for a restart"),
        ({"multi_az": False}, "No standby waits in another zone (aws_database_multi_az)"),
    ],
)
def test_an_instance_that_is_not_as_it_should_be(given: dict[str, Any], told: str) -> None:
    problems = status(state(instance(**{"multi_az": True, **given})), NOW, 27, True)["problems"]
    assert len(problems) == 1
    assert problems[0].startswith(f"{NAME}: {told}")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"snapshots": []}, "There is no backup."),
        ({"snapshots": [snapshot("old", 28)]}, "The newest backup is 28 h old, and one was due after 27 h"),
        ({"snapshots": [snapshot("other's", resource="db-before")]}, "There is no backup."),
        ({"snapshots": [snapshot("by hand", type="manual")]}, "There is no backup."),
        ({"window": {"earliest": NOW - 9000, "latest": NOW - 3600}}, "One can go back to 60 min ago at the latest"),
    ],
)
def test_backups_that_are_late(given: dict[str, Any], told: str) -> None:
    problems = status(state(instance(), **given), NOW, 27, False)["problems"]
    assert len(problems) == 1
    assert problems[0].startswith(f"{NAME}: {told}")


def test_a_new_instance_may_be_without_a_backup_for_a_day() -> None:
    assert status(state(instance(created=NOW - 600), snapshots=[]), NOW, 27, False)["problems"] == []


def test_a_replica_that_does_not_follow() -> None:
    replica = instance("shop-replica", replica_of=NAME, replication="error")
    found = status(state(instance(replicas=["shop-replica"]), replica), NOW, 27, False)
    assert found["problems"] == [f"{NAME}: The replica shop-replica is available, and its replication error."]
    assert "replica          shop-replica: error" in found["lines"]


def test_what_waits_and_what_is_beside_it_is_said() -> None:
    maintenance = [{"action": "system-update", "description": "", "by_itself": None, "forced": NOW}]
    live = instance(pending={"DBInstanceClass": "db.t4g.medium"})
    lines = status(state(live, instance(f"{NAME}-before"), maintenance=maintenance), NOW, 27, False)["lines"]
    assert "pending          DBInstanceClass, from sun:03:30-sun:04:30 (UTC) on" in lines
    assert "maintenance      system-update, AWS does it from 2026-11-18 11:06:40+00 on" in lines
    assert any(
        one.startswith(f"beside it        {NAME}-before, which costs: -e restore_remove=before") for one in lines
    )


def test_an_instance_that_is_gone_is_told_from_one_that_is_being_renamed() -> None:
    window = {"earliest": None, "latest": None}
    gone = status(state(window=window), NOW, 27, False)
    assert gone["problems"] == [f"{NAME}: there is no such instance: playbooks/aws_provision.yml makes one."]
    cut = status(state(instance(f"{NAME}-before"), window=window), NOW, 27, False)
    assert "was cut while it renamed them. Run the same playbook again." in cut["problems"][0]
