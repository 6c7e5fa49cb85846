"""Which hosts come and go."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.django_ec2.site.plugins.plugin_utils.aws.layout import hosts
from ansible_collections.django_ec2.site.plugins.plugin_utils.aws.scale import database_resize, scale_plan

PRESET = {
    "web": {"count": 2, "type": "t3.small", "disk_gb": 30}, "database": {"count": 1, "type": "t3.medium", "disk_gb": 60},
    "nat": "none",
}  # fmt: skip


def instances(**roles: str) -> list[dict[str, Any]]:
    return [
        {"instance_id": f"i-{name}", "tags": {"Name": name, "Role": role, "HostKey": "ssh-ed25519 AAAA"}}
        for name, role in roles.items()
    ]


def plan(there: list[dict[str, Any]], web: int, wanted: int = 0, entrance: str = "balancer") -> dict[str, Any]:
    return scale_plan(there, hosts(PRESET, "self_hosted", web), entrance, wanted, "lab-aws")


SMALL = instances(web1="web", web2="web", db1="database")


def test_a_presets_number_of_web_hosts_can_be_another() -> None:
    assert list(hosts(PRESET, "self_hosted")) == ["web1", "web2", "db1"]
    made = hosts(PRESET, "self_hosted", 4)
    assert {name: one["subnet"] for name, one in made.items()} == {
        "web1": "public-a", "web2": "public-b", "web3": "public-a", "web4": "public-b", "db1": "public-a",
    }  # fmt: skip


def test_hosts_come_and_go_until_they_are_those_of_the_inventory() -> None:
    more = plan(SMALL, 4)
    assert (list(more["joining"]), more["leaving"], more["problems"]) == (["web3", "web4"], {}, [])
    assert more["joining"]["web3"]["type"] == "t3.small"
    assert "web3 is started, configured, and put into the balancer when it serves" in more["lines"]
    less = plan([*SMALL, *instances(web3="web", web4="web")], 2)
    assert (less["joining"], less["leaving"]) == ({}, {"web3": "i-web3", "web4": "i-web4"})
    assert "web4 (i-web4) leaves the balancer, and is terminated" in less["lines"]
    assert plan(SMALL, 2)["lines"] == []


def test_a_run_that_was_cut_is_gone_on_with() -> None:
    assert list(plan([*SMALL, *instances(web3="web")], 4)["joining"]) == ["web4"]
    (keyless,) = instances(web3="web")
    del keyless["tags"]["HostKey"]
    assert list(plan([*SMALL, keyless], 4)["joining"]) == ["web3", "web4"]


@pytest.mark.parametrize("role", ["web database", "database", "redis", "backup", ""])
def test_what_may_have_data_is_never_taken_away(role: str) -> None:
    assert plan([*SMALL, *instances(other=role)], 2)["leaving"] == {}


def test_another_number_than_the_inventorys_is_refused_with_what_to_write() -> None:
    (problem,) = plan(SMALL, 2, wanted=4)["problems"]
    assert problem.startswith(
        "web is 4, and the inventory asks for 2 (web1, web2). Write aws_web_count: 4 into group_vars/env_lab_aws/"
    )
    assert plan(SMALL, 4, wanted=4)["problems"] == []


def test_more_than_one_needs_a_balancer() -> None:
    assert (
        "aws_fleet_entrance is elastic_ip, which leads to web1 alone"
        in plan(SMALL, 2, entrance="elastic_ip")["problems"][0]
    )
    assert plan(SMALL, 1, entrance="elastic_ip")["problems"] == []


def test_a_host_of_a_kind_that_there_is_none_of_is_left_to_provision() -> None:
    (problem,) = plan(instances(web1="web", web2="web"), 2)["problems"]
    assert problem.startswith("db1: no host with the same groups is there yet")
    assert "playbooks/aws_provision.yml" in problem


INSTANCE = {"db_instance_class": "db.t4g.small", "allocated_storage": 50, "db_instance_status": "available"}


def resized(size: str, storage_gb: int, **found: Any) -> dict[str, Any]:
    return database_resize([{**INSTANCE, **found}], "shop-production", size, storage_gb, 0, 0)


def test_what_changes_of_a_database_is_said_with_what_visitors_notice() -> None:
    assert resized("db.t4g.small", 50) == {"lines": [], "problem": ""}
    assert resized("db.m7g.large", 80)["lines"] == [
        "shop-production: class db.t4g.small becomes db.m7g.large",
        "shop-production: storage 50 becomes 80 GiB",
        "shop-production restarts for its new class: requests fail for some minutes.",
    ]
    assert "a failover" in resized("db.m7g.large", 50, multi_az=True)["lines"][-1]
    assert resized("db.t4g.small", 80)["lines"] == ["shop-production: storage 50 becomes 80 GiB"]


def test_a_database_that_takes_no_change_now_is_told() -> None:
    assert (
        "is storage-optimization: RDS"
        in resized("db.m7g.large", 50, db_instance_status="storage-optimization")["problem"]
    )
    assert resized("db.t4g.small", 50, db_instance_status="storage-optimization")["problem"] == ""
    pending = resized("db.m7g.large", 50, pending_modified_values={"db_instance_class": "db.m7g.large"})
    assert pending["problem"].startswith("class of shop-production wait for its maintenance window")
    assert "RDS has no instance x" in database_resize([], "x", "db.t4g.small", 20, 0, 0)["problem"]
