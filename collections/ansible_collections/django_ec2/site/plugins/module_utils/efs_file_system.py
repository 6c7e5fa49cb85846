# SPDX-License-Identifier: MIT
"""A file system of EFS: what there is, what is to be done, and the doing. Found by its creation token, of which AWS has one in a region."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

# Without botocore, AnsibleAWSModule says so.
with contextlib.suppress(ImportError):
    from botocore.exceptions import ClientError

AVAILABLE, CREATING, UPDATING, DELETING, DELETED = "available", "creating", "updating", "deleting", "deleted"
ON, OFF = "ENABLED", "DISABLED"
# What AWS calls a policy that is just being put in place.
ON_ITS_WAY = {"ENABLING": ON, "DISABLING": OFF}
CLIENT_RIGHTS = ("ClientMount", "ClientWrite", "ClientRootAccess")
PAUSE_SECONDS = 5


class FileSystemError(Exception):
    """It can't be made what was asked for; the message says what to do."""


@dataclass(frozen=True)
class Wanted:
    """What the settings ask for.

    Attributes:
        name: the creation token, and the tag `Name`.
        tags: of the file system.
        subnets: ids of one subnet in each zone.
        security_groups: ids of those of the mount targets.
        throughput: ``elastic`` or ``bursting``.
        archive_days: after so many days without a read a file goes to the cheaper storage; 0 leaves all where they are.
        backups: whether AWS Backup copies it each day.
    """

    name: str
    tags: Mapping[str, str]
    subnets: Sequence[str] = ()
    security_groups: Sequence[str] = ()
    throughput: str = "elastic"
    archive_days: int = 0
    backups: bool = True

    @property
    def own_tags(self) -> dict[str, str]:
        """With its name."""
        return {**self.tags, "Name": self.name}

    @property
    def lifecycle(self) -> list[dict[str, str]]:
        """What comes back is read again: the first read brings a file to the dearer storage."""
        if not self.archive_days:
            return []
        days = f"AFTER_{self.archive_days}_DAY{'S' if self.archive_days > 1 else ''}"
        return [{"TransitionToIA": days}, {"TransitionToPrimaryStorageClass": "AFTER_1_ACCESS"}]


@dataclass(frozen=True)
class Found:
    """What there is.

    Attributes:
        id: as in ``fs-0123456789abcdef0``.
        arn: of it.
        tags: by key.
        encrypted: whether what it stores is.
        throughput: its mode.
        lifecycle: in AWS's words, each in a mapping of its own.
        backups: whether AWS Backup copies it.
        policy: who may do what; none is {}.
        targets: of each mount target, by subnet, its id and its security groups.
    """

    id: str
    arn: str
    tags: Mapping[str, str] = field(default_factory=dict)
    encrypted: bool = True
    throughput: str = "elastic"
    lifecycle: Sequence[Mapping[str, str]] = ()
    backups: bool = False
    policy: Mapping[str, Any] = field(default_factory=dict)
    targets: Mapping[str, tuple[str, Sequence[str]]] = field(default_factory=dict)


class Step(NamedTuple):
    """One call that changes something: its name in boto3, its words, and what it does, for people."""

    call: str
    words: dict[str, Any]
    said: str


def policy(arn: str) -> dict[str, Any]:
    """Who comes over a mount target, which the security groups decide, reads and writes; nobody without TLS."""
    anybody = {"AWS": "*"}
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "OverMountTargets", "Effect": "Allow", "Principal": anybody,
                "Action": [f"elasticfilesystem:{right}" for right in CLIENT_RIGHTS], "Resource": arn,
                "Condition": {"Bool": {"elasticfilesystem:AccessedViaMountTarget": "true"}},
            },
            {
                "Sid": "TlsOnly", "Effect": "Deny", "Principal": anybody, "Action": "*", "Resource": arn,
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            },
        ],
    }  # fmt: skip


