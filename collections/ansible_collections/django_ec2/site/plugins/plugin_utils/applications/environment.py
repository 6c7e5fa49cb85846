# SPDX-License-Identifier: MIT
"""The environment files of a slot: variables of the entry, its placeholders, and what the managed settings read."""

from __future__ import annotations

import hashlib
import json
import posixpath
from collections.abc import Mapping
from typing import Any

from ansible_collections.django_ec2.site.plugins.plugin_utils.applications.endpoints import database_url
from ansible_collections.django_ec2.site.plugins.plugin_utils.applications.mail import mail_values
from ansible_collections.django_ec2.site.plugins.plugin_utils.applications.placeholders import (
    filled,
    filled_structure,
    placeholders,
)
from ansible_collections.django_ec2.site.plugins.plugin_utils.applications.resolve import MANAGED_MODULE
from ansible_collections.django_ec2.site.plugins.plugin_utils.applications.schema import MORE_DATABASE_WORDS

Endpoints = Mapping[str, Mapping[str, Any]]

# Stands in an environment file where the name of the slot will be; both slots' files then compare equal.
SLOT = "@SLOT@"
# Options of libpq that it also reads from the environment: https://www.postgresql.org/docs/current/libpq-envars.html
LIBPQ_VARIABLES = {
    "application_name": "PGAPPNAME",
    "channel_binding": "PGCHANNELBINDING",
    "connect_timeout": "PGCONNECT_TIMEOUT",
    "gssencmode": "PGGSSENCMODE",
    "options": "PGOPTIONS",
    "require_auth": "PGREQUIREAUTH",
    "ssl_min_protocol_version": "PGSSLMINPROTOCOLVERSION",
    "target_session_attrs": "PGTARGETSESSIONATTRS",
}
# A changed byte is a changed environment, which makes every application start anew: change it with the LAYOUT of releases alone.
HEADER = "# Managed by Ansible: the role release writes it for each release."


def application_environment(
    entry: Mapping[str, Any],
    endpoints: Endpoints,
    release: str,
    slot: str = SLOT,
    owner: bool = False,
    redis_url: str = "",
) -> str:
    """The environment file of a slot.

    Args:
        entry: one of ``resolve_applications``.
        endpoints: its own of ``database_endpoints``.
        release: the release's identifier.
        slot: ``blue`` or ``green``.
        owner: whether the database is used as its owner (for migrations) or as the application's role.
        redis_url: where the application finds its Redis; empty without one.
    """
    code = f"{entry['root']}/slots/{slot}/release"
    login = endpoints["owner" if owner else "application"]
    replica = (endpoints.get("owner_replica") if owner else None) or endpoints["replica"]
    by_token = login["authentication"] == "iam"
    pooling = _pooling(entry, endpoints)
    values = {
        **_database_values(login, replica),
        **_more_database_values(endpoints, owner),
        "static_root": f"{code}/static",
        "media_root": entry["media_root"],
        "data_root": entry["data_root"],
        "redis_url": redis_url,
        **mail_values(entry["mail"]),
        "release": release,
    }
    directories = [entry["project_directory"], *entry["python_path"]]
    variables = {
        "DJANGO_SETTINGS_MODULE": MANAGED_MODULE if by_token or pooling else entry["django_settings_module"],
        "PYTHONPATH": ":".join([f"{code}/support", *(posixpath.normpath(f"{code}/app/{one}") for one in directories)]),
        **_libpq(login, replica, endpoints["owner"], asks_for_the_replica(entry)),
        **_managed(entry, values, login, pooling, replica),
        # Where the signer of tokens finds keys and region, if not by itself from the instance's role.
        **login["token_environment"],
        **{key: filled(str(value), values) for key, value in entry["environment"].items()},
        **{key: filled(str(value), values) for key, value in entry["secret_environment"].items()},
    }
    if entry["databases"]:
        # release_gate.py migrates them, too.
        variables["MANAGED_DATABASE_ALIASES"] = ",".join(entry["databases"])
    if entry["unverified_databases"]:
        # database_links.py reads it.
        variables["MANAGED_UNVERIFIED_DATABASES"] = ",".join(entry["unverified_databases"])
    lines = [HEADER]
    for key, value in sorted(variables.items()):
        lines.append(f"{key}={_quoted(str(value))}")
    return "\n".join(lines) + "\n"


def application_fingerprint(entry: Mapping[str, Any], endpoints: Endpoints, release: str, redis_url: str = "") -> str:
    """Changes when the environment of the application or its release does, whatever the slot."""
    texts = [
        application_environment(entry, endpoints, release, owner=owner, redis_url=redis_url) for owner in (False, True)
    ]
    return hashlib.sha256("\0".join([release, *texts]).encode()).hexdigest()[:16]


