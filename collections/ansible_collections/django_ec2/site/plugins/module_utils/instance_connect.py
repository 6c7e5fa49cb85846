# SPDX-License-Identifier: MIT
"""An EC2 Instance Connect Endpoint: a way for SSH to hosts without a public address. A VPC has one at most."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

READY = ("create-complete", "update-complete", "update-failed")
COMING = ("create-in-progress", "update-in-progress")
GOING = ("delete-in-progress", "delete-complete")
PAUSE_SECONDS = 5


class EndpointError(Exception):
    """It can't be made what was asked for; the message says what to do."""


class Step(NamedTuple):
    """One call that changes something: its name in boto3, its words, and what it does, for people."""

    call: str
    words: dict[str, Any]
    said: str


def find(client: Any, vpc: str) -> dict[str, Any] | None:
    """The one of a VPC, as EC2 describes it; None where there is none.

    Raises:
        EndpointError: it is going, or it failed.
    """
    filters = [{"Name": "vpc-id", "Values": [vpc]}]
    pages = client.get_paginator("describe_instance_connect_endpoints").paginate(Filters=filters)
    for page in pages:
        for one in page["InstanceConnectEndpoints"]:
            name, state = one["InstanceConnectEndpointId"], one["State"]
            if state == "delete-in-progress":
                raise EndpointError(
                    f"The endpoint {name} of {vpc} is being deleted: wait some minutes and run it again."
                )
            if state not in (*READY, *COMING, *GOING):
                raise EndpointError(
                    f"The endpoint {name} of {vpc} is {state} ({one.get('StateMessage') or 'AWS says not why'}): delete it and run it "
                    f"again: aws ec2 delete-instance-connect-endpoint --instance-connect-endpoint-id {name}"
                )
            if state not in GOING:
                return dict(one)
    return None


def plan(
    there: Mapping[str, Any] | None, name: str, tags: Mapping[str, str], subnet: str, groups: Sequence[str]
) -> Iterator[Step]:
    """What is to be done.

    Args:
        there: what there is.
        name: its tag `Name`, and the token by which AWS makes no second one.
        tags: the others.
        subnet: where one is made; one that is there stays in its own.
        groups: ids of its security groups.
    """
    wanted = {**tags, "Name": name}
    if there is None:
        words = {
            "SubnetId": subnet, "SecurityGroupIds": list(groups), "PreserveClientIp": False,
            "TagSpecifications": [{"ResourceType": "instance-connect-endpoint", "Tags": _listed(wanted)}],
        }  # fmt: skip
        yield Step("create_instance_connect_endpoint", words, f"endpoint {name}")
        return
    own = there["InstanceConnectEndpointId"]
    has = {tag["Key"]: tag["Value"] for tag in there.get("Tags", [])}
    if other := {key: value for key, value in wanted.items() if has.get(key) != value}:
        yield Step("create_tags", {"Resources": [own], "Tags": _listed(other)}, f"tags {', '.join(other)}")
    if sorted(there["SecurityGroupIds"]) != sorted(groups):
        words = {"InstanceConnectEndpointId": own, "SecurityGroupIds": list(groups)}
        yield Step("modify_instance_connect_endpoint", words, f"security groups of {own}")


def _listed(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def wait(client: Any, vpc: str, seconds: float) -> str:
    """Wait until it can be used; its id.

    Raises:
        EndpointError: it was not ready in time, or AWS gave it up.
    """
    deadline = time.monotonic() + seconds
    while True:
        one = find(client, vpc)
        if one and one["State"] in READY:
            return str(one["InstanceConnectEndpointId"])
        if time.monotonic() > deadline:
            raise EndpointError(f"The endpoint of {vpc} was not ready within {seconds:.0f} seconds: run it again.")
        time.sleep(PAUSE_SECONDS)
