# SPDX-License-Identifier: MIT
"""Filters of the role database_move."""

from __future__ import annotations

from typing import Any

from ansible_collections.django_ec2.site.plugins.plugin_utils import database_move


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Any]:
        """The filters by the names that roles use."""
        return {
            "database_move_direct": database_move.database_move_direct,
            "database_move_databases": database_move.database_move_databases,
            "database_move_logins": database_move.database_move_logins,
            "database_move_servers": database_move.database_move_servers,
        }
