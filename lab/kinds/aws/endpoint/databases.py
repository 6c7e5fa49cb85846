# SPDX-License-Identifier: MIT
"""What RDS does with an instance where moto does less. `corrections.always` puts it in place.

Nothing is restored here: what follows from an operation for the instance's description is. Where hosts stand behind the endpoint
(`with_hosts`), `lab.kinds.aws.databases` makes the data what the description says: an instance and a snapshot are not `available` before.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from typing import Any

from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.rds.exceptions import DBInstanceAlreadyExists, InvalidParameterCombination, RDSClientError
from moto.rds.models import DBInstance, DBInstanceAutomatedBackup, DBSnapshot, MasterUserSecret, RDSBackend
from moto.rds.responses import RDSResponse

from lab.kinds.aws.endpoint import defaults

AVAILABLE, STOPPED, FAILED = "available", "stopped", "failed"
# The parameters that a host of the lab knows.
PLAYED = ("rds.logical_replication", "max_connections")
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
    _subnet_groups()
    _resource_ids()
    _windows()
    _maintenance()
    _upgrades()
    _restores()
    _renames()
    _failover()
    _replicas()
    _managed_passwords()


def with_hosts() -> None:
    """What follows from hosts that need time."""
    # What its host was made, from what, how often it was told to restart, and its address.
    DBInstance.lab_applied, DBInstance.lab_origin, DBInstance.lab_boots, DBInstance.lab_address = (
        None,
        {"kind": "new"},
        0,
        "",
    )
    _instances_take_time()
    _snapshots_take_time()


def _subnet_groups() -> None:
    """A subnet group that is changed stays; moto takes it away with that."""
    plain = RDSBackend.modify_db_subnet_group

    def modify(self: Any, subnet_name: str, *words: Any, **named: Any) -> Any:
        changed = plain(self, subnet_name, *words, **named)
        self.subnet_groups[subnet_name] = changed
        return changed

    RDSBackend.modify_db_subnet_group = modify


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
        when = overrides.get("RestoreTime")
        if when and not source.created <= when.replace(tzinfo=None) <= utcnow():
            raise RDSClientError(
                "InvalidRestoreFault", f"Restore time {when} is not in the window of {source_db_identifier}"
            )
        made = settle(to_point(self, source_db_identifier, target_db_identifier, overrides), overrides)
        moment = when.isoformat(sep=" ") if when else ""
        made.lab_origin = {"kind": "point", "resource": source.dbi_resource_id, "time": moment}
        return made

    def snapshot(self: Any, from_snapshot_id: str, overrides: Any) -> Any:
        made = settle(from_snapshot(self, from_snapshot_id, overrides), overrides)
        # An automated one has a colon in its name, as an ARN has.
        source = self.database_snapshots[from_snapshot_id.partition(":snapshot:")[2] or from_snapshot_id]
        made.lab_origin = {"kind": "copy", "directory": copy_name(source)}
        return made

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
        instance.lab_boots = getattr(instance, "lab_boots", 0) + 1
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
        # It is a copy of its source in moto, and an instance of its own.
        replica.dbi_resource_id = _resource_id(replica)
        replica.lab_applied, replica.lab_boots, replica.lab_address = None, 0, ""
        replica.lab_origin = {"kind": "follow", "resource": source.dbi_resource_id}
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


def _managed_passwords() -> None:
    """The password that RDS makes is one of its own for each instance, for its master user; a rotation makes another."""

    def text(self: Any) -> str:
        return json.dumps({"username": self.resource.master_username, "password": secrets.token_urlsafe(21)})

    def rotate(self: Any) -> None:
        self.secretsmanager.put_secret_value(self.secret.arn, text(self), "", "", ["AWSCURRENT"])

    MasterUserSecret._generate_secret_string, MasterUserSecret.rotate_secret = text, rotate


def password(instance: Any) -> str:
    """The master user's password as the account knows it, or "": of a restored instance it is the one of before."""
    if getattr(instance, "manage_master_user_password", False):
        secret = instance.master_user_secret.secret
        return str(json.loads(secret.versions[secret.default_version_id]["secret_string"])["password"])
    # moto tells it to nobody who asks for the attribute.
    return str(instance.__dict__.get("_master_user_password") or "")


def wanted(instance: Any) -> dict[str, Any]:
    """What its host has to be, for a comparison with what it is; a parameter group's values count when it starts."""
    return {
        "endpoint": instance.address,
        "up": getattr(instance, "_status", "") != STOPPED,
        "boots": instance.lab_boots,
        "class": instance.db_instance_class,
        "version": instance.engine_version,
        "password": hashlib.sha256(password(instance).encode()).hexdigest(),
        "follows": bool(instance.is_replica),
    }


def parameters(instance: Any) -> dict[str, str]:
    """Those of its parameter group that an instance of the lab has."""
    given = {
        name: str(one.get("ParameterValue", "")) for name, one in instance.db_parameter_groups()[0].parameters.items()
    }
    return {name: given[name] for name in PLAYED if given.get(name, "").isdigit()}


def copy_name(snapshot: Any) -> str:
    """The name of a snapshot's data; a copy of a snapshot has the same."""
    seed = f"{snapshot.dbi_resource_id} {snapshot.original_snapshot_create_time.timestamp()}"
    return f"snapshot-{hashlib.sha256(seed.encode()).hexdigest()[:20]}"


def _instances_take_time() -> None:
    """An instance is available when its host is what was asked for."""

    def status(self: Any) -> str:
        kept = str(self.__dict__.get("_status", AVAILABLE))
        if kept not in (AVAILABLE, STOPPED):
            return kept
        if self.lab_applied is None:
            return "creating"
        now, then = wanted(self), self.lab_applied
        differ = {name for name in now if now[name] != then.get(name)}
        if "up" in differ:
            return "starting" if now["up"] else "stopping"
        if not now["up"]:
            return kept
        return kept if not differ else "rebooting" if differ == {"boots"} else "modifying"

    def keep(self: Any, value: str) -> None:
        self.__dict__["_status"] = value

    DBInstance.status = property(status, keep)


def _snapshots_take_time() -> None:
    """A snapshot is available when the copy is made."""

    def status(self: Any) -> str:
        return str(self.__dict__.get("lab_state", "creating"))

    def ignore(self: Any, value: str) -> None:
        """moto's own word, which comes too early."""

    DBSnapshot.status = property(status, ignore)
