# SPDX-License-Identifier: MIT
"""An auto-scaling group: what it is made of, whom the other hosts let in for it, and where it could not serve."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.django_ec2.site.plugins.plugin_utils.aws import autoscaling, layout

GIVEN = {"min": 2, "max": 6, "cpu_percent": 60}
SUBNETS = layout.subnets("10.20.0.0/16", ["eu-central-1a", "eu-central-1b"])
GROUPS = {"web": ["web1", "web2"], "database": ["db1"]}


def application(**changes: Any) -> dict[str, Any]:
    own = {"name": "shop", "media_storage": "none", "managed_settings": [], "root": "/srv/shop"}
    return {**own, "environment": {}, "secret_environment": {}, "settings": {}, **changes}


def problems(given: Any = None, groups: Any = None, entrance: str = "balancer", bucket: str = "b", **own: Any) -> Any:
    return autoscaling.problems(
        GIVEN if given is None else given, groups or GROUPS, entrance, bucket, [application(**own)]
    )


def test_instances_are_where_the_web_hosts_are() -> None:
    assert autoscaling.networks(GIVEN, SUBNETS, "none") == ["10.20.0.0/20", "10.20.16.0/20"]
    assert autoscaling.networks(GIVEN, SUBNETS, "per_zone") == ["10.20.128.0/20", "10.20.144.0/20"]
    assert autoscaling.networks({}, SUBNETS, "none") == []
    made = autoscaling.settings(GIVEN, {"type": "t3.small", "disk_gb": 30, "count": 2}, SUBNETS, "none")
    assert made == {**GIVEN, "most": 7, "type": "t3.small", "disk_gb": 30, "subnets": ["public-a", "public-b"]}
    assert autoscaling.settings({}, {}, SUBNETS, "none") == {}


@pytest.mark.parametrize(("largest", "most"), [(1, 2), (6, 7), (10, 11), (20, 22)])
def test_while_an_image_is_exchanged_there_is_one_more_of_ten(largest: int, most: int) -> None:
    assert autoscaling.most({**GIVEN, "max": largest}) == most
    assert autoscaling.most({}) == 0


def test_an_instance_is_told_its_bucket_before_anything_serves() -> None:
    first, _, rest = autoscaling.user_data("shop-releases", "eu-central-1").partition("\n")
    assert first == "#cloud-config"
    (file,) = json.loads(rest)["write_files"]
    assert file["path"] == autoscaling.FOLLOWED_BUCKET
    assert json.loads(file["content"]) == {"bucket": "shop-releases", "region": "eu-central-1", "endpoint": ""}


def test_a_good_environment_and_one_without_a_group() -> None:
    assert problems() == []
    assert problems(media_storage="shared") == []
    assert problems({}, entrance="elastic_ip", bucket="", media_storage="local") == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("on", "aws_web_autoscaling is on: write {min: 2, max: 6, cpu_percent: 60}, or {} for no"),
        ({"min": 2, "max": 6}, "write {min: 2, max: 6, cpu_percent: 60}"),
        ({**GIVEN, "desired": 3}, "write {min: 2, max: 6, cpu_percent: 60}"),
        ({**GIVEN, "max": "many"}, "max must be whole numbers"),
        ({**GIVEN, "min": True}, "min must be whole numbers"),
        ({**GIVEN, "min": 7}, "min 7 and max 6"),
        ({**GIVEN, "min": 0}, "min is 1 or more"),
        ({**GIVEN, "max": 101}, "max from min to 100"),
        ({**GIVEN, "cpu_percent": 95}, "is from 10 to 90"),
    ],
)
def test_values_that_are_none(given: Any, said: str) -> None:
    (problem,) = problems(given)
    assert said in problem


def test_where_instances_could_not_serve() -> None:
    assert "write aws_fleet_entrance: balancer" in problems(entrance="elastic_ip")[0]
    assert "write release_bucket" in problems(bucket="")[0]
    assert "web1 is in web and in redis" in problems(groups={"web": ["web1"], "redis": ["web1"]})[0]
    assert "media_storage: shared" in problems(media_storage="local")[0]
    assert "media_storage: shared" in problems(media_storage="", managed_settings=["media"])[0]
    assert problems(media_storage="", environment={"DEBUG": "0"}) == []
