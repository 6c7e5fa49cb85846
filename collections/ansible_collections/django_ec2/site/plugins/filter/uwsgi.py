# SPDX-License-Identifier: MIT
"""Filters of the role uwsgi."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.host_config.accounts import foreign_account
from ansible_collections.django_ec2.site.plugins.module_utils.host_config.spec import ARGUMENT_SPEC
from ansible_collections.django_ec2.site.plugins.plugin_utils import application_server
from ansible_collections.django_ec2.site.plugins.plugin_utils.applications import names

DEFAULTS: dict[str, Any] = {
    "project_directory": ".", "processes": 0, "threads": 1, "harakiri": 60, "writable_paths": [], "mounts": [],
    "settings": {}, "unit_settings": {},
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


def uwsgi_account_problems(instances: list[dict[str, Any]], facts: Mapping[str, Any]) -> list[str]:
    """Accounts of a host that have the name of an instance and belong to somebody else, in sentences with the remedy.

    Args:
        instances: as role uwsgi takes them.
        facts: of the host, with its accounts: as it lists them itself (``ansible_local.accounts``), or as getent does.
    """
    listed = (facts.get("ansible_local") or {}).get("accounts") or [
        (name, *entry[4:6]) for name, entry in (facts.get("getent_passwd") or {}).items()
    ]
    accounts = {name: (home, shell) for name, home, shell in listed}
    shell = ARGUMENT_SPEC["users"]["options"]["shell"]["default"]
    found = (
        foreign_account({**user, "shell": shell}, *accounts[user["name"]])
        for user in uwsgi_users(instances)
        if user["name"] in accounts
    )
    return [problem for problem in found if problem]


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Any]:
        return {
            "uwsgi_account_problems": uwsgi_account_problems,
            "uwsgi_files": uwsgi_files,
            "uwsgi_instances": application_server.instances,
            "uwsgi_users": uwsgi_users,
        }
