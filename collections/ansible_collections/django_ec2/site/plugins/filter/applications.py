"""Filters over the mapping ``applications``: one entry becomes what each role needs to know about it.

What an entry may say stands in ``docs/applications.md``. The defaults and the derived paths, names and units are here
and nowhere else, so that every role means the same place by the same word.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import posixpath
import re
import shlex
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from ansible.errors import AnsibleFilterError

NAME = re.compile(r"[a-z][a-z0-9_]{0,30}")
DOMAIN = re.compile(r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
PLACEHOLDER = re.compile(r"\$\{([a-z_]+)\}")
PLACEHOLDERS = (
    "database_host", "database_name", "database_password", "database_port", "database_replica_host",
    "database_replica_url", "database_url", "database_user", "media_root", "redis_url", "release", "static_root",
)  # fmt: skip
# Stands in an environment file where the name of the slot will be; both slots' files then compare equal.
SLOT = "@SLOT@"

DEFAULTS: dict[str, Any] = {
    "domains": None,
    "source": None,
    "version": "",
    "deploy_key": "",
    "project_directory": ".",
    "python_path": [],
    "requirements": "auto",
    "extras": [],
    "packages": [],
    "build_commands": [],
    "release_commands": ["collectstatic --noinput"],
    "debian_packages": [],
    "settings_module": None,
    "wsgi_module": None,
    "managed_settings": [],
    "settings": {},
    "health_path": "/",
    "environment": {},
    "secret_environment": {},
    "static_url": "/static/",
    "media_url": "/media/",
    "max_body_size": "10m",
    "timeout": 60,
    "processes": 0,
    "threads": 1,
    "services": {},
    "timers": {},
    "redis": False,
    "database": None,
    "superuser": {},
}
REQUIRED = [key for key, value in DEFAULTS.items() if value is None]
DATABASE_DEFAULTS = {"name": "", "user": "", "login": "", "owner": "", "extensions": [], "connection_limit": -1}
SUPERUSER_KEYS = {"username", "email", "password"}
SERVICE_DEFAULTS: dict[str, Any] = {"command": "", "stop_timeout": 60, "singleton": False, "environment": {}}
TIMER_DEFAULTS: dict[str, Any] = {
    "command": "", "schedule": "", "timeout": 3600, "singleton": True, "environment": {},
}  # fmt: skip
# What roles/release/files/support/managed_settings.py can set in place of the project.
MANAGED_SETTINGS = ("cache", "database", "hosts", "logging", "media", "secret_key", "security", "static")
# Django's settings module when anything of the project's settings is set by the product.
MANAGED_MODULE = "managed_settings"
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
    for key in ("environment", "secret_environment", "database", "superuser", "settings", "services", "timers"):
        if not isinstance(entry[key], Mapping):
            _fail(name, f"{key}: has to be a mapping of names to values.")
    lists = ["packages", "python_path", "extras", "build_commands", "release_commands", "debian_packages"]
    lists += ["managed_settings"] + (["requirements"] if entry["requirements"] != "auto" else [])
    for key in lists:
        if not isinstance(entry[key], list) or not all(isinstance(one, str) for one in entry[key]):
            _fail(name, f"{key}: has to be a list, as in ['{entry[key]}'].")
    for key in ("timeout", "processes", "threads"):
        if not re.fullmatch(r"\d+", str(entry[key])):
            _fail(name, f"{key}: '{entry[key]}' is no whole number.")
    if not isinstance(entry["redis"], bool):
        _fail(name, f"redis: '{entry['redis']}' is neither true nor false.")


def _check_process(name: str, where: str, process: str, given: Any, defaults: Mapping[str, Any]) -> dict[str, Any]:
    """A service or a timer with its defaults; ``where`` is the key of the entry that holds it."""
    place = f"{where}.{process}"
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,30}", str(process)):
        _fail(name, f"{where}: '{process}' is no name: use small letters, digits and '_'.")
    if not isinstance(given, Mapping):
        _fail(name, f"{place}: has to be a mapping with 'command'.")
    _check_keys(name, given, set(defaults), place)
    one = {**defaults, **given}
    for key, value in defaults.items():
        if value == "" and not one[key]:
            _fail(name, f"{place}: '{key}' is missing.")
        if isinstance(value, bool) and not isinstance(one[key], bool):
            _fail(name, f"{place}.{key}: '{one[key]}' is neither true nor false.")
        if isinstance(value, int) and not isinstance(value, bool) and not re.fullmatch(r"[1-9]\d*", str(one[key])):
            _fail(name, f"{place}.{key}: '{one[key]}' is no whole number of seconds.")
    if not isinstance(one["environment"], Mapping):
        _fail(name, f"{place}.environment: has to be a mapping of names to values.")
    _words(name, f"{place}.command", one["command"])
    return {**one, "name": str(process)}


def _words(name: str, where: str, command: str) -> list[str]:
    try:
        words = shlex.split(command)
    except ValueError as error:
        _fail(name, f"{where}: '{command}' cannot be split into words: {error}.")
    if not words:
        _fail(name, f"{where}: is empty.")
    return words


def _check_managed(name: str, entry: dict[str, Any]) -> None:
    for one in entry["managed_settings"]:
        if one not in MANAGED_SETTINGS:
            _fail(name, f"managed_settings: '{one}' is none of {', '.join(MANAGED_SETTINGS)}.")
    for key in entry["settings"]:
        if not re.fullmatch(r"[A-Z][A-Z0-9_]*", str(key)):
            _fail(name, f"settings: '{key}' is no name of a Django setting (capital letters).")
    if "secret_key" in entry["managed_settings"] and "SECRET_KEY" not in entry["secret_environment"]:
        _fail(name, "managed_settings has 'secret_key', so secret_environment needs SECRET_KEY.")
    if "cache" in entry["managed_settings"] and not entry["redis"]:
        _fail(name, "managed_settings has 'cache', so it needs redis: true.")


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
    for key in ("project_directory", *(f"python_path: {one}" for one in entry["python_path"])):
        path = str(entry[key]) if key in entry else key.partition(": ")[2]
        if path.startswith("/") or ".." in path.split("/"):
            _fail(name, f"{key.partition(':')[0]}: '{path}' has to lie below the source, as in 'src'.")
    if not is_git(str(entry["source"])) and (entry["version"] or entry["deploy_key"]):
        _fail(name, f"version and deploy_key are for a git URL; source '{entry['source']}' is a directory.")
    for key in ("build_commands", "release_commands"):
        for command in entry[key]:
            _words(name, key, command)
    _check_managed(name, entry)
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
                if word == "redis_url" and not entry["redis"]:
                    _fail(name, f"{key}: '{variable}' asks for ${{redis_url}}, so the entry needs redis: true.")
                if word not in PLACEHOLDERS:
                    _fail(name, f"{key}: '{variable}' asks for ${{{word}}}; known are {', '.join(PLACEHOLDERS)}.")
    twice = sorted(set(entry["environment"]) & set(entry["secret_environment"]))
    if twice:
        _fail(name, f"{', '.join(twice)} stands in environment and in secret_environment; keep one.")


def is_git(source: str) -> bool:
    """Whether a source is the URL of a git repository; anything else is a directory."""
    return bool(re.match(r"(https?|ssh|git|file)://|[\w.-]+@[\w.-]+:", source)) or source.endswith(".git")


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
        database["login"] = database["login"] or database["user"]
        database["owner"] = database["owner"] or f"{name}_owner"
        root = f"/srv/{name}"
        managed = bool(entry["managed_settings"] or entry["settings"])
        units = "/etc/systemd/system"
        entry |= {
            "services": [
                _check_process(name, "services", *one, SERVICE_DEFAULTS) for one in sorted(entry["services"].items())
            ],
            "timers": [_check_process(name, "timers", *one, TIMER_DEFAULTS) for one in sorted(entry["timers"].items())],
            "django_settings_module": MANAGED_MODULE if managed else entry["settings_module"],
            "name": name,
            "user": name,
            "root": root,
            "unit": f"uwsgi-{name}@",
            "runtime_directory": f"uwsgi-{name}",
            "configuration": f"/etc/uwsgi/{name}.ini",
            "wsgi_file": f"/etc/uwsgi/{name}_wsgi.py",
            "unit_file": f"{units}/uwsgi-{name}@.service",
            "unit_directory": units,
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
    """A libpq URL. ``database`` has ``host``, ``port`` and, but for a socket directory, ``sslmode`` and ``ca_file``.

    ``options`` of it are libpq's, too. A login by tokens has no password.
    """
    host = str(database["host"])
    login = f"postgresql://{quote(user, safe='')}" + (f":{quote(password, safe='')}" if password else "")
    if host.startswith("/"):
        return f"{login}@{quote(host, safe='')}:{database['port']}/{quote(name, safe='')}"
    further = database.get("options") or {}
    options = urlencode({"sslmode": database["sslmode"], "sslrootcert": database["ca_file"], **further}, safe="/")
    if ":" in host:
        host = f"[{host}]"
    return f"{login}@{host}:{database['port']}/{quote(name, safe='')}?{options}"


def _quoted(value: str) -> str:
    """A value as systemd's EnvironmentFile= reads it back (man systemd.exec)."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$").replace("`", "\\`")
    return f'"{escaped}"'


