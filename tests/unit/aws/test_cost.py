"""The estimate of a month on AWS."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.django_ec2.site.plugins.plugin_utils.aws import cost

PRESETS = yaml.safe_load((Path(__file__).resolve().parents[3] / "group_vars/all/aws_presets.yml").read_text())[
    "aws_presets"
]
TABLE: dict[str, Any] = {
    "as_of": "2025-01-01",
    "hours_of_a_month": 100,
    "regions": {
        "here": {
            "instances": {"t3.medium": 1.0}, "databases": {"db.t4g.micro": 2.0}, "disk_gb": 0.5, "database_storage_gb": 1.0,
            "bucket_gb": 0.1, "balancer": 3.0, "balancer_unit": 1.0, "nat_gateway": 4.0, "public_address": 0.25, "files_gb": 0.3,
        }
    },
}  # fmt: skip


def test_each_thing_is_counted_once() -> None:
    settings = {
        "hosts": {"web1": {"type": "t3.medium", "disk_gb": 10, "subnet": "private-a"}},
        "entrance": "balancer",
        "nat": 2,
        "files_gb": 10,
        "database": {"class": "db.t4g.micro", "storage_gb": 20, "multi_az": True},
    }
    assert dict(cost.lines(settings, TABLE, "here")) == {
        "web1: t3.medium": 100.0,
        "web1: 10 GiB gp3": 5.0,
        "load balancer": 400.0,
        "2 NAT gateways": 800.0,
        "4 public addresses": 100.0,
        "10 GiB of files on EFS": 3.0,
        "RDS db.t4g.micro Multi-AZ": 400.0,
        "RDS 20 GiB gp3 Multi-AZ": 40.0,
    }


def test_an_auto_scaling_group_costs_from_its_least_to_its_most() -> None:
    group = {"min": 2, "max": 6, "type": "t3.medium", "disk_gb": 10, "subnets": ["public-a", "public-b"]}
    own = {"hosts": {}, "entrance": "elastic_ip", "nat": 0, "database": None, "autoscaling": group}
    each = 100.0 + 5.0 + 25.0
    assert dict(cost.lines(own, TABLE, "here")) == {"2 of the auto-scaling group: t3.medium, 10 GiB gp3": 2 * each}
    inside = {**own, "autoscaling": {**group, "subnets": ["private-a"]}}
    assert sum(dict(cost.lines(inside, TABLE, "here")).values()) == 2 * (each - 25.0)
    real = cost.report(own, PRESETS, [], "eu-central-1")
    assert any(line.endswith("with 6 instances of the auto-scaling group all the time") for line in real["lines"])


@pytest.mark.parametrize("region", sorted(cost.read()["regions"]))
def test_the_table_has_what_the_presets_need_in_each_of_its_regions(region: str) -> None:
    own = cost.of_preset(PRESETS["single"], "self_hosted", 10)
    made = cost.report(own, PRESETS, ["single", "small"], region)
    assert made["data"]["monthly"] == made["data"]["presets"]["single"]["self_hosted"]
    assert made["data"]["presets"]["small"]["rds"] > made["data"]["presets"]["single"]["rds"]
    assert any("From single to small" in line for line in made["lines"])
    assert made["data"]["as_of"] in made["lines"][0]


def test_files_cost_where_a_preset_shares_them() -> None:
    few, many = (
        cost.report(cost.of_preset(PRESETS["small"], "rds", size), PRESETS, [], "eu-central-1", files_gb=size)["data"]
        for size in (10, 110)
    )
    assert many["monthly"] - few["monthly"] == pytest.approx(36, abs=0.02)
    assert many["presets"]["small"]["rds"] - few["presets"]["small"]["rds"] == pytest.approx(36, abs=0.02)
    assert many["presets"]["single"] == few["presets"]["single"]


def test_what_has_no_price_is_named_with_what_there_is() -> None:
    own = {**cost.of_preset(PRESETS["single"], "self_hosted", 10)}
    own["hosts"]["web1"]["type"] = "t3.gigantic"
    with pytest.raises(cost.CostError, match=r"no instance type t3\.gigantic; it has .*t3\.medium"):
        cost.report(own, PRESETS, [], "eu-central-1")
    with pytest.raises(cost.CostError, match="no region mars-1"):
        cost.report(own, PRESETS, [], "mars-1")
    with pytest.raises(cost.CostError, match="give two of single, small"):
        cost.report(cost.of_preset(PRESETS["single"], "rds", 10), PRESETS, ["single", "tiny"], "eu-central-1")


def test_a_file_that_is_no_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "prices.yml").write_text("a: 1\n")
    with pytest.raises(cost.CostError, match="is no table of prices"):
        cost.read(str(tmp_path / "prices.yml"))
