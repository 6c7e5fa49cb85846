"""Filters over the mapping ``applications``: one entry becomes what each role needs to know about it.

What an entry may say stands in ``docs/applications.md``. The defaults and the derived paths, names and units are here
and nowhere else, so that every role means the same place by the same word.
"""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from ansible.errors import AnsibleFilterError

NAME = re.compile(r"[a-z][a-z0-9_]{0,30}")
DOMAIN = re.compile(r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
PLACEHOLDER = re.compile(r"\$\{([a-z_]+)\}")
PLACEHOLDERS = (
    "database_host", "database_name", "database_password", "database_port", "database_url", "database_user",
    "media_root", "release", "static_root",
)  # fmt: skip
# Stands in an environment file where the name of the slot will be; both slots' files then compare equal.
SLOT = "@SLOT@"

DEFAULTS: dict[str, Any] = {
    "domains": None,
    "source": None,
    "project_directory": ".",
    "requirements": ["requirements.txt"],
    "packages": [],
    "settings_module": None,
    "wsgi_module": None,
    "health_path": "/",
    "environment": {},
    "secret_environment": {},
    "static_url": "/static/",
    "media_url": "/media/",
    "max_body_size": "10m",
    "timeout": 60,
    "processes": 0,
    "threads": 1,
    "database": None,
    "superuser": {},
}
REQUIRED = [key for key, value in DEFAULTS.items() if value is None]
DATABASE_DEFAULTS = {"name": "", "user": "", "owner": "", "extensions": [], "connection_limit": -1}
SUPERUSER_KEYS = {"username", "email", "password"}
# Words that stand where somebody meant to put a secret later.
PLACEHOLDER_SECRETS = ("changeme", "change-me", "change_me", "secret", "password", "example", "insecure", "todo", "xxx")
SECRET_LENGTH = 16
SECRET_VARIETY = 8


def _fail(name: str, problem: str) -> None:
    raise AnsibleFilterError(f"applications.{name}: {problem} See docs/applications.md.")


def _check_keys(name: str, given: Mapping[str, Any], known: set[str], where: str) -> None:
    for key in given:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, 1)
            hint = f" Did you mean '{near[0]}'?" if near else f" Known: {', '.join(sorted(known))}."
            _fail(name, f"{where} has no key '{key}'.{hint}")


def _check_types(name: str, entry: dict[str, Any]) -> None:
    for key in ("environment", "secret_environment", "database", "superuser"):
        if not isinstance(entry[key], Mapping):
            _fail(name, f"{key}: has to be a mapping of names to values.")
    for key in ("requirements", "packages"):
        if not isinstance(entry[key], list):
            _fail(name, f"{key}: has to be a list, as in ['{entry[key]}'].")
    for key in ("timeout", "processes", "threads"):
        if not re.fullmatch(r"\d+", str(entry[key])):
            _fail(name, f"{key}: '{entry[key]}' is no whole number.")


def _check(name: str, entry: dict[str, Any]) -> None:
    for key in REQUIRED:
        if not entry[key]:
            _fail(name, f"'{key}' is missing.")
    _check_types(name, entry)
    domains = entry["domains"]
    if not isinstance(domains, list) or not all(isinstance(one, str) and DOMAIN.fullmatch(one) for one in domains):
        _fail(name, f"domains: {domains!r} is no list of domain names in small letters, as in [www.example.org].")
    for key in ("settings_module", "wsgi_module"):
        if not re.fullmatch(r"[A-Za-z_][\w.]*", entry[key]):
            _fail(name, f"{key}: '{entry[key]}' is no dotted Python module, as in 'project.settings'.")
    for key in ("static_url", "media_url"):
        if not re.fullmatch(r"/([\w.-]+/)+", entry[key]):
            _fail(name, f"{key}: '{entry[key]}' has to begin and end with '/', as in '/static/'.")
    if not str(entry["health_path"]).startswith("/"):
        _fail(name, f"health_path: '{entry['health_path']}' has to begin with '/'.")
    if not re.fullmatch(r"\d+[kmg]?", str(entry["max_body_size"])):
        _fail(name, f"max_body_size: '{entry['max_body_size']}' is no size, as in '10m'.")
    for key in ("environment", "secret_environment"):
        for variable, value in entry[key].items():
            if not VARIABLE.fullmatch(str(variable)):
                _fail(name, f"{key}: '{variable}' is no name for an environment variable.")
            if "\n" in str(value):
                _fail(name, f"{key}: the value of '{variable}' has several lines; encode it, for example as base64.")
            for word in PLACEHOLDER.findall(str(value)):
                if word not in PLACEHOLDERS:
                    _fail(name, f"{key}: '{variable}' asks for ${{{word}}}; known are {', '.join(PLACEHOLDERS)}.")
    twice = sorted(set(entry["environment"]) & set(entry["secret_environment"]))
    if twice:
        _fail(name, f"{', '.join(twice)} stands in environment and in secret_environment; keep one.")