def _database_values(login: Mapping[str, Any], replica: Mapping[str, Any]) -> dict[str, str]:
    """Values of the placeholders ``database_…``, and two more for the managed settings."""
    # Whoever migrates reads the replica as the owner, too.
    reader = {**replica, "user": login["user"], "password": login["password"]}
    return {
        "database_auth": login["authentication"],
        "database_options": json.dumps(login["options"], sort_keys=True),
        "database_replica_host": reader["host"],
        "database_replica_url": database_url(reader),
        "database_host": login["host"],
        "database_port": str(login["port"]),
        "database_name": login["name"],
        "database_user": login["user"],
        "database_password": login["password"],
        "database_sslmode": login["sslmode"],
        "database_ca_file": login["ca_file"],
        "database_url": database_url(login),
    }


def _more_database_values(endpoints: Endpoints, owner: bool) -> dict[str, str]:
    """Values of the placeholders ``database_<alias>_…``."""
    found = {}
    for alias, own in (endpoints.get("databases") or {}).items():
        login = own["owner" if owner else "application"]
        found |= {f"database_{alias}_{key}": str(login[key]) for key in MORE_DATABASE_WORDS if key != "url"}
        found[f"database_{alias}_url"] = database_url(login)
    return found


def _pooling(entry: Mapping[str, Any], endpoints: Endpoints) -> str:
    """The mode of the pooler, where the settings have to be told of it."""
    # Classes of django-configurations are no module whose values could be replaced; database_links.py asks how they are.
    own = "DJANGO_CONFIGURATION" in {**entry["environment"], **entry["secret_environment"]}
    return "" if own else str(endpoints["application"].get("pooling", ""))


def asks_for_the_replica(entry: Mapping[str, Any]) -> bool:
    """Whether the entry puts a link to the replica together by itself, without the URL that says how."""
    given = [entry["environment"], entry["secret_environment"], entry["settings"]]
    return any("database_replica_host" in placeholders(one) for one in given)


def _libpq(
    login: Mapping[str, Any], replica: Mapping[str, Any], owner: Mapping[str, Any], replica_by_parts: bool
) -> dict[str, str]:
    """libpq's own variables: settings that say nothing of TLS are verified all the same, and give up on a dead server."""
    found = {}
    # libpq ignores them on a unix socket; another link may leave the host all the same.
    verified = next((one for one in (login, replica, owner) if one["sslmode"]), login)
    if verified["sslmode"]:
        found = {"PGSSLMODE": verified["sslmode"], "PGSSLROOTCERT": verified["ca_file"]}
    options = dict(login["options"])
    if replica_by_parts and replica["host"] != login["host"]:
        # These hold for all connections that say nothing themselves, and nothing can be written on a replica.
        options.pop("target_session_attrs", None)
    return found | {LIBPQ_VARIABLES[name]: str(value) for name, value in options.items() if name in LIBPQ_VARIABLES}


def _managed(
    entry: Mapping[str, Any],
    values: Mapping[str, str],
    login: Mapping[str, Any],
    pooling: str,
    replica: Mapping[str, Any],
) -> dict[str, str]:
    """What managed_settings.py reads; names of its own, so that they never meet those of the project."""
    by_token = login["authentication"] == "iam"
    if entry["django_settings_module"] != MANAGED_MODULE and not by_token and not pooling:
        return {}
    chosen = entry["managed_settings"]
    found = {"MANAGED_SETTINGS": ",".join(chosen), "MANAGED_SETTINGS_MODULE": entry["settings_module"]}
    if by_token:
        found["MANAGED_DATABASE_AUTH"] = "iam"
    if pooling:
        found["MANAGED_DATABASE_POOLING"] = pooling
        if entry["pooling"]:
            found["MANAGED_DATABASE_POOLING_CHOSEN"] = "true"
    if entry["settings"]:
        found["MANAGED_VALUES"] = json.dumps(filled_structure(entry["settings"], values), sort_keys=True)
    if "hosts" in chosen:
        found["MANAGED_DOMAINS"] = ",".join(entry["domains"])
    if "database" in chosen:
        names = [key for key in values if key.startswith("database_")]
        if not login["sslmode"]:
            names = [key for key in names if key not in ("database_sslmode", "database_ca_file")]
        found |= {f"MANAGED_{key.upper()}": values[key] for key in names}
        if replica["host"] != login["host"] and "hostaddr" in replica["options"]:
            found["MANAGED_DATABASE_REPLICA_OPTIONS"] = json.dumps(replica["options"], sort_keys=True)
    for kind in ("static", "media"):
        if kind in chosen:
            found |= {
                f"MANAGED_{kind.upper()}_URL": entry[f"{kind}_url"],
                f"MANAGED_{kind.upper()}_ROOT": values[f"{kind}_root"],
            }
    if "mail" in chosen:
        found |= {
            f"MANAGED_{key.upper()}": values[key] for key in values if key.startswith("mail_") and key != "mail_url"
        }
    if "cache" in chosen:
        found["MANAGED_REDIS_URL"] = values["redis_url"]
    return found


def _quoted(value: str) -> str:
    """A value as systemd's EnvironmentFile= reads it back (man systemd.exec)."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$").replace("`", "\\`")
    return f'"{escaped}"'
