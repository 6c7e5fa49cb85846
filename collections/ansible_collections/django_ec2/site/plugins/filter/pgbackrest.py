# SPDX-License-Identifier: MIT
"""Filters of the role pgbackrest, and of what looks at backups."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.django_ec2.site.plugins.plugin_utils.backups import configuration, judgement, problems, status


def pgbackrest_databases(hosts: Iterable[Mapping[str, Any]], primary: str = "") -> list[dict[str, Any]]:
    """Entries of ``pgbackrest_databases`` from the variables of the database hosts, the primary's first."""
    found = [
        {
            "name": host["inventory_hostname"],
            "address": host["private_address"],
            "data_directory": host.get("postgres_data_directory") or "",
            "port": int(host.get("postgres_port") or 5432),
        }
        for host in hosts
    ]
    return sorted(found, key=lambda one: one["name"] != primary)


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Any]:
        return {
            "backup_line": status.backup_line,
            "backups_notes": judgement.notes,
            "backups_problems": problems.inventory_problems,
            "backups_refusal": problems.refusal,
            "backups_warnings": problems.decision_warnings,
            "database_status": status.status,
            "pgbackrest_client": configuration.client,
            "pgbackrest_databases": pgbackrest_databases,
            "pgbackrest_problems": problems.role_problems,
            "pgbackrest_settings": configuration.settings,
        }