def resolve_applications(applications: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Fill in the defaults of each entry and add what follows from its name.

    Returns:
        One mapping an application, sorted by name, with its ``name``, ``root``, ``user``, ``unit`` and all keys.

    Raises:
        AnsibleFilterError: an entry is not usable; the message names the key and the remedy.
    """
    if not isinstance(applications, Mapping):
        raise AnsibleFilterError("applications has to be a mapping of name to entry. See docs/applications.md.")
    resolved = []
    for name, given in sorted(applications.items()):
        if not NAME.fullmatch(str(name)):
            _fail(
                name, "the name needs small letters, digits and '_', begins with a letter and has at most 31 of them."
            )
        if not isinstance(given, Mapping):
            _fail(name, "the entry has to be a mapping.")
        _check_keys(name, given, set(DEFAULTS), "the entry")
        entry = {**DEFAULTS, **given}
        _check(name, entry)
        database = {**DATABASE_DEFAULTS, **entry["database"]}
        _check_keys(name, database, {*DATABASE_DEFAULTS, "password", "owner_password"}, "database")
        _check_keys(name, entry["superuser"], SUPERUSER_KEYS, "superuser")
        for key in ("username", "email") if entry["superuser"] else ():
            if not entry["superuser"].get(key):
                _fail(name, f"superuser: '{key}' is missing.")
        database["name"] = database["name"] or name
        database["user"] = database["user"] or name
        database["owner"] = database["owner"] or f"{name}_owner"
        root = f"/srv/{name}"
        entry |= {
            "name": name,
            "user": name,
            "root": root,
            "unit": f"uwsgi-{name}@",
            "runtime_directory": f"uwsgi-{name}",
            "configuration": f"/etc/uwsgi/{name}.ini",
            "wsgi_file": f"/etc/uwsgi/{name}_wsgi.py",
            "unit_file": f"/etc/systemd/system/uwsgi-{name}@.service",
            "manage": f"/usr/local/sbin/{name}-manage",
            "static_root": f"{root}/live/release/static",
            "static_kept_root": f"{root}/shared/static",
            "media_root": f"{root}/shared/media",
            "live_socket": f"{root}/live/uwsgi.sock",
            "database": database,
        }
        resolved.append(entry)
    return resolved


def application_secrets_problems(resolved: list[dict[str, Any]], strict: bool = True) -> list[str]:
    """What is wrong with the secrets of the applications, in sentences that do not repeat their values.

    Args:
        resolved: what ``resolve_applications`` returned.
        strict: whether weak values and placeholders are a problem too (everywhere but in a lab).
    """
    problems = []
    for entry in resolved:
        name = entry["name"]
        database = entry["database"]
        values = {
            **{f"secret_environment.{key}": value for key, value in entry["secret_environment"].items()},
            **{f"database.{key}": database.get(key) for key in ("password", "owner_password")},
        }
        if entry["superuser"]:
            values["superuser.password"] = entry["superuser"].get("password")
        for key, value in values.items():
            text = str(value or "")
            if not text:
                problems.append(
                    f"applications.{name}.{key} is empty: give it a value from the vault (docs/secrets.md)."
                )
            elif strict and not PLACEHOLDER.search(text) and _weak(text):
                problems.append(
                    f"applications.{name}.{key} is a placeholder or too weak: use at least {SECRET_LENGTH} random "
                    "characters, as playbooks/secrets.yml makes them."
                )
        if database.get("password") and database.get("password") == database.get("owner_password"):
            problems.append(f"applications.{name}.database: password and owner_password are the same; use two.")
    return problems


def _weak(text: str) -> bool:
    small = text.lower()
    return (
        len(text) < SECRET_LENGTH
        or len(set(text)) < SECRET_VARIETY
        or any(small.startswith(word) or small.endswith(word) for word in PLACEHOLDER_SECRETS)
    )


def database_url(user: str, password: str, name: str, database: Mapping[str, Any]) -> str:
    """A libpq URL. ``database`` has ``host``, ``port`` and, but for a socket directory, ``sslmode`` and ``ca_file``."""
    host = str(database["host"])
    login = f"postgresql://{quote(user, safe='')}:{quote(password, safe='')}"
    if host.startswith("/"):
        return f"{login}@{quote(host, safe='')}:{database['port']}/{quote(name, safe='')}"
    options = urlencode({"sslmode": database["sslmode"], "sslrootcert": database["ca_file"]}, safe="/")
    if ":" in host:
        host = f"[{host}]"
    return f"{login}@{host}:{database['port']}/{quote(name, safe='')}?{options}"


def _quoted(value: str) -> str:
    """A value as systemd's EnvironmentFile= reads it back (man systemd.exec)."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$").replace("`", "\\`")
    return f'"{escaped}"'


def application_environment(
    entry: Mapping[str, Any], database: Mapping[str, Any], release: str, slot: str = SLOT, owner: bool = False
) -> str:
    """The environment file of a slot.

    Args:
        entry: one of ``resolve_applications``.
        database: where the database is: ``host``, ``port``, ``sslmode``, ``ca_file``.
        release: the release's identifier.
        slot: ``blue`` or ``green``.
        owner: whether the database is used as its owner (for migrations) or as the application's role.
    """
    own = entry["database"]
    user = own["owner"] if owner else own["user"]
    password = str(own["owner_password"] if owner else own["password"])
    values = {
        "database_host": str(database["host"]),
        "database_port": str(database["port"]),
        "database_name": own["name"],
        "database_user": user,
        "database_password": password,
        "database_url": database_url(user, password, own["name"], database),
        "static_root": f"{entry['root']}/slots/{slot}/release/static",
        "media_root": entry["media_root"],
        "release": release,
    }
    variables = {
        "DJANGO_SETTINGS_MODULE": entry["settings_module"], **entry["environment"], **entry["secret_environment"]
    }  # fmt: skip
    lines = ["# Managed by Ansible: the role django writes it for each release."]
    for key, value in sorted(variables.items()):
        lines.append(f"{key}={_quoted(PLACEHOLDER.sub(lambda found: values[found[1]], str(value)))}")
    return "\n".join(lines) + "\n"


def application_administrator(entry: Mapping[str, Any]) -> str:
    """The environment file from which Django's ``createsuperuser --noinput`` takes the first administrator."""
    given = entry["superuser"]
    lines = [f"DJANGO_SUPERUSER_{key.upper()}={_quoted(str(given[key]))}" for key in ("username", "email", "password")]
    return "\n".join(lines) + "\n"


def application_fingerprint(entry: Mapping[str, Any], database: Mapping[str, Any], release: str) -> str:
    """Changes when the environment of the application or its release does, whatever the slot."""
    texts = [application_environment(entry, database, release, owner=owner) for owner in (False, True)]
    return hashlib.sha256("\0".join([release, *texts]).encode()).hexdigest()[:16]


def nginx_sites(resolved: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The applications as entries of the role nginx's ``nginx_sites``."""
    return [
        {
            "name": entry["name"],
            "domains": entry["domains"],
            "upstream_socket": entry["live_socket"],
            "static_url": entry["static_url"],
            "static_root": entry["static_root"],
            "static_kept_root": entry["static_kept_root"],
            "media_url": entry["media_url"],
            "media_root": entry["media_root"],
            "group": entry["user"],
            "max_body_size": str(entry["max_body_size"]),
            "read_timeout": int(entry["timeout"]) + 5,
        }
        for entry in resolved
    ]


def postgres_databases(resolved: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The applications as entries of the role postgres's ``postgres_databases``."""
    keys = ("name", "user", "owner", "password", "owner_password", "extensions", "connection_limit")
    return [{key: entry["database"].get(key) for key in keys} for entry in resolved]


def uwsgi_instances(resolved: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The applications as entries of the role uwsgi's ``uwsgi_instances``."""
    return [
        {
            "name": entry["name"],
            "wsgi_module": entry["wsgi_module"],
            "project_directory": entry["project_directory"],
            "harakiri": int(entry["timeout"]),
            "processes": int(entry["processes"]),
            "threads": int(entry["threads"]),
            "writable_paths": [entry["media_root"]],
        }
        for entry in resolved
    ]


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Any]:
        return {
            "resolve_applications": resolve_applications,
            "application_secrets_problems": application_secrets_problems,
            "application_administrator": application_administrator,
            "application_environment": application_environment,
            "application_fingerprint": application_fingerprint,
            "nginx_sites": nginx_sites,
            "postgres_databases": postgres_databases,
            "uwsgi_instances": uwsgi_instances,
        }
