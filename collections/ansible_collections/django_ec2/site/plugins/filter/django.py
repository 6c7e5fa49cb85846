# SPDX-License-Identifier: MIT
"""Filters of the role django: what a host has for an application beside its releases."""

from __future__ import annotations

from typing import Any

from ansible_collections.django_ec2.site.plugins.plugin_utils.release import units


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Any]:
        return {
            "django_absent": units.absent,
            "django_directories": units.directories,
            "django_files": units.manage_files,
            "django_mounts": units.mounts,
            "django_purge": units.purge,
            "django_records": units.records,
            "django_timers": units.timers,
            "django_units": units.units,
        }
