# SPDX-License-Identifier: MIT
"""Instances, with a last snapshot of those that have a database, and their Elastic IPs."""

from __future__ import annotations

from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.aws_terminate.scope import Scope, Step, Thing, tags_of

ALIVE = ("pending", "running", "stopping", "stopped")
# Groups of the tag Role whose disks hold what nothing else has.
WITH_DATA = ("database", "backup")
FINAL = "Final"


def _instances(scope: Scope) -> list[dict[str, Any]]:
    filters = scope.filters(instance_state_name=ALIVE)
    reservations = scope.pages("ec2", "describe_instances", "Reservations", Filters=filters)
    return [one for each in reservations for one in each["Instances"]]


def find_instances(scope: Scope) -> list[Thing]:
    """All that are not terminated."""
    return [
        Thing("instance", one["InstanceId"], tags_of(one.get("Tags", [])).get("Name", one["InstanceId"]))
        for one in _instances(scope)
    ]


def remove_instances(scope: Scope, things: list[Thing]) -> None:
    """Protected ones, too. A database is stopped first, so that its snapshot is whole."""
    client, ids = scope.client("ec2"), [one.id for one in things]
    for one in ids:
        client.modify_instance_attribute(InstanceId=one, DisableApiTermination={"Value": False})
    with_data = [
        one
        for one in _instances(scope)
        if set(tags_of(one.get("Tags", [])).get("Role", "").split()) & set(WITH_DATA) and one["InstanceId"] in ids
    ]
    if with_data:
        stopped = [one["InstanceId"] for one in with_data]
        client.stop_instances(InstanceIds=stopped)
        scope.wait("ec2", "instance_stopped", InstanceIds=stopped)
        snapshots = [snapshot for one in with_data for snapshot in _snapshots(scope, one)]
        for one in snapshots:
            scope.keep(str(one))
        scope.wait("ec2", "snapshot_completed", SnapshotIds=[one.id for one in snapshots])
    client.terminate_instances(InstanceIds=ids)
    scope.wait("ec2", "instance_terminated", InstanceIds=ids)


def _snapshots(scope: Scope, instance: dict[str, Any]) -> list[Thing]:
    """A snapshot of each volume: the one that a run made that was cut, or a new one."""
    # One from before the last start lacks what came since.
    found, since = [], instance["LaunchTime"]
    host = tags_of(instance.get("Tags", [])).get("Name", instance["InstanceId"])
    for device in instance.get("BlockDeviceMappings", []):
        volume, name = device["Ebs"]["VolumeId"], f"{scope.name}-{host}-final"
        there = [one for one in _last(scope, volume_id=[volume]) if one["StartTime"] >= since]
        tags = [{"Key": key, "Value": value} for key, value in {**scope.tags, "Name": name, FINAL: "true"}.items()]
        made = there or [
            scope.once(
                "ec2",
                "create_snapshot",
                VolumeId=volume,
                Description=f"Last state of {host} of {scope.name}",
                TagSpecifications=[{"ResourceType": "snapshot", "Tags": tags}],
            )
        ]
        found.append(Thing("snapshot", made[0]["SnapshotId"], name))
    return found


def _last(scope: Scope, **more: list[str]) -> list[dict[str, Any]]:
    """The last snapshots of the environment's disks that AWS makes or has made."""
    filters = [*scope.filters(status=["pending", "completed"], **more), {"Name": f"tag:{FINAL}", "Values": ["true"]}]
    return list(scope.pages("ec2", "describe_snapshots", "Snapshots", OwnerIds=["self"], Filters=filters))


def name_snapshots(scope: Scope) -> None:
    """Say that they stay."""
    for one in _last(scope):
        scope.keep(str(Thing("snapshot", one["SnapshotId"], tags_of(one["Tags"]).get("Name", one["SnapshotId"]))))


def find_addresses(scope: Scope) -> list[Thing]:
    """Elastic IPs with the environment's tags; those of NAT gateways go with them."""
    listed = scope.client("ec2").describe_addresses(Filters=scope.filters())["Addresses"]
    return [Thing("Elastic IP", one["AllocationId"], one["PublicIp"]) for one in listed if not _of_a_gateway(one)]


def _of_a_gateway(address: dict[str, Any]) -> bool:
    return bool(address.get("AssociationId")) and not address.get("InstanceId")


def remove_addresses(scope: Scope, things: list[Thing]) -> None:
    """An address that nothing uses costs. One whose gateway a run that was cut has removed is among them."""
    for one in things:
        scope.client("ec2").release_address(AllocationId=one.id)


STEPS = (Step(find_instances, remove_instances), Step(find_addresses, remove_addresses))
