# SPDX-License-Identifier: MIT
"""Filters of maintenance: plugin_utils/maintenance.py by the names that roles, playbooks and group_vars call."""

from __future__ import annotations

from typing import Any

from ansible_collections.django_ec2.site.plugins.plugin_utils import maintenance


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Any]:
        return {
            "maintenance_newest": maintenance.newest,
            "maintenance_decided": maintenance.decided,
            "maintenance_kept": maintenance.kept,
            "maintenance_files": maintenance.files,
            "maintenance_off_problem": maintenance.off_problem,
            "maintenance_absent_problems": maintenance.absent_problems,
            "maintenance_notes": maintenance.notes,
        }
