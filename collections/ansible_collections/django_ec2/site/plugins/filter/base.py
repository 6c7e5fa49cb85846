# SPDX-License-Identifier: MIT
"""Filters of the role base, and of all that depends on the operating system of a host."""

from __future__ import annotations

from typing import Any

from ansible_collections.django_ec2.site.plugins.plugin_utils.disks import full_disks
from ansible_collections.django_ec2.site.plugins.plugin_utils.patching import (
    patch_answers,
    patch_later,
    patch_lines,
    patch_order,
    patch_plan,
    patch_problems,
    restart_notes,
)
from ansible_collections.django_ec2.site.plugins.plugin_utils.systems import (
    role_system,
    system_problems,
)


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Any]:
        return {
            "full_disks": full_disks,
            "patch_answers": patch_answers,
            "patch_later": patch_later,
            "patch_lines": patch_lines,
            "patch_order": patch_order,
            "patch_plan": patch_plan,
            "patch_problems": patch_problems,
            "restart_notes": restart_notes,
            "role_system": role_system,
            "system_problems": system_problems,
        }
