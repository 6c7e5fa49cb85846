# SPDX-License-Identifier: MIT
"""The call that begins a restore of an instance of RDS: with all that AWS would not take over from the instance by itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def find(client: Any, name: str) -> dict[str, Any] | None:
    """An instance, as AWS describes it."""
    said = client.describe_db_instances(Filters=[{"Name": "db-instance-id", "Values": [name]}])["DBInstances"]
    return said[0] if said else None


def begin(client: Any, given: Mapping[str, Any]) -> dict[str, Any]:
    """Begin it.

    Args:
        client: of boto3, for RDS.
        given: the options of the module.

    Raises:
        botocore.exceptions.ClientError: AWS refuses it.
    """
    live = client.describe_db_instances(DBInstanceIdentifier=given["instance"])["DBInstances"][0]
    asked = settings(live, given)
    if given["snapshot"]:
        made = client.restore_db_instance_from_db_snapshot(
            DBInstanceIdentifier=given["new"], DBSnapshotIdentifier=given["snapshot"], **asked
        )
    else:
        when = {"RestoreTime": given["time"]} if given["time"] else {"UseLatestRestorableTime": True}
        made = client.restore_db_instance_to_point_in_time(
            SourceDBInstanceIdentifier=given["instance"], TargetDBInstanceIdentifier=given["new"], **when, **asked
        )
    return dict(made["DBInstance"])


def settings(live: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """What the new instance is told, as the live one has it.

    Args:
        live: as AWS describes it.
        given: the options of the module.
    """
    # The inventory finds the live one by its role, and by its name.
    own = {tag["Key"]: tag["Value"] for tag in live.get("TagList") or [] if not tag["Key"].startswith("aws:")}
    tags = own | {"Name": given["new"]} | given["tags"]
    groups = live.get("DBParameterGroups") or []
    asked = {
        "DBInstanceClass": live["DBInstanceClass"],
        "Port": (live.get("Endpoint") or {}).get("Port"),
        "DBSubnetGroupName": (live.get("DBSubnetGroup") or {}).get("DBSubnetGroupName"),
        "VpcSecurityGroupIds": [one["VpcSecurityGroupId"] for one in live.get("VpcSecurityGroups") or []],
        "DBParameterGroupName": groups[0]["DBParameterGroupName"] if groups else None,
        "MultiAZ": bool(live.get("MultiAZ")) and given["standby"],
        "PubliclyAccessible": bool(live.get("PubliclyAccessible")),
        "AutoMinorVersionUpgrade": bool(live.get("AutoMinorVersionUpgrade")),
        "StorageType": live.get("StorageType"),
        "CopyTagsToSnapshot": bool(live.get("CopyTagsToSnapshot")),
        "EnableIAMDatabaseAuthentication": bool(live.get("IAMDatabaseAuthenticationEnabled")),
        "DeletionProtection": False,
        "Tags": [{"Key": key, "Value": value} for key, value in sorted(tags.items())],
    }
    # Below 400 GiB gp3 has a baseline that can't be asked for.
    if live.get("StorageType") != "gp3" or live["AllocatedStorage"] >= 400:
        asked |= {"Iops": live.get("Iops"), "StorageThroughput": live.get("StorageThroughput")}
    return {key: value for key, value in asked.items() if value not in (None, [], 0) or value is False}
