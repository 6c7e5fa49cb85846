# SPDX-License-Identifier: MIT
"""Filters of the playbooks database_… where the database is on RDS."""

from __future__ import annotations

from typing import Any

from ansible_collections.django_ec2.site.plugins.plugin_utils.rds import (
    inventory,
    promote,
    restore,
    snapshots,
    status,
    upgrade,
)


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Any]:
        return {
            "rds_backup_plan": snapshots.backup_plan,
            "rds_backup_refusal": snapshots.backup_refusal,
            "rds_backup_result": snapshots.backup_result,
            "rds_inventory": inventory.variables,
            "rds_promote_plan": promote.promote_plan,
            "rds_remove_plan": restore.remove_plan,
            "rds_restore_plan": restore.restore_plan,
            "rds_restore_refusal": restore.restore_refusal,
            "rds_restore_target": restore.restore_target,
            "rds_restored_problems": restore.restored_problems,
            "rds_scratch_lines": restore.scratch_lines,
            "rds_status": status.status,
            "rds_upgrade_plan": upgrade.upgrade_plan,
            "rds_upgrade_refusal": upgrade.upgrade_refusal,
            "rds_upgraded_problems": upgrade.upgraded_problems,
        }
