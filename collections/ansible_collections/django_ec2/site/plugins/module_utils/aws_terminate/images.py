# SPDX-License-Identifier: MIT
"""Images of web hosts, which have the secrets of the environment, with their snapshots; and what a cut run left of one."""

from __future__ import annotations

from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.aws_terminate.hosts import ALIVE
from ansible_collections.django_ec2.site.plugins.module_utils.aws_terminate.scope import Scope, Step, Thing

# The tag of the role aws_fleet for what is there while an image is baked.
WORK = "tag:ImageOf"


def _work(scope: Scope) -> list[dict[str, Any]]:
    return [{"Name": WORK, "Values": [scope.name]}]


def find_copies(scope: Scope) -> list[Thing]:
    """The copy of a host of which an image was to be made."""
    filters = [*_work(scope), {"Name": "instance-state-name", "Values": list(ALIVE)}]
    reservations = scope.pages("ec2", "describe_instances", "Reservations", Filters=filters)
    ids = [one["InstanceId"] for each in reservations for one in each["Instances"]]
    return [Thing("copy of a host", one, one) for one in ids]


def remove_copies(scope: Scope, things: list[Thing]) -> None:
    """Before the network that they are in."""
    ids = [one.id for one in things]
    scope.client("ec2").terminate_instances(InstanceIds=ids)
    scope.wait("ec2", "instance_terminated", InstanceIds=ids)


def _images(scope: Scope) -> list[dict[str, Any]]:
    found = {}
    for filters in (scope.filters(), _work(scope)):
        for one in scope.client("ec2").describe_images(Owners=["self"], Filters=filters)["Images"]:
            found[one["ImageId"]] = one
    return list(found.values())


def find_images(scope: Scope) -> list[Thing]:
    """Those of the environment, and one that a copy started from."""
    return [Thing("image", one["ImageId"], one["Name"]) for one in _images(scope)]


def remove_images(scope: Scope, things: list[Thing]) -> None:
    """With their snapshots, which AWS would keep."""
    client, ids = scope.client("ec2"), {one.id for one in things}
    for image in _images(scope):
        if image["ImageId"] in ids:
            client.deregister_image(ImageId=image["ImageId"])
            for device in image["BlockDeviceMappings"]:
                if "SnapshotId" in device.get("Ebs", {}):
                    client.delete_snapshot(SnapshotId=device["Ebs"]["SnapshotId"])


STEPS = (Step(find_copies, remove_copies), Step(find_images, remove_images))
