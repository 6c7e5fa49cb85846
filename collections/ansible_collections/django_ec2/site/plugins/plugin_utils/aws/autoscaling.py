# SPDX-License-Identifier: MIT
"""Web hosts that come and go with the visitors: what an auto-scaling group is made of, and what it asks for. No call to AWS."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.django_ec2.site.plugins.plugin_utils.applications.storage import LOCAL, keeps_files

KEYS = ("min", "max", "cpu_percent")
FORM = "{min: 2, max: 6, cpu_percent: 60}"
LEAST_CPU, MOST_CPU = 10, 90
MOST_INSTANCES = 100
# Percent of the instances that there may be while a new image takes the place of the old one: new ones serve before old ones go.
REFRESH_PERCENT = 110
# With this file cloud-init tells an instance, before anything serves, that it follows a bucket (role release).
FOLLOWED_BUCKET = "/etc/release-follow/bucket.json"


def _public(nat: str) -> bool:
    """Whether web hosts are in the public subnets."""
    return nat == "none"


def subnets(all_subnets: Iterable[Mapping[str, Any]], nat: str) -> list[Mapping[str, Any]]:
    """The subnets of web hosts: public ones where there is no NAT gateway."""
    return [one for one in all_subnets if one["public"] is _public(nat)]


def networks(given: Mapping[str, Any], all_subnets: Iterable[Mapping[str, Any]], nat: str) -> list[str]:
    """The networks that instances of the group come from; none without a group.

    Args:
        given: the variable ``aws_web_autoscaling``.
        all_subnets: the variable ``aws_network_subnets``.
        nat: the variable ``aws_network_nat``.
    """
    return [str(one["cidr"]) for one in subnets(all_subnets, nat)] if given else []


def most(given: Mapping[str, Any]) -> int:
    """How many instances there may be at once, those among them that come while others are replaced."""
    return -(-int(given["max"]) * REFRESH_PERCENT // 100) if given else 0


def settings(
    given: Mapping[str, Any], web: Mapping[str, Any], all_subnets: Iterable[Mapping[str, Any]], nat: str
) -> dict[str, Any]:
    """The group as the role aws_fleet takes it; empty without one.

    Args:
        given: the variable ``aws_web_autoscaling``.
        web: what a preset says of web hosts, with ``type`` and ``disk_gb``.
        all_subnets: the variable ``aws_network_subnets``.
        nat: the variable ``aws_network_nat``.
    """
    if not given:
        return {}
    return {
        **{key: int(given[key]) for key in KEYS},
        "most": most(given),
        "type": web["type"],
        "disk_gb": int(web["disk_gb"]),
        "subnets": [one["name"] for one in subnets(all_subnets, nat)],
    }


def user_data(bucket: str, region: str, endpoint: str = "") -> str:
    """What cloud-init does at the first boot of an instance of the group.

    Args:
        bucket: with the releases.
        region: of the bucket.
        endpoint: of S3, where it is not AWS's own.
    """
    followed = json.dumps({"bucket": bucket, "region": region, "endpoint": endpoint}, sort_keys=True)
    # JSON is YAML, too.
    files = [{"path": FOLLOWED_BUCKET, "content": f"{followed}\n", "permissions": "0644"}]
    return f"#cloud-config\n{json.dumps({'write_files': files}, sort_keys=True)}\n"


def problems(
    given: Any,
    groups: Mapping[str, Sequence[str]],
    entrance: str,
    bucket: str,
    applications: Iterable[Mapping[str, Any]],
) -> list[str]:
    """Why instances that nobody configures could not serve, each with what to write instead.

    Args:
        given: the variable ``aws_web_autoscaling``.
        groups: the hosts of each group.
        entrance: how visitors come in.
        bucket: with the releases.
        applications: what ``resolve_applications`` returned.
    """
    if given == {}:
        return []
    return list(_shape(given)) or list(_site(groups, entrance, bucket, applications))


def _shape(given: Any) -> Iterator[str]:
    if not isinstance(given, Mapping) or set(given) != set(KEYS):
        yield f"aws_web_autoscaling is {given}: write {FORM}, or {{}} for no auto-scaling group."
        return
    if wrong := [key for key in KEYS if isinstance(given[key], bool) or not str(given[key]).isdecimal()]:
        yield f"aws_web_autoscaling: {', '.join(wrong)} must be whole numbers, as in {FORM}."
        return
    least, largest, cpu = (int(given[key]) for key in KEYS)
    if not 1 <= least <= largest <= MOST_INSTANCES:
        yield f"aws_web_autoscaling has min {least} and max {largest}: min is 1 or more, and max from min to {MOST_INSTANCES}."
    if not LEAST_CPU <= cpu <= MOST_CPU:
        yield f"aws_web_autoscaling.cpu_percent is {cpu}: the share of CPU that hosts are held at is from {LEAST_CPU} to {MOST_CPU}."


def _site(
    groups: Mapping[str, Sequence[str]], entrance: str, bucket: str, applications: Iterable[Mapping[str, Any]]
) -> Iterator[str]:
    if entrance != "balancer":
        yield f"aws_web_autoscaling needs a balancer, and aws_fleet_entrance is {entrance}: write aws_fleet_entrance: balancer."
    if not bucket:
        yield (
            "aws_web_autoscaling needs the bucket that instances take their releases from: write release_bucket (docs/aws.md, "
            '"Releases in the bucket").'
        )
    for group in ("database", "redis", "backup"):
        if both := sorted(set(groups.get("web") or []) & set(groups.get(group) or [])):
            yield (
                f"aws_web_autoscaling: {', '.join(both)} is in web and in {group}, and instances of the group would be copies of it or ask "
                f"it by another way than it does itself: give {group} a host of its own."
            )
    for entry in applications:
        if entry["media_storage"] == LOCAL or (not entry["media_storage"] and keeps_files(entry)):
            yield (
                f"applications.{entry['name']} keeps files on its web hosts, and those of an instance go with it: write media_storage: "
                "shared, or none when it keeps them in a storage of its own (docs/applications.md)."
            )
