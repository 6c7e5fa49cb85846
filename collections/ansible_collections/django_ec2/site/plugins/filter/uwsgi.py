# SPDX-License-Identifier: MIT
"""Filters of the role uwsgi."""

from __future__ import annotations

from typing import Any

from ansible_collections.django_ec2.site.plugins.plugin_utils import application_server
from ansible_collections.django_ec2.site.plugins.plugin_utils.applications import names

DEFAULTS: dict[str, Any] = {
    "project_directory": ".", "processes": 0, "threads": 1, "harakiri": 60, "writable_paths": [], "mounts": [], "settings": {},
}  # fmt: skip


def uwsgi_files(instances: list[dict[str, Any]], path: str, template: str) -> list[dict[str, Any]]:
    """One template for each instance, as entries of host_config's ``files``; the template sees it as ``instance``."""
    return [
        {"path": path.format(name=one["name"]), "template": template, "vars": {"instance": {**DEFAULTS, **one}}}
        for one in instances
    ]


def uwsgi_users(instances: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The user of each instance, as entries of host_config's ``users``. An account of somebody else is not taken over."""
    return [
        {
            "name": one["name"],
            "home": names.root(one["name"]),
            "comment": f"Django application {one['name']}",
            "adopt": False,
            # Shared files belong to a number: a host that comes later takes over that of the others.
            "number_of": [*one.get("writable_paths", []), ""][0] if one.get("mounts") else "",
        }
        for one in instances
    ]


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Any]:
        return {
            "uwsgi_files": uwsgi_files,
            "uwsgi_instances": application_server.instances,
            "uwsgi_users": uwsgi_users,
        }