def _managed_environment(
    entry: Mapping[str, Any], values: Mapping[str, str], database: Mapping[str, Any]
) -> dict[str, str]:
    """What managed_settings.py reads; names of its own, so that they never meet those of the project."""
    by_token = values["database_auth"] == "iam"
    if entry["django_settings_module"] != MANAGED_MODULE and not by_token:
        return {}
    chosen = entry["managed_settings"]
    found = {"MANAGED_SETTINGS": ",".join(chosen), "MANAGED_SETTINGS_MODULE": entry["settings_module"]}
    if by_token:
        found["MANAGED_DATABASE_AUTH"] = "iam"
    if entry["settings"]:
        found["MANAGED_VALUES"] = json.dumps(entry["settings"], sort_keys=True)
    if "hosts" in chosen:
        found["MANAGED_DOMAINS"] = ",".join(entry["domains"])
    if "database" in chosen:
        found |= {f"MANAGED_{key.upper()}": values[key] for key in values if key.startswith("database_")}
        if not str(database["host"]).startswith("/"):
            found |= {"MANAGED_DATABASE_SSLMODE": database["sslmode"], "MANAGED_DATABASE_CA_FILE": database["ca_file"]}
    for kind in ("static", "media"):
        if kind in chosen:
            found |= {
                f"MANAGED_{kind.upper()}_URL": entry[f"{kind}_url"],
                f"MANAGED_{kind.upper()}_ROOT": values[f"{kind}_root"],
            }
    if "cache" in chosen:
        found["MANAGED_REDIS_URL"] = values["redis_url"]
    return found


