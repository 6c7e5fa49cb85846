"""What the rehearsal's journal calls a request, and which requests count as writing."""

from __future__ import annotations

from typing import Any

import boto3
import botocore.awsrequest
import pytest

from lab.kinds.aws.endpoint.calls import Call, identify

KEY = "AKIALABREHEARSAL0000"
BUCKET = {"Bucket": "releases"}


def call_of(service: str, method: str, **words: Any) -> Call:
    """What `identify` says of a request as boto3 signs and sends it."""
    client = boto3.client(
        service, endpoint_url="http://127.0.0.1:9", region_name="eu-central-1", aws_access_key_id=KEY,
        aws_secret_access_key="test",
    )  # fmt: skip
    found: list[Call] = []

    def look(request: botocore.awsrequest.AWSPreparedRequest, **_named: Any) -> botocore.awsrequest.AWSResponse:
        path, _, query = request.url.partition("127.0.0.1:9")[2].partition("?")
        headers = {
            name.lower(): value.decode() if isinstance(value, bytes) else value
            for name, value in request.headers.items()
        }
        body = request.body or b""
        body = body.encode() if isinstance(body, str) else body if isinstance(body, bytes) else b""
        found.append(identify(request.method, path, query, headers, body))
        return botocore.awsrequest.AWSResponse(request.url, 500, {}, None)

    client.meta.events.register("before-send", look)
    with pytest.raises(Exception):  # noqa: B017 - nobody answers
        getattr(client, method)(**words)
    return found[0]


@pytest.mark.parametrize(
    ("service", "method", "words", "expected"),
    [
        ("ec2", "describe_instances", {}, ("ec2", "DescribeInstances", False)),
        ("ec2", "run_instances", {"MinCount": 1, "MaxCount": 1}, ("ec2", "RunInstances", True)),
        ("ec2", "run_instances", {"MinCount": 1, "MaxCount": 1, "DryRun": True}, ("ec2", "RunInstances", False)),
        ("elbv2", "create_rule", {"ListenerArn": "a", "Conditions": [], "Priority": 1, "Actions": []},
         ("elasticloadbalancing", "CreateRule", True)),
        ("rds", "describe_db_instances", {}, ("rds", "DescribeDBInstances", False)),
        ("ssm", "get_parameter", {"Name": "a"}, ("ssm", "GetParameter", False)),
        ("secretsmanager", "create_secret", {"Name": "a"}, ("secretsmanager", "CreateSecret", True)),
        ("sts", "get_caller_identity", {}, ("sts", "GetCallerIdentity", False)),
        ("cloudwatch", "describe_alarms", {}, ("monitoring", "DescribeAlarms", False)),
        ("cloudwatch", "delete_alarms", {"AlarmNames": ["a"]}, ("monitoring", "DeleteAlarms", True)),
        ("route53", "list_hosted_zones", {}, ("route53", "ListHostedZones", False)),
        ("route53", "change_resource_record_sets",
         {"HostedZoneId": "Z1", "ChangeBatch": {"Changes": [
             {"Action": "UPSERT", "ResourceRecordSet": {"Name": "a", "Type": "A"}}]}},
         ("route53", "ChangeResourceRecordSets", True)),
        ("efs", "describe_file_systems", {}, ("elasticfilesystem", "DescribeFileSystems", False)),
        ("efs", "create_file_system", {"CreationToken": "a"}, ("elasticfilesystem", "CreateFileSystem", True)),
        ("s3", "list_buckets", {}, ("s3", "ListBuckets", False)),
        ("s3", "create_bucket", BUCKET, ("s3", "CreateBucket", True)),
        ("s3", "head_bucket", BUCKET, ("s3", "HeadBucket", False)),
        ("s3", "list_objects_v2", BUCKET, ("s3", "ListObjectsV2", False)),
        ("s3", "get_bucket_lifecycle_configuration", BUCKET, ("s3", "GetBucketLifecycleConfiguration", False)),
        ("s3", "put_public_access_block", {**BUCKET, "PublicAccessBlockConfiguration": {}},
         ("s3", "PutPublicAccessBlock", True)),
        ("s3", "get_object", {**BUCKET, "Key": "a/b"}, ("s3", "GetObject", False)),
        ("s3", "put_object", {**BUCKET, "Key": "a/b", "Body": b"x"}, ("s3", "PutObject", True)),
        ("s3", "copy_object", {**BUCKET, "Key": "a/b", "CopySource": "releases/c"}, ("s3", "CopyObject", True)),
        ("s3", "put_object_tagging", {**BUCKET, "Key": "a/b", "Tagging": {"TagSet": []}},
         ("s3", "PutObjectTagging", True)),
    ],
)  # fmt: skip
def test_a_request_of_boto3(service: str, method: str, words: dict[str, Any], expected: tuple[str, str, bool]) -> None:
    call = call_of(service, method, **words)
    assert (call.service, call.action, call.writes) == expected
    assert call.key == KEY


def test_a_request_that_nobody_signed_counts_by_its_method() -> None:
    assert identify("GET", "/a/b/c", "", {}, b"").writes is False
    assert identify("POST", "/a/b/c", "what", {}, b"").writes is True
