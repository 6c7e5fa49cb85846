"""What RDS says of instances, for tests."""

from __future__ import annotations

from typing import Any

NOW = 1_795_000_000.0
NAME = "shop-production"


def instance(name: str = NAME, **more: Any) -> dict[str, Any]:
    """One as the module `rds_state` returns it: available, with seven days of backups."""
    plain = {
        "name": name, "status": "available", "arn": f"arn:aws:rds:eu-central-1:123456789012:db:{name}",
        "endpoint": f"{name}.c1.eu-central-1.rds.amazonaws.com", "port": 5432, "version": "17.4", "class": "db.t4g.small",
        "storage_gb": 20, "storage_type": "gp3", "multi_az": False, "zone": "eu-central-1a", "standby_zone": "",
        "retention_days": 7, "latest": NOW - 60, "created": NOW - 30 * 86400, "pending": {},
        "parameter_groups": {"shop-production-postgres17": "in-sync"}, "security_groups": ["sg-1"], "subnet_group": "shop",
        "encrypted": True, "protected": True, "backup_window": "02:00-03:00", "maintenance_window": "sun:03:30-sun:04:30",
        "master_user": "postgres", "secret": "arn:secret", "replicas": [], "replica_of": "", "replication": "", "cluster": "",
        "resource": f"db-{name}", "tags": {},
    }  # fmt: skip
    return plain | more


def snapshot(name: str, hours: float = 5, **more: Any) -> dict[str, Any]:
    """An automated one of the live instance, made some hours ago."""
    plain = {"name": name, "type": "automated", "status": "available", "time": NOW - hours * 3600, "size_gb": 20}
    return plain | {"resource": f"db-{NAME}", "tags": {}} | more


def state(*instances: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Of these instances, with a backup of five hours ago."""
    plain = {
        "name": NAME, "instances": {one["name"]: one for one in instances}, "snapshots": [snapshot("rds:shop-1")],
        "window": {"earliest": NOW - 7 * 86400, "latest": NOW - 60}, "maintenance": [],
        "upgrades": [{"version": "17.6", "major": False}, {"version": "18.1", "major": True}],
    }  # fmt: skip
    return plain | more
