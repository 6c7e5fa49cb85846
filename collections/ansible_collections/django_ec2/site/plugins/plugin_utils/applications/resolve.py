# SPDX-License-Identifier: MIT
"""Fill in what an entry leaves out, and what follows from its name: paths, units, sockets, accounts."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.django_ec2.site.plugins.plugin_utils import application_server, domains
from ansible_collections.django_ec2.site.plugins.plugin_utils.applications import names, storage
from ansible_collections.django_ec2.site.plugins.plugin_utils.applications.schema import (
    CHECK,
    DATABASE,
    ENTRY,
    MAIL,
    SERVICE,
    SUPERUSER,
    TIMER,
    Key,
)
from ansible_collections.django_ec2.site.plugins.plugin_utils.applications.validate import (
    completed,
    refusal,
    validate,
)

# Django's settings module when anything of the project's settings is set by the product.
MANAGED_MODULE = "managed_settings"
UNITS = "/etc/systemd/system"


def resolve_applications(applications: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Fill in the defaults of each entry and add what follows from its name.

    Returns:
        One mapping an application, sorted by name, with its ``name``, ``root``, ``user`` and all keys.

    Raises:
        AnsibleFilterError: an entry is not usable; the message names the key and the remedy.
    """
    if not isinstance(applications, Mapping):
        raise AnsibleFilterError("applications has to be a mapping of name to entry. See docs/applications.md.")
    resolved = []
    for name, given in sorted(applications.items()):
        validate(name, given)
        resolved.append(_resolved(name, given))
    if found := names.name_problem(resolved):
        raise refusal(*found)
    return resolved


def _resolved(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    entry = completed(ENTRY, given)
    managed = bool(entry["managed_settings"] or entry["settings"])
    return {
        **entry,
        **_paths(name),
        **storage.storage_paths(name, names.root(name), entry["media_storage"]),
        **_application_server(name),
        "name": name,
        "user": name,
        "secret_environment": _without_fallbacks(entry["secret_environment"]),
        "check_paths": {path: completed(CHECK, wanted) for path, wanted in entry["check_paths"].items()},
        "asked_domain": domains.asked(entry["domains"]),
        "services": _processes(entry["services"], SERVICE),
        "timers": _processes(entry["timers"], TIMER),
        "django_settings_module": MANAGED_MODULE if managed else entry["settings_module"],
        "database": _database(name, entry["database"]),
        "databases": {
            alias: _database(f"{name}_{alias}", given) for alias, given in sorted(entry["databases"].items())
        },
        "mail": completed(MAIL, entry["mail"]) if entry["mail"] else {},
        "superuser": completed(SUPERUSER, entry["superuser"]) if entry["superuser"] else {},
    }


def _without_fallbacks(variables: Mapping[str, Any]) -> dict[str, Any]:
    """Without the variable of further keys where there are none: they are there while Django's key is replaced."""
    return {name: value for name, value in variables.items() if value or not name.endswith("SECRET_KEY_FALLBACKS")}


def _paths(name: str) -> dict[str, str]:
    root = names.root(name)
    return {
        "root": root,
        "static_root": f"{root}/live/release/static",
        "static_public_root": f"{root}/live/release/public",
        "static_kept_root": f"{root}/shared/static",
        "manage": names.manage_command(name),
        "unit_directory": UNITS,
    }


def _application_server(name: str) -> dict[str, str]:
    """The socket of what is live: a link in the live slot, named as the server names its own."""
    return {"live_socket": f"{names.root(name)}/live/{posixpath.basename(application_server.socket(name, 'live'))}"}


def _processes(given: Mapping[str, Any], keys: Sequence[Key]) -> list[dict[str, Any]]:
    return [{**completed(keys, one), "name": str(process)} for process, one in sorted(given.items())]


def _database(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    database = completed(DATABASE, given)
    database["name"] = database["name"] or name
    database["user"] = database["user"] or name
    database["login"] = database["login"] or database["user"]
    database["owner"] = database["owner"] or names.owner_role(name)
    return database