def plan(there: Found, wanted: Wanted, differ: Callable[[Any, Any], bool]) -> list[Step]:
    """What is to be done to a file system that is there.

    Mount targets in subnets that nobody asked for stay, as all that the settings no longer name.

    Args:
        there: what there is.
        wanted: what there should be.
        differ: whether two policies mean something else.

    Raises:
        FileSystemError: it was made in a way that can't be changed.
    """
    if not there.encrypted:
        raise FileSystemError(
            f"The file system {there.id} has the name {wanted.name} and is not encrypted, which AWS changes for none: copy what it holds "
            "into another one, delete it, and run it again."
        )
    own, steps = {"FileSystemId": there.id}, []
    tags = {key: value for key, value in wanted.own_tags.items() if there.tags.get(key) != value}
    if tags:
        steps.append(Step("tag_resource", {"ResourceId": there.id, "Tags": as_list(tags)}, f"tags {', '.join(tags)}"))
    if there.throughput != wanted.throughput:
        words = {**own, "ThroughputMode": wanted.throughput}
        steps.append(Step("update_file_system", words, f"throughput {wanted.throughput}"))
    if _sorted(there.lifecycle) != _sorted(wanted.lifecycle):
        words = {**own, "LifecyclePolicies": wanted.lifecycle}
        said = f"files go to cheaper storage after {wanted.archive_days} days" if wanted.archive_days else "files stay"
        steps.append(Step("put_lifecycle_configuration", words, said))
    if there.backups != wanted.backups:
        words = {**own, "BackupPolicy": {"Status": ON if wanted.backups else OFF}}
        steps.append(Step("put_backup_policy", words, f"backups {'on' if wanted.backups else 'off'}"))
    if differ(there.policy, policy(there.arn)):
        words = {**own, "Policy": json.dumps(policy(there.arn))}
        steps.append(Step("put_file_system_policy", words, "nobody without TLS"))
    for subnet in wanted.subnets:
        steps += _target_steps(there, subnet, sorted(wanted.security_groups))
    return steps


def _target_steps(there: Found, subnet: str, groups: list[str]) -> list[Step]:
    if subnet not in there.targets:
        words = {"FileSystemId": there.id, "SubnetId": subnet, "SecurityGroups": groups}
        return [Step("create_mount_target", words, f"mount target in {subnet}")]
    target, has = there.targets[subnet]
    if sorted(has) == groups:
        return []
    words = {"MountTargetId": target, "SecurityGroups": groups}
    return [Step("modify_mount_target_security_groups", words, f"who reaches {target}")]


def _sorted(policies: Iterable[Mapping[str, str]]) -> list[tuple[str, str]]:
    return sorted(item for one in policies for item in one.items())


def as_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags in the words of AWS."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def describe(client: Any, name: str) -> dict[str, Any] | None:
    """The file system with this creation token, as AWS describes it; None where there is none.

    Raises:
        FileSystemError: it is being deleted.
    """
    for page in client.get_paginator("describe_file_systems").paginate(CreationToken=name):
        for one in page["FileSystems"]:
            if one["LifeCycleState"] == DELETING:
                raise FileSystemError(
                    f"The file system {one['FileSystemId']} with the name {name} is being deleted: wait some minutes and run it again."
                )
            if one["LifeCycleState"] != DELETED:
                return dict(one)
    return None


