# SPDX-License-Identifier: MIT
"""Flow logs of a VPC."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


class FlowLogError(Exception):
    """AWS made none; the message says why."""


def find(client: Any, vpc: str, tags: Mapping[str, str]) -> list[dict[str, Any]]:
    """Those of a VPC that carry these tags."""
    filters = [{"Name": "resource-id", "Values": [vpc]}]
    filters += [{"Name": f"tag:{key}", "Values": [value]} for key, value in tags.items()]
    pages = client.get_paginator("describe_flow_logs").paginate(Filters=filters)
    return [one for page in pages for one in page["FlowLogs"]]


def plan(there: Iterable[Mapping[str, Any]], destination: str) -> tuple[str, list[str]]:
    """The destination of one that is missing, or "", and the ids of those that have to go: of two with the right one, the second."""
    right = [one["FlowLogId"] for one in there if destination and one.get("LogDestination") == destination]
    wrong = [one["FlowLogId"] for one in there if one["FlowLogId"] not in right[:1]]
    return ("" if right else destination), wrong


def apply(client: Any, vpc: str, tags: Mapping[str, str], make: str, remove: list[str]) -> None:
    """Make the one that is missing, then remove the others: nothing goes unlogged.

    Raises:
        FlowLogError: AWS made none.
    """
    if make:
        own = [{"Key": key, "Value": value} for key, value in tags.items()]
        answer = client.create_flow_logs(
            ResourceType="VPC", ResourceIds=[vpc], TrafficType="ALL", LogDestinationType="s3", LogDestination=make,
            TagSpecifications=[{"ResourceType": "vpc-flow-log", "Tags": own}],
        )  # fmt: skip
        for one in answer.get("Unsuccessful") or []:
            raise FlowLogError(f"AWS logs no connections of {vpc} into {make}: {one['Error']['Message']}")
    if remove:
        client.delete_flow_logs(FlowLogIds=remove)
