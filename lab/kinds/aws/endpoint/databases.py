# SPDX-License-Identifier: MIT
"""What RDS does with an instance where moto does less. `corrections.always` puts it in place.

Nothing is restored here: an instance has no data. What follows from an operation for the instance's description does.
"""

from __future__ import annotations

import hashlib
from typing import Any

from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.rds.exceptions import DBInstanceAlreadyExists, InvalidParameterCombination, RDSClientError
from moto.rds.models import DBInstance, DBInstanceAutomatedBackup, RDSBackend
from moto.rds.responses import RDSResponse

from lab.kinds.aws.endpoint import defaults

# What a restore does not take from where it comes from, but from who asks.
ASKED = {
    "vpc_security_group_ids": "VpcSecurityGroupIds",
    "db_parameter_group_name": "DBParameterGroupName",
    "multi_az": "MultiAZ",
    "deletion_protection": "DeletionProtection",
    "enable_iam_database_authentication": "EnableIAMDatabaseAuthentication",
    "tags": "Tags",
}


def put() -> None:
    """Put all of them in place."""
    _resource_ids()
    _windows()
    _maintenance()
    _upgrades()
    _restores()
    _renames()
    _failover()
    _replicas()


def _resource_ids() -> None:
    """Each instance has an identifier that stays with it when it is renamed; moto has one for all."""
    made = DBInstance.__init__

    def make(self: Any, *words: Any, **named: Any) -> None:
        made(self, *words, **named)
        self.dbi_resource_id = _resource_id(self)

    DBInstance.__init__ = make


def _resource_id(instance: Any) -> str:
    seed = f"{instance.db_instance_identifier} {utcnow().timestamp()}"
    return f"db-{hashlib.sha256(seed.encode()).hexdigest()[:26].upper()}"


def _windows() -> None:
    """Automated backups say from when to when one can restore."""

    def window(self: Any) -> dict[str, Any]:
        return {"EarliestTime": min(one.created for one in self.automated_snapshots), "LatestTime": utcnow()}

    def resource(self: Any) -> str:
        return str(self.automated_snapshots[-1].dbi_resource_id)

    DBInstanceAutomatedBackup.restore_window = property(window)
    DBInstanceAutomatedBackup.dbi_resource_id = property(resource)


def _maintenance() -> None:
    """There is never anything to do, which moto can't be asked about."""

    def describe(self: Any) -> ActionResult:
        del self
        return ActionResult({"PendingMaintenanceActions": []})

    RDSResponse.describe_pending_maintenance_actions = describe


def _upgrades() -> None:
    """A version goes up only, and to another major one only where that is said; a parameter group is of one major version."""
    plain = RDSBackend.modify_db_instance

    def modify(self: Any, db_instance_identifier: str, db_kwargs: Any) -> Any:
        instance = self.describe_db_instances(db_instance_identifier)[0]
        wanted = db_kwargs.get("engine_version")
        if wanted and instance.engine == "postgres" and wanted != instance.engine_version:
            now, then = (_numbers(one) for one in (instance.engine_version, wanted))
            if wanted not in defaults.VERSIONS or then < now:
                raise InvalidParameterCombination(f"Cannot upgrade postgres from {instance.engine_version} to {wanted}")
            if then[0] != now[0] and not db_kwargs.get("allow_major_version_upgrade"):
                raise InvalidParameterCombination("The AllowMajorVersionUpgrade flag must be present")
            group = self.db_parameter_groups.get(
                db_kwargs.get("db_parameter_group_name") or instance.db_parameter_group_name
            )
            if group and group.family != f"postgres{then[0]}":
                raise InvalidParameterCombination(f"{group.name} is not of the family postgres{then[0]}")
        return plain(self, db_instance_identifier, db_kwargs)

    RDSBackend.modify_db_instance = modify


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(one) for one in version.split("."))


