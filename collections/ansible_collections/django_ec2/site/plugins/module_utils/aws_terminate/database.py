# SPDX-License-Identifier: MIT
"""The instance of RDS, with a last snapshot, and its groups."""

from __future__ import annotations

import contextlib
import re
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.aws_terminate.scope import Scope, Step, Thing
from ansible_collections.django_ec2.site.plugins.module_utils.rds_state import kin

# Without botocore, AnsibleAWSModule says so.
with contextlib.suppress(ImportError):
    from botocore.exceptions import ClientError

MODIFIABLE = ("available", "storage-optimization")
GOING = ("InvalidDBInstanceState", "InvalidDBInstanceStateFault", "DBInstanceNotFound", "DBInstanceNotFoundFault")


class DatabaseError(Exception):
    """The instance can't go now; the message says what to do."""


def _instances(scope: Scope) -> dict[str, dict[str, Any]]:
    """The instance of the environment's name, and what a restore or a promotion left beside it."""
    listed = {one["DBInstanceIdentifier"]: one for one in scope.pages("rds", "describe_db_instances", "DBInstances")}
    return {name: listed[name] for name in (scope.name, *kin(scope.name).values()) if name in listed}


def find_instance(scope: Scope) -> list[Thing]:
    """The instance of the environment's name, and those beside it."""
    return [Thing("database", name, name) for name in _instances(scope)]


def remove_instance(scope: Scope, _things: list[Thing]) -> None:
    """Protected, too. Its snapshot is made by the same call that deletes it.

    Raises:
        DatabaseError: one is stopped, or something else is done with it.
    """
    found = _instances(scope)
    for one in found.values():
        _delete(scope, one)
    name_snapshots(scope)
    for name in found:
        scope.wait("rds", "db_instance_deleted", pause=15, DBInstanceIdentifier=name)
    name_snapshots(scope)


def _delete(scope: Scope, found: dict[str, Any]) -> None:
    client, name = scope.client("rds"), found["DBInstanceIdentifier"]
    if found["DBInstanceStatus"] == "deleting":
        return
    if found["DBInstanceStatus"] not in MODIFIABLE:
        raise DatabaseError(
            f"The instance {name} is {found['DBInstanceStatus']}, and AWS makes a last snapshot of one that is available: "
            "start it by playbooks/aws_power.yml -e power=running, or wait, and run it again."
        )
    if found.get("DeletionProtection"):
        client.modify_db_instance(DBInstanceIdentifier=name, DeletionProtection=False, ApplyImmediately=True)
    if name == kin(scope.name)["scratch"]:
        # A copy for a look.
        client.delete_db_instance(DBInstanceIdentifier=name, SkipFinalSnapshot=True)
        return
    snapshot = f"{name}-final-{found['InstanceCreateTime']:%Y%m%d%H%M%S}"
    try:
        client.delete_db_instance(
            DBInstanceIdentifier=name, SkipFinalSnapshot=False, FinalDBSnapshotIdentifier=snapshot
        )
    except ClientError as error:
        # After an answer that was lost, boto3 asks again, and RDS is at it.
        now = _instances(scope).get(name, {}).get("DBInstanceStatus", "gone")
        if error.response["Error"]["Code"] not in GOING or now not in ("deleting", "gone"):
            raise


def _said(snapshot: str, name: str) -> str:
    return f"snapshot {snapshot} of the database {name}"


def name_snapshots(scope: Scope) -> None:
    """Say that the last snapshots stay."""
    own = [scope.name, *kin(scope.name).values()]
    for one in scope.pages("rds", "describe_db_snapshots", "DBSnapshots", SnapshotType="manual"):
        of, name = one["DBInstanceIdentifier"], one["DBSnapshotIdentifier"]
        if of in own and re.fullmatch(re.escape(of) + r"-final-\d{14}", name) and one["Status"] != "failed":
            scope.keep(_said(name, of))


def find_parameter_groups(scope: Scope) -> list[Thing]:
    """Those of the role aws_database: one for each major version."""
    own = re.compile(re.escape(scope.name) + r"-postgres\d+")
    listed = scope.pages("rds", "describe_db_parameter_groups", "DBParameterGroups")
    names = [one["DBParameterGroupName"] for one in listed if own.fullmatch(one["DBParameterGroupName"])]
    return [Thing("parameter group", name, name) for name in names]


def remove_parameter_groups(scope: Scope, things: list[Thing]) -> None:
    """After the instance that uses them."""
    for one in things:
        scope.client("rds").delete_db_parameter_group(DBParameterGroupName=one.id)


def find_subnet_group(scope: Scope) -> list[Thing]:
    """The group of its subnets."""
    listed = scope.pages("rds", "describe_db_subnet_groups", "DBSubnetGroups")
    names = [one["DBSubnetGroupName"] for one in listed if one["DBSubnetGroupName"] == scope.name]
    return [Thing("subnet group", name, name) for name in names]


def remove_subnet_group(scope: Scope, things: list[Thing]) -> None:
    """Before the subnets."""
    for one in things:
        scope.client("rds").delete_db_subnet_group(DBSubnetGroupName=one.id)


STEPS = (
    Step(find_instance, remove_instance),
    Step(find_parameter_groups, remove_parameter_groups),
    Step(find_subnet_group, remove_subnet_group),
)
