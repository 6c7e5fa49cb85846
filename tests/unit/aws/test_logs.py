"""Where AWS writes logs: the flow log that a VPC should have, and who may write into the bucket."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.django_ec2.site.plugins.module_utils import vpc_flow_logs
from ansible_collections.django_ec2.site.plugins.plugin_utils.aws import policies

BUCKET = "arn:aws:s3:::logs/network/"


def flow_log(name: str, destination: str = BUCKET) -> dict[str, Any]:
    return {"FlowLogId": name, "LogDestination": destination}


@pytest.mark.parametrize(
    ("there", "wanted", "make", "remove"),
    [
        ([], BUCKET, BUCKET, []),
        ([flow_log("fl-1")], BUCKET, "", []),
        ([flow_log("fl-1", "arn:aws:s3:::other/")], BUCKET, BUCKET, ["fl-1"]),
        ([flow_log("fl-1"), flow_log("fl-2")], BUCKET, "", ["fl-2"]),
        ([flow_log("fl-1")], "", "", ["fl-1"]),
        ([{"FlowLogId": "fl-1", "LogGroupName": "by hand"}], BUCKET, BUCKET, ["fl-1"]),
        ([], "", "", []),
    ],
)
def test_a_vpc_has_one_flow_log(there: list[dict[str, Any]], wanted: str, make: str, remove: list[str]) -> None:
    assert vpc_flow_logs.plan(there, wanted) == (make, remove)


class Client:
    """EC2, which makes none."""

    def create_flow_logs(self, **_words: Any) -> dict[str, Any]:
        return {"Unsuccessful": [{"ResourceId": "vpc-1", "Error": {"Code": "400", "Message": "no such bucket"}}]}


def test_a_flow_log_that_aws_did_not_make_is_an_error() -> None:
    with pytest.raises(vpc_flow_logs.FlowLogError, match="vpc-1 into arn:aws:s3:::logs/network/: no such bucket"):
        vpc_flow_logs.apply(Client(), "vpc-1", {"Project": "shop"}, BUCKET, [])


def test_each_service_writes_into_its_directory_and_for_this_account_alone() -> None:
    said = policies.bucket_policy("logs", "aws", "123456789012")["Statement"]
    allowed = {one["Sid"]: one for one in said if one["Effect"] == "Allow" and one["Action"] == ["s3:PutObject"]}
    assert {one["Resource"] for one in allowed.values()} == {
        "arn:aws:s3:::logs/buckets/*",
        "arn:aws:s3:::logs/balancer/AWSLogs/123456789012/*",
        "arn:aws:s3:::logs/network/AWSLogs/123456789012/*",
    }
    assert allowed["Buckets"]["Condition"]["StringEquals"] == {"aws:SourceAccount": "123456789012"}
    assert allowed["AWSLogDeliveryWrite"]["Condition"]["StringEquals"]["aws:SourceAccount"] == "123456789012"
    assert said[-1]["Effect"] == "Deny"


def test_a_bucket_without_logs_lets_nobody_write() -> None:
    assert [one["Effect"] for one in policies.bucket_policy("media", "aws")["Statement"]] == ["Deny"]
