# SPDX-License-Identifier: MIT
"""What RDS says of an instance: itself, its kin by name, its backups, its maintenance, the versions it can go to. Reads only.

Times are seconds since 1970.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

# What an instance beside the live one is: restored for its place, kept from before, or for a look.
KIN = ("restored", "before", "scratch")


def kin(name: str) -> dict[str, str]:
    """The identifiers of the instances beside one, by what they are."""
    return {one: f"{name}-{one}" for one in KIN}


def read(client: Any, name: str, also: Iterable[str], others: Iterable[str] = ()) -> dict[str, Any]:
    """All that is asked for.

    Args:
        client: of boto3, for RDS.
        name: identifier of the instance.
        also: keys of ``PARTS``.
        others: identifiers of further instances.
    """
    instances = _instances(client, [name, *kin(name).values(), *others])
    live = instances.get(name)
    if live and (replicas := [one for one in live["replicas"] if one not in instances]):
        instances |= _instances(client, replicas)
    found: dict[str, Any] = {"name": name, "instances": instances}
    return found | {part: PARTS[part](client, name, live) for part in also}


def _instances(client: Any, names: list[str]) -> dict[str, Any]:
    # A filter of names that are not there is no error.
    pages = client.get_paginator("describe_db_instances").paginate(
        Filters=[{"Name": "db-instance-id", "Values": names}]
    )
    return {one["DBInstanceIdentifier"]: _instance(one) for page in pages for one in page["DBInstances"]}


def _seconds(when: datetime | None) -> float | None:
    return when.timestamp() if when else None


def _instance(one: dict[str, Any]) -> dict[str, Any]:
    endpoint, replication = one.get("Endpoint") or {}, one.get("StatusInfos") or []
    return {
        "name": one["DBInstanceIdentifier"],
        "status": one["DBInstanceStatus"],
        "arn": one["DBInstanceArn"],
        "endpoint": endpoint.get("Address", ""),
        "port": endpoint.get("Port", 5432),
        "version": one["EngineVersion"],
        "class": one["DBInstanceClass"],
        "storage_gb": one["AllocatedStorage"],
        "storage_type": one.get("StorageType", ""),
        "multi_az": bool(one.get("MultiAZ")),
        "zone": one.get("AvailabilityZone", ""),
        "standby_zone": one.get("SecondaryAvailabilityZone", ""),
        "retention_days": one.get("BackupRetentionPeriod", 0),
        "latest": _seconds(one.get("LatestRestorableTime")),
        "created": _seconds(one.get("InstanceCreateTime")),
        "pending": {key: value for key, value in (one.get("PendingModifiedValues") or {}).items() if value},
        "parameter_groups": {
            group["DBParameterGroupName"]: group["ParameterApplyStatus"] for group in one.get("DBParameterGroups") or []
        },
        "security_groups": sorted(group["VpcSecurityGroupId"] for group in one.get("VpcSecurityGroups") or []),
        "subnet_group": (one.get("DBSubnetGroup") or {}).get("DBSubnetGroupName", ""),
        "encrypted": bool(one.get("StorageEncrypted")),
        "protected": bool(one.get("DeletionProtection")),
        "backup_window": one.get("PreferredBackupWindow", ""),
        "maintenance_window": one.get("PreferredMaintenanceWindow", ""),
        "master_user": one.get("MasterUsername", ""),
        "secret": (one.get("MasterUserSecret") or {}).get("SecretArn", ""),
        "replicas": list(one.get("ReadReplicaDBInstanceIdentifiers") or []),
        "replica_of": one.get("ReadReplicaSourceDBInstanceIdentifier") or "",
        "replication": next((info.get("Status", "") for info in replication), ""),
        "cluster": one.get("DBClusterIdentifier") or "",
        "resource": one.get("DbiResourceId", ""),
        "tags": {tag["Key"]: tag["Value"] for tag in one.get("TagList") or []},
    }


def _snapshots(client: Any, name: str, _live: dict[str, Any] | None) -> list[dict[str, Any]]:
    """The newest last; those that are being made too."""
    pages = client.get_paginator("describe_db_snapshots").paginate(DBInstanceIdentifier=name)
    found = [
        {
            "name": one["DBSnapshotIdentifier"],
            "type": one["SnapshotType"],
            "status": one["Status"],
            # One that has just begun has no time yet.
            "time": _seconds(one.get("SnapshotCreateTime")),
            "size_gb": one.get("AllocatedStorage", 0),
            "resource": one.get("DbiResourceId", ""),
            "tags": {tag["Key"]: tag["Value"] for tag in one.get("TagList") or []},
        }
        for page in pages
        for one in page["DBSnapshots"]
    ]
    return sorted(found, key=lambda one: one["time"] or float("inf"))


def _window(client: Any, _name: str, live: dict[str, Any] | None) -> dict[str, float | None]:
    """From when to when one can restore; of an instance of this name that is gone nothing counts."""
    if not live:
        return {"earliest": None, "latest": None}
    said = client.describe_db_instance_automated_backups(DBInstanceIdentifier=live["name"])[
        "DBInstanceAutomatedBackups"
    ]
    own = next((one for one in said if one.get("DbiResourceId", live["resource"]) == live["resource"]), {})
    window = own.get("RestoreWindow") or {}
    return {
        "earliest": _seconds(window.get("EarliestTime")),
        "latest": _seconds(window.get("LatestTime")) or live["latest"],
    }


def _maintenance(client: Any, _name: str, live: dict[str, Any] | None) -> list[dict[str, Any]]:
    """What AWS is going to do with the instance."""
    if not live:
        return []
    said = client.describe_pending_maintenance_actions(Filters=[{"Name": "db-instance-id", "Values": [live["arn"]]}])
    return [
        {
            "action": one["Action"],
            "description": one.get("Description", ""),
            "by_itself": _seconds(one.get("AutoAppliedAfterDate")),
            "forced": _seconds(one.get("ForcedApplyDate")),
        }
        for resource in said["PendingMaintenanceActions"]
        for one in resource["PendingMaintenanceActionDetails"]
    ]


def _upgrades(client: Any, _name: str, live: dict[str, Any] | None) -> list[dict[str, Any]]:
    """The versions that the instance can go to."""
    if not live:
        return []
    said = client.describe_db_engine_versions(Engine="postgres", EngineVersion=live["version"])["DBEngineVersions"]
    return [
        {"version": one["EngineVersion"], "major": bool(one["IsMajorVersionUpgrade"])}
        for version in said
        for one in version.get("ValidUpgradeTarget") or []
    ]


PARTS: dict[str, Callable[[Any, str, dict[str, Any] | None], Any]] = {
    "snapshots": _snapshots,
    "window": _window,
    "maintenance": _maintenance,
    "upgrades": _upgrades,
}