def _restores() -> None:
    """A restored instance has the account's defaults where nobody asked for more, and no secret. A time has to be in the window."""
    to_point, from_snapshot = (
        RDSBackend.restore_db_instance_to_point_in_time,
        RDSBackend.restore_db_instance_from_db_snapshot,
    )

    def settle(instance: Any, asked: Any) -> Any:
        group = instance.backend.db_parameter_groups
        plain = {
            "multi_az": False,
            "deletion_protection": False,
            "enable_iam_database_authentication": False,
            "tags": [],
        }
        plain |= {"db_parameter_group_name": next((one for one in group if one.startswith("default.")), None)}
        plain |= {"vpc_security_group_ids": ["sg-default"]}
        for name, word in ASKED.items():
            setattr(instance, name, plain[name] if asked.get(word) is None else asked[word])
        if hasattr(instance, "master_user_secret"):
            del instance.master_user_secret
        instance.manage_master_user_password = False
        instance.replicas, instance.source_db_instance_identifier, instance.is_replica = [], None, False
        return instance

    def point(self: Any, source_db_identifier: str, target_db_identifier: str, overrides: Any) -> Any:
        source = self.describe_db_instances(source_db_identifier)[0]
        if not source.backup_retention_period:
            raise RDSClientError("PointInTimeRestoreNotEnabled", f"{source_db_identifier} keeps no backups")
        if (when := overrides.get("RestoreTime")) and not source.created <= when.replace(tzinfo=None) <= utcnow():
            raise RDSClientError(
                "InvalidRestoreFault", f"Restore time {when} is not in the window of {source_db_identifier}"
            )
        return settle(to_point(self, source_db_identifier, target_db_identifier, overrides), overrides)

    def snapshot(self: Any, from_snapshot_id: str, overrides: Any) -> Any:
        return settle(from_snapshot(self, from_snapshot_id, overrides), overrides)

    RDSBackend.restore_db_instance_to_point_in_time = point
    RDSBackend.restore_db_instance_from_db_snapshot = snapshot


def _renames() -> None:
    """A name that is taken is refused, and replicas know their source by its new one."""
    plain = RDSBackend.modify_db_instance

    def modify(self: Any, db_instance_identifier: str, db_kwargs: Any) -> Any:
        new = db_kwargs.get("new_db_instance_identifier")
        if new and new in self.databases:
            raise DBInstanceAlreadyExists
        changed = plain(self, db_instance_identifier, db_kwargs)
        for other in self.databases.values() if new else ():
            if other.source_db_instance_identifier == db_instance_identifier:
                other.source_db_instance_identifier = new
            other.replicas = [new if one == db_instance_identifier else one for one in other.replicas]
        return changed

    RDSBackend.modify_db_instance = modify


def _failover() -> None:
    """A reboot with failover goes to the other zone, and needs one."""

    def reboot(self: Any) -> ActionResult:
        instance = self.backend.reboot_db_instance(self.params.get("DBInstanceIdentifier"))
        if self.params.get("ForceFailover"):
            if not instance.multi_az:
                raise InvalidParameterCombination(
                    "Cannot force failover since the instance is not configured for Multi-AZ"
                )
            instance.availability_zone = instance.secondary_availability_zone
        return ActionResult({"DBInstance": instance})

    def other_zone(self: Any) -> str | None:
        if not self.multi_az:
            return None
        return f"{self.region}{'b' if self.availability_zone.endswith('a') else 'a'}"

    DBInstance.secondary_availability_zone = property(other_zone)
    RDSResponse.reboot_db_instance = reboot


def _replicas() -> None:
    """A replica says that it follows, until it is promoted; RDS makes none of an instance whose password it keeps."""
    made, promote = RDSBackend.create_db_instance_read_replica, RDSBackend.promote_read_replica

    def make(self: Any, db_kwargs: Any) -> Any:
        source = self.find_db_from_id(db_kwargs["source_db_instance_identifier"])
        if getattr(source, "manage_master_user_password", False):
            raise InvalidParameterCombination(
                "A replica of an instance whose master password RDS manages is not supported"
            )
        replica = made(self, db_kwargs)
        replica.dbi_resource_id = _resource_id(replica)
        return replica

    def promoted(self: Any, db_kwargs: Any) -> Any:
        replica = promote(self, db_kwargs)
        source = self.databases.get(replica.source_db_instance_identifier)
        if source:
            source.replicas = [one for one in source.replicas if one != replica.db_instance_identifier]
        replica.source_db_instance_identifier = None
        return replica

    def infos(self: Any) -> list[dict[str, Any]] | None:
        return (
            [{"StatusType": "read replication", "Status": "replicating", "Normal": True}] if self.is_replica else None
        )

    RDSBackend.create_db_instance_read_replica, RDSBackend.promote_read_replica = make, promoted
    DBInstance.status_infos = property(infos)
