# SPDX-License-Identifier: MIT
"""Mount targets of EFS, which hold on to subnets. The file system stays: AWS can't say whether it is empty, as its size is hours old."""

from __future__ import annotations

from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.aws_terminate.scope import Scope, Step, Thing


def _file_systems(scope: Scope) -> list[dict[str, Any]]:
    return [
        one
        for one in scope.pages("efs", "describe_file_systems", "FileSystems")
        if scope.owns(one.get("Tags", [])) and one["LifeCycleState"] not in ("deleting", "deleted")
    ]


def _targets(scope: Scope) -> list[dict[str, Any]]:
    return [
        target
        for one in _file_systems(scope)
        for target in scope.pages("efs", "describe_mount_targets", "MountTargets", FileSystemId=one["FileSystemId"])
    ]


def find_mount_targets(scope: Scope) -> list[Thing]:
    """Those of the environment's file systems, which are said to stay."""
    scope.kept += [
        f"file system {one['FileSystemId']} with the uploads and private data of {one.get('Name') or scope.name}"
        for one in _file_systems(scope)
    ]
    return [Thing("mount target", one["MountTargetId"], one["FileSystemId"]) for one in _targets(scope)]


def remove_mount_targets(scope: Scope, things: list[Thing]) -> None:
    """Before the subnets, which hold an address of each until it is gone.

    Raises:
        StillThere: one did not go in time.
    """
    client, ours = scope.client("efs"), {one.id for one in things}
    for one in _targets(scope):
        if one["MountTargetId"] in ours and one["LifeCycleState"] != "deleting":
            client.delete_mount_target(MountTargetId=one["MountTargetId"])
    scope.until_gone("mount target", lambda: ours & {one["MountTargetId"] for one in _targets(scope)})


STEPS = (Step(find_mount_targets, remove_mount_targets),)