def application_environment(
    entry: Mapping[str, Any],
    database: Mapping[str, Any],
    release: str,
    slot: str = SLOT,
    owner: bool = False,
    redis_url: str = "",
) -> str:
    """The environment file of a slot.

    Args:
        entry: one of ``resolve_applications``.
        database: where the database is: ``host``, ``port``, ``sslmode``, ``ca_file``.
        release: the release's identifier.
        slot: ``blue`` or ``green``.
        owner: whether the database is used as its owner (for migrations) or as the application's role.
        redis_url: where the application finds its Redis; empty without one.
    """
    own = entry["database"]
    code = f"{entry['root']}/slots/{slot}/release"
    by_token = database.get("auth") == "iam"
    # The module postgres_databases makes these logins.
    user = (own["owner"] if owner else own["user"]) + "_iam" if by_token else own["owner"] if owner else own["login"]
    password = "" if by_token else str(own["owner_password"] if owner else own["password"])
    # Without a replica its readers ask the database itself; a replica takes no writes, so nothing is asked of it.
    reader = str(database.get("replica_host") or database["host"])
    options = {**(database.get("options") or {}), "target_session_attrs": "any"} if database.get("replica_host") else {}
    replica = {**database, "host": reader, "options": options or database.get("options")}
    values = {
        "database_auth": "iam" if by_token else "password",
        "database_options": json.dumps(database.get("options") or {}, sort_keys=True),
        "database_replica_host": reader,
        "database_replica_url": database_url(user, password, own["name"], replica),
        "database_host": str(database["host"]),
        "database_port": str(database["port"]),
        "database_name": own["name"],
        "database_user": user,
        "database_password": password,
        "database_url": database_url(user, password, own["name"], database),
        "static_root": f"{code}/static",
        "media_root": entry["media_root"],
        "redis_url": redis_url,
        "release": release,
    }
    directories = [entry["project_directory"], *entry["python_path"]]
    variables = {
        "DJANGO_SETTINGS_MODULE": MANAGED_MODULE if by_token else entry["django_settings_module"],
        "PYTHONPATH": ":".join([f"{code}/support", *(posixpath.normpath(f"{code}/app/{one}") for one in directories)]),
        **_managed_environment(entry, values, database),
        # Where the signer of tokens finds keys and region, if not by itself from the instance's role.
        **(database.get("token_environment") or {} if by_token else {}),
        **entry["environment"],
        **entry["secret_environment"],
    }
    lines = ["# Managed by Ansible: the role django writes it for each release."]
    for key, value in sorted(variables.items()):
        lines.append(f"{key}={_quoted(PLACEHOLDER.sub(lambda found: values[found[1]], str(value)))}")
    return "\n".join(lines) + "\n"


def application_administrator(entry: Mapping[str, Any]) -> str:
    """The environment file from which Django's ``createsuperuser --noinput`` takes the first administrator."""
    given = entry["superuser"]
    lines = [f"DJANGO_SUPERUSER_{key.upper()}={_quoted(str(given[key]))}" for key in ("username", "email", "password")]
    return "\n".join(lines) + "\n"


def application_fingerprint(
    entry: Mapping[str, Any], database: Mapping[str, Any], release: str, redis_url: str = ""
) -> str:
    """Changes when the environment of the application or its release does, whatever the slot."""
    texts = [
        application_environment(entry, database, release, owner=owner, redis_url=redis_url) for owner in (False, True)
    ]
    return hashlib.sha256("\0".join([release, *texts]).encode()).hexdigest()[:16]


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
    keys = ("name", "user", "login", "owner", "password", "owner_password", "extensions", "connection_limit")
    return [{key: entry["database"].get(key) for key in keys} for entry in resolved]


def rotating_logins(resolved: list[dict[str, Any]]) -> dict[str, list[str]]:
    """The two logins of each application that take turns when its password is replaced."""
    return {entry["name"]: [entry["database"]["user"], f"{entry['database']['user']}_b"] for entry in resolved}


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
            "select_application": select_application,
            "application_secrets_problems": application_secrets_problems,
            "application_administrator": application_administrator,
            "application_environment": application_environment,
            "application_fingerprint": application_fingerprint,
            "nginx_sites": nginx_sites,
            "postgres_databases": postgres_databases,
            "rotating_logins": rotating_logins,
            "uwsgi_instances": uwsgi_instances,
        }
