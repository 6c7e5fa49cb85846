# SPDX-License-Identifier: MIT
"""Filters of the role pgbouncer."""

from __future__ import annotations

from typing import Any

from ansible_collections.django_ec2.site.plugins.plugin_utils import pooler


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Any]:
        """The filters by the names that playbooks and roles use."""
        return {
            "pgbouncer_clients": pooler.clients,
            "pgbouncer_directories": pooler.directories,
            "pgbouncer_files": pooler.files,
            "pgbouncer_guests": pooler.guests,
            "pgbouncer_instances": pooler.instances,
            "pgbouncer_moved": pooler.moved,
            "pgbouncer_noticed": pooler.noticed,
            "pgbouncer_problems": pooler.problems,
            "pgbouncer_target": pooler.target,
            "pgbouncer_unpaused": pooler.unpaused,
            "pgbouncer_units": pooler.units,
        }
