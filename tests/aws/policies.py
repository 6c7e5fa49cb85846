"""The policies of docs/policies/, held against the calls that a playbook made."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from tests.aws.rehearsal import ROOT

# The names that IAM has for services and operations, where they are others.
SERVICES = {"monitoring": "cloudwatch"}
ACTIONS = {
    "s3:GetBucketAccelerateConfiguration": "s3:GetAccelerateConfiguration",
    "s3:GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "s3:GetBucketInventoryConfiguration": "s3:GetInventoryConfiguration",
    "s3:GetBucketLifecycleConfiguration": "s3:GetLifecycleConfiguration",
    "s3:GetObjectLockConfiguration": "s3:GetBucketObjectLockConfiguration",
    "s3:GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
    "s3:HeadBucket": "s3:ListBucket",
    "s3:HeadObject": "s3:GetObject",
    "s3:ListBuckets": "s3:ListAllMyBuckets",
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:ListObjectVersions": "s3:ListBucketVersions",
    "s3:PutBucketEncryption": "s3:PutEncryptionConfiguration",
    "s3:PutBucketLifecycleConfiguration": "s3:PutLifecycleConfiguration",
    "s3:PutPublicAccessBlock": "s3:PutBucketPublicAccessBlock",
}


def allowed(playbook: str) -> set[str]:
    """The actions of a playbook's policy."""
    policy = json.loads((ROOT / "docs/policies" / f"{playbook}.json").read_text())
    return {action for statement in policy["Statement"] for action in statement["Action"]}


def needed(calls: Iterable[Mapping[str, Any]]) -> set[str]:
    """The actions that IAM asks for, for these lines of the journal."""
    found = {f"{SERVICES.get(one['service'], one['service'])}:{one['action']}" for one in calls}
    return {ACTIONS.get(one, one) for one in found}


def compare(playbook: str, calls: Iterable[Mapping[str, Any]], without_call: Mapping[str, str]) -> None:
    """Each call is allowed, and nothing is allowed that was not called, but for what has a reason."""
    own, asked = allowed(playbook), needed(calls)
    page = f"docs/policies/{playbook}.json"
    assert asked - own == set(), f"{page} lacks {sorted(asked - own)}"
    assert own - asked == set(without_call), (
        f"{page} has without a call or a reason: {sorted((own - asked) ^ set(without_call))}"
    )
