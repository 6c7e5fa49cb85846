"""Which hosts get another size, in which order, and what visitors see of it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.django_ec2.site.plugins.plugin_utils.aws.resize import (
    resize_memory_problem,
    resize_order,
    resize_outage,
    resize_plan,
)

HOSTS = {
    "web1": {"groups": ["web"], "type": "t3.small", "disk_gb": 30},
    "db1": {"groups": ["database"], "type": "t3.medium", "disk_gb": 60},
}
DISKS = {"vol-web1": 30, "vol-db1": 60}


def instance(name: str, kind: str, state: str = "running", **tags: str) -> dict[str, Any]:
    return {
        "instance_id": f"i-{name}", "instance_type": kind, "architecture": "x86_64", "state": {"name": state},
        "root_device_name": "/dev/xvda", "placement": {"availability_zone": "eu-central-1a"}, "tags": {"Name": name, **tags},
        "block_device_mappings": [
            {"device_name": "/dev/xvdb", "ebs": {"volume_id": "vol-other"}},
            {"device_name": "/dev/xvda", "ebs": {"volume_id": f"vol-{name}"}},
        ],
    }  # fmt: skip


def plan(web: dict[str, Any], only: str = "", architecture: str = "x86_64", **wanted: Any) -> dict[str, Any]:
    hosts = {**HOSTS, "web1": {**HOSTS["web1"], **wanted}}
    return resize_plan([web, instance("db1", "t3.medium")], DISKS, hosts, architecture, only)


def test_only_what_differs_is_changed() -> None:
    assert plan(instance("web1", "t3.small"))["hosts"] == {}
    larger = plan(instance("web1", "t3.small"), type="t3.large", disk_gb=50)
    assert larger["lines"] == ["web1: t3.small becomes t3.large", "web1: its disk of 30 GiB becomes 50 GiB"]
    assert larger["problems"] == []
    found = larger["hosts"]["web1"]
    assert (found["instance"], found["volume"], found["disk_gb"], found["changes"]) == ("i-web1", "vol-web1", 50, True)
    # Preflight refuses a smaller disk before; it is never asked for here.
    assert plan(instance("web1", "t3.small"), disk_gb=20)["hosts"] == {}


def test_a_volume_that_cannot_be_told_from_others_is_left_alone() -> None:
    strange = {**instance("web1", "t3.small"), "root_device_name": "/dev/sda1"}
    assert plan(strange, type="t3.large", disk_gb=50)["hosts"]["web1"]["volume"] == ""
    strange["block_device_mappings"] = strange["block_device_mappings"][1:]
    assert plan(strange, disk_gb=50)["hosts"]["web1"]["volume"] == "vol-web1"


def test_what_a_cut_run_left_is_owed() -> None:
    stopped = plan(instance("web1", "t3.small", "stopped", Resizing="t3.large"), type="t3.large")["hosts"]["web1"]
    assert (stopped["owed"], stopped["changes"]) == (True, True)
    started = plan(instance("web1", "t3.large", Resizing="t3.large"), type="t3.large")["hosts"]["web1"]
    assert (started["owed"], started["changes"]) == (False, False)
    assert started["lines"] == ["web1: it is in its new size, and goes back to its visitors"]


def test_what_cannot_be_changed_is_refused() -> None:
    (other,) = plan(instance("web1", "t3.small"), architecture="arm64", type="t4g.large")["problems"]
    assert other.startswith(
        "web1 runs an image of x86_64, and t4g.large is of arm64: no instance changes its architecture"
    )
    (stopped,) = plan(instance("web1", "t3.small", "stopped"), type="t3.large")["problems"]
    assert "aws_power.yml -e power=running -e host=web1" in stopped
    (unknown,) = plan(instance("web1", "t3.small"), only="web7", type="t3.large")["problems"]
    assert unknown == "host is web7, which is no host of the environment: choose from web1, db1."
    assert plan(instance("web1", "t3.small"), only="db1", type="t3.large")["hosts"] == {}


@pytest.mark.parametrize(
    ("name", "groups", "balanced", "web_hosts", "primary", "database_hosts", "said"),
    [
        ("web1", ["web"], True, 2, False, 1, ""),
        ("db2", ["database"], False, 2, False, 2, ""),
        ("web1", ["web"], True, 1, False, 1, "the only web host: its visitors get no answer"),
        ("web1", ["web"], False, 2, False, 1, "web1 is not behind a balancer: its visitors get no answer"),
        ("web1", ["web", "database"], False, 1, True, 1, "has the primary: every request that asks the database fails"),
        ("db1", ["database"], False, 2, True, 2, "playbooks/database_promote.yml -e to=…"),
        ("cache", ["redis"], False, 2, False, 1, "cache has Redis"),
    ],
)
def test_what_visitors_see_is_said(
    name: str, groups: list[str], balanced: bool, web_hosts: int, primary: bool, database_hosts: int, said: str
) -> None:
    seen = resize_outage(name, groups, balanced, web_hosts, primary, database_hosts)
    assert (said in seen) if said else seen == ""


def test_the_primary_is_the_last() -> None:
    fresh = {name: {"begun": False} for name in ("db1", "db2", "web1", "web2")}
    assert resize_order(["db1", "db2", "web1"], "db1", fresh) == ["db2", "web1", "db1"]
    assert resize_order(["web2", "web1"], "", fresh) == ["web1", "web2"]
    # web1 could not leave the balancer while web2 is out of it.
    assert resize_order(["web1", "web2"], "", {**fresh, "web2": {"begun": True}}) == ["web2", "web1"]


def test_a_database_gets_smaller_in_steps() -> None:
    assert resize_memory_problem("db1", True, 7800, "t3.medium", 4096) == ""
    assert "PostgreSQL keeps buffers" in resize_memory_problem("db1", True, 7800, "t3.small", 2048)
    assert resize_memory_problem("web1", False, 7800, "t3.small", 2048) == ""
