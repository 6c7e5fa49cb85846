# SPDX-License-Identifier: MIT
"""Filters of the role acme: plugin_utils/acme.py by the names that roles and group_vars call."""

from __future__ import annotations

from typing import Any

from ansible_collections.django_ec2.site.plugins.plugin_utils import acme


def program_file(name: str, directory: str) -> dict[str, Any]:
    """A file of the host's program, as an entry of host_config's ``files``."""
    return {"path": f"{directory}/{name}", "src": f"acme_certificates/{name}"}


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Any]:
        return {
            "acme_certificates": acme.certificates,
            "acme_provider": acme.provider,
            "acme_problems": acme.problems,
            "acme_due": acme.due,
            "acme_without": acme.without,
            "acme_notes": acme.notes,
            "acme_program_file": program_file,
        }