def find(client: Any, name: str) -> Found | None:
    """The file system with this creation token, with all that belongs to it."""
    one = describe(client, name)
    if not one:
        return None
    own = {"FileSystemId": one["FileSystemId"]}
    backups = _unless_missing(client.describe_backup_policy, own, {"BackupPolicy": {"Status": OFF}})
    status = backups["BackupPolicy"]["Status"]
    said = _unless_missing(client.describe_file_system_policy, own, {"Policy": "{}"})["Policy"]
    return Found(
        id=one["FileSystemId"],
        arn=one["FileSystemArn"],
        tags={tag["Key"]: tag["Value"] for tag in one.get("Tags", [])},
        encrypted=bool(one.get("Encrypted")),
        throughput=one.get("ThroughputMode", ""),
        lifecycle=client.describe_lifecycle_configuration(**own)["LifecyclePolicies"],
        backups=ON_ITS_WAY.get(status, status) == ON,
        policy=json.loads(said),
        targets={
            target["SubnetId"]: (
                target["MountTargetId"],
                client.describe_mount_target_security_groups(MountTargetId=target["MountTargetId"])["SecurityGroups"],
            )
            for target in _targets(client, one["FileSystemId"])
        },
    )


def _targets(client: Any, file_system: str) -> list[dict[str, Any]]:
    pages = client.get_paginator("describe_mount_targets").paginate(FileSystemId=file_system)
    listed = [one for page in pages for one in page["MountTargets"]]
    return [one for one in listed if one["LifeCycleState"] not in (DELETING, DELETED)]


def _unless_missing(question: Callable[..., Any], words: dict[str, str], missing: dict[str, Any]) -> dict[str, Any]:
    try:
        return dict(question(**words))
    except ClientError as error:
        if error.response["Error"]["Code"] != "PolicyNotFound":
            raise
        return missing


def create(client: Any, wanted: Wanted, seconds: float) -> str:
    """Make it, and wait until it can be changed; its id. AWS makes no second one with the same creation token.

    Raises:
        FileSystemError: it did not come.
    """
    try:
        client.create_file_system(
            CreationToken=wanted.name, PerformanceMode="generalPurpose", Encrypted=True,
            ThroughputMode=wanted.throughput, Backup=wanted.backups, Tags=as_list(wanted.own_tags),
        )  # fmt: skip
    except ClientError as error:
        # The answer to a first call was lost on its way.
        if error.response["Error"]["Code"] != "FileSystemAlreadyExists":
            raise
    return wait(client, wanted.name, seconds)


def wait(client: Any, name: str, seconds: float) -> str:
    """Wait until a file system and its mount targets can be used; its id.

    Raises:
        FileSystemError: it did not come, or AWS gave it up.
    """
    deadline = time.monotonic() + seconds
    while True:
        one = describe(client, name)
        if one:
            targets = _targets(client, one["FileSystemId"])
            states = [one["LifeCycleState"], *(target["LifeCycleState"] for target in targets)]
            if all(state == AVAILABLE for state in states):
                return str(one["FileSystemId"])
            if wrong := [state for state in states if state not in (AVAILABLE, CREATING, UPDATING)]:
                raise FileSystemError(
                    f"The file system {one['FileSystemId']} or a mount target is {wrong[0]}: see AWS's health dashboard."
                )
        if time.monotonic() > deadline:
            raise FileSystemError(f"The file system {name} was not ready within {seconds:.0f} seconds: run it again.")
        time.sleep(PAUSE_SECONDS)


def apply(client: Any, steps: Iterable[Step]) -> None:
    """Do it.

    Raises:
        FileSystemError: a zone has a mount target in another subnet.
    """
    for step in steps:
        try:
            getattr(client, step.call)(**step.words)
        except ClientError as error:
            if error.response["Error"]["Code"] != "MountTargetConflict":
                raise
            file_system, subnet = step.words["FileSystemId"], step.words["SubnetId"]
            has = {target["SubnetId"]: target["MountTargetId"] for target in _targets(client, file_system)}
            # The answer to a first call was lost on its way.
            if subnet not in has:
                others = ", ".join(f"{target} in {where}" for where, target in has.items())
                raise FileSystemError(
                    f"The file system {file_system} gets no mount target in {subnet}, as it has others in that zone or in another VPC "
                    f"({others}): delete those that nobody uses, and run it again: aws efs delete-mount-target --mount-target-id …"
                ) from error
