# SPDX-License-Identifier: MIT
"""What each role needs to know of the applications, and nothing else.

Secrets go to nobody but the database.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.django_ec2.site.plugins.plugin_utils.applications.validate import is_git


def select_application(
    resolved: list[dict[str, Any]], name: str = "", source: str = "", version: str = ""
) -> list[dict[str, Any]]:
    """The applications that a run of deploy.yml, rollback.yml or releases.yml is about.

    Args:
        resolved: what ``resolve_applications`` returned.
        name: one of them (``-e app=``); empty means all.
        source: another source for this run (``-e source=``).
        version: another version of the source for this run (``-e version=``).
    """
    names = [entry["name"] for entry in resolved]
    if name and name not in names:
        raise AnsibleFilterError(f"There is no application '{name}'. Give -e app= one of: {', '.join(names)}.")
    chosen = [entry for entry in resolved if name in ("", entry["name"])]
    if not (source or version):
        return chosen
    if len(chosen) > 1:
        raise AnsibleFilterError(
            f"Another source or version is for one application: give -e app= one of: {', '.join(names)}."
        )
    entry = {**chosen[0], "source": source or chosen[0]["source"], "version": version or chosen[0]["version"]}
    if source and not version:
        entry["version"] = ""
    if version and not is_git(entry["source"]):
        raise AnsibleFilterError(
            f"version '{version}' needs a git source, and '{entry['source']}' is a directory: add -e source=<git URL>."
        )
    return [entry]


def nginx_sites(resolved: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The applications as entries of the role nginx's ``nginx_sites``."""
    return [
        {
            "name": entry["name"],
            "domains": entry["domains"],
            "upstream_socket": entry["live_socket"],
            "static_url": entry["static_url"],
            "static_root": entry["static_root"],
            "static_public_root": entry["static_public_root"],
            "static_kept_root": entry["static_kept_root"],
            "media_url": entry["media_url"],
            "media_root": entry["media_root"],
            "group": entry["user"],
            "max_body_size": str(entry["max_body_size"]),
            "read_timeout": int(entry["timeout"]) + 5,
            "locations": entry["locations"],
            "login_paths": entry["login_paths"],
            "certificate_provider": entry["certificate_provider"],
            "hsts": entry["hsts"] or _hsts(entry["settings"]),
            "maintenance": entry["maintenance"],
            "maintenance_allow": entry["maintenance_allow"],
            "maintenance_page": entry["maintenance_page"],
        }
        for entry in resolved
    ]


def _hsts(settings: Mapping[str, Any]) -> str:
    """What Django's SecurityMiddleware says by these settings of an entry, which outrank the project's own."""
    seconds = settings.get("SECURE_HSTS_SECONDS")
    if isinstance(seconds, bool) or not isinstance(seconds, int) or seconds <= 0:
        return ""
    subdomains = "; includeSubDomains" if settings.get("SECURE_HSTS_INCLUDE_SUBDOMAINS") is True else ""
    preload = "; preload" if settings.get("SECURE_HSTS_PRELOAD") is True else ""
    return f"max-age={seconds}{subdomains}{preload}"


def postgres_databases(resolved: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The databases of the applications as entries of the role postgres's ``postgres_databases``."""
    keys = (
        "name",
        "user",
        "login",
        "owner",
        "password",
        "owner_password",
        "extensions",
        "memberships",
        "connection_limit",
    )
    databases = [one for entry in resolved for one in (entry["database"], *entry["databases"].values())]
    return [{key: one[key] for key in keys} for one in databases]


def database_secrets_names(applications: Any) -> dict[str, list[str]]:
    """The secrets of further databases, as the module ``secrets_file`` takes them.

    Args:
        applications: the mapping ``applications``; what is no entry is for preflight to refuse.
    """
    given = applications if isinstance(applications, Mapping) else {}
    return {
        str(name): [
            f"database_{alias}_{key}" for alias in sorted(entry["databases"]) for key in ("password", "owner_password")
        ]
        for name, entry in given.items()
        if isinstance(entry, Mapping) and isinstance(entry.get("databases"), Mapping)
    }
