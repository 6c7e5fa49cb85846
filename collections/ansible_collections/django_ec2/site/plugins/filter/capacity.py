# SPDX-License-Identifier: MIT
"""Filters over plugin_utils/capacity.py: workers of a host, and connections of the database."""

from __future__ import annotations

from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.postgres.connections import connection_shortage
from ansible_collections.django_ec2.site.plugins.plugin_utils import capacity


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Any]:
        return {
            "connection_need": capacity.connection_need,
            "connection_problems": capacity.connection_problems,
            "connection_shortage": connection_shortage,
            "count_connections": capacity.count_connections,
            "limit_connections": capacity.limit_connections,
            "web_processes": capacity.web_processes,
            "worker_processes": capacity.worker_processes,
        }
