"""A file system of EFS: what is planned for one that is there, and what AWS says twice."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.amazon.aws.plugins.module_utils.policy import compare_policies
from ansible_collections.django_ec2.site.plugins.module_utils import efs_file_system as efs
from botocore.exceptions import ClientError

ARN = "arn:aws:elasticfilesystem:eu-central-1:123456789012:file-system/fs-1"
WANTED = efs.Wanted("shop-production", {"Project": "shop"}, ["subnet-a", "subnet-b"], ["sg-files"], archive_days=30)
THERE = efs.Found(
    id="fs-1", arn=ARN, tags={"Project": "shop", "Name": "shop-production"}, encrypted=True, throughput="elastic",
    lifecycle=[{"TransitionToPrimaryStorageClass": "AFTER_1_ACCESS"}, {"TransitionToIA": "AFTER_30_DAYS"}],
    backups=True, policy=efs.policy(ARN),
    targets={"subnet-a": ("fsmt-a", ["sg-files"]), "subnet-b": ("fsmt-b", ["sg-files"])},
)  # fmt: skip


def calls(there: efs.Found, wanted: efs.Wanted = WANTED) -> list[tuple[str, dict[str, Any]]]:
    return [(step.call, step.words) for step in efs.plan(there, wanted, compare_policies)]


def test_what_is_as_it_should_be_is_left() -> None:
    assert calls(THERE) == []
    # Tags of somebody else, and a mount target in a subnet that nobody asked for, stay.
    more = {**THERE.targets, "subnet-c": ("fsmt-c", ["sg-other"])}
    assert calls(replace(THERE, tags={**THERE.tags, "Cost": "42"}, targets=more)) == []


@pytest.mark.parametrize(
    ("there", "call"),
    [
        ({"tags": {"Project": "other", "Name": "shop-production"}}, "tag_resource"),
        ({"throughput": "bursting"}, "update_file_system"),
        ({"lifecycle": []}, "put_lifecycle_configuration"),
        ({"backups": False}, "put_backup_policy"),
        ({"policy": {}}, "put_file_system_policy"),
        ({"targets": {"subnet-a": ("fsmt-a", ["sg-files"])}}, "create_mount_target"),
        (
            {"targets": {"subnet-a": ("fsmt-a", ["sg-x"]), "subnet-b": ("fsmt-b", ["sg-files"])}},
            "modify_mount_target_security_groups",
        ),
    ],
)
def test_each_difference_is_one_call(there: dict[str, Any], call: str) -> None:
    assert [name for name, _ in calls(replace(THERE, **there))] == [call]


def test_no_days_leave_files_where_they_are() -> None:
    assert calls(replace(THERE, lifecycle=[]), replace(WANTED, archive_days=0)) == []
    (step,) = efs.plan(THERE, replace(WANTED, archive_days=0), compare_policies)
    assert (step.words["LifecyclePolicies"], step.said) == ([], "files stay")
    assert replace(WANTED, archive_days=1).lifecycle[0] == {"TransitionToIA": "AFTER_1_DAY"}


def test_one_that_is_not_encrypted_is_refused() -> None:
    with pytest.raises(efs.FileSystemError, match="fs-1 has the name shop-production and is not encrypted"):
        efs.plan(replace(THERE, encrypted=False), WANTED, compare_policies)


def test_nobody_comes_without_tls() -> None:
    allowed, denied = efs.policy(ARN)["Statement"]
    assert (denied["Effect"], denied["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
    assert allowed["Condition"] == {"Bool": {"elasticfilesystem:AccessedViaMountTarget": "true"}}
    assert allowed["Resource"] == denied["Resource"] == ARN


class Client:
    """EFS, which refuses a mount target, and has others."""

    def __init__(self, subnets: dict[str, str]) -> None:
        self.subnets = subnets

    def create_mount_target(self, **_words: Any) -> None:
        raise ClientError({"Error": {"Code": "MountTargetConflict", "Message": "there is one"}}, "CreateMountTarget")

    def get_paginator(self, _operation: str) -> Client:
        return self

    def paginate(self, **_words: Any) -> list[dict[str, Any]]:
        listed = [
            {"SubnetId": subnet, "MountTargetId": target, "LifeCycleState": "available"}
            for subnet, target in self.subnets.items()
        ]
        return [{"MountTargets": listed}]


def test_a_mount_target_that_a_lost_answer_made_is_none_too_many() -> None:
    (step,) = efs.plan(replace(THERE, targets={"subnet-a": ("fsmt-a", ["sg-files"])}), WANTED, compare_policies)
    efs.apply(Client({"subnet-b": "fsmt-b"}), [step])
    with pytest.raises(efs.FileSystemError, match=r"no mount target in subnet-b.*\(fsmt-9 in subnet-9\)"):
        efs.apply(Client({"subnet-9": "fsmt-9"}), [step])
