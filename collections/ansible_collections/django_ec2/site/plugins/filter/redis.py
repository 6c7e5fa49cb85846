# SPDX-License-Identifier: MIT
"""Filters of the role redis: complete and check its users, size Redis to its host, and say where an application finds it."""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

NAME = re.compile(r"[a-z][a-z0-9_]{0,30}")
SETTING = re.compile(r"[a-z][a-z0-9-]*")
PATTERN = re.compile(r"[^\s\"'\\]+")
RULE = re.compile(r"[+-](@[a-z]+|[a-z][a-z0-9_-]*(\|[a-z0-9_-]+)?)")
ADMIN = "admin"
# Databases of a server: a number that follows from an application's name seldom meets another's.
DATABASES = 1024
# What an application may do: all that concerns its own keys, and to clear its own database (FLUSHDB) or ask how the server is
# (INFO), as Django and Celery do. Not what reaches other databases (SELECT of another number, SWAPDB, MOVE, COPY, functions),
# and not what administrates or stops the server (@admin, @dangerous).
RULES = (
    "+@all", "-@admin", "-@dangerous", "+info", "+flushdb", "+sort", "-swapdb", "-move", "-copy", "-function",
    "-script|flush", "-script|kill", "-select",
)  # fmt: skip
# Settings that have a variable of their own, because other things follow from them.
OWN_VARIABLES = {
    "appendfsync": "redis_append_fsync",
    "appendonly": "redis_append_only",
    "bind": "redis_listen_addresses",
    "maxmemory": "redis_memory_mb",
    "maxmemory-policy": "redis_eviction",
    "port": "redis_port",
    "tls-port": "redis_port",
}
# Settings on which the role's own files rest.
FIXED = (
    "aclfile", "daemonize", "databases", "dir", "include", "logfile", "masterauth", "pidfile", "requirepass", "supervised",
    "tls-ca-cert-file", "tls-cert-file", "tls-key-file", "unixsocket", "unixsocketperm", "user",
)  # fmt: skip


def redis_database(name: str) -> int:
    """The number of an application's database: it follows from the name, so that another application changes none.

    0 belongs to nobody: it is where every connection begins.
    """
    return 1 + zlib.crc32(name.encode()) % (DATABASES - 1)


def redis_complete(users: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Entries of ``redis_users`` with every key that was left out."""
    complete = []
    for one in users:
        given = {key: value for key, value in one.items() if value is not None}
        name = str(given.get("name", ""))
        database = int(given.get("database") or redis_database(name))
        complete.append({"channels": ["*"], "keys": ["*"], "commands": [], **given, "database": database})
    return complete


def redis_acl(users: list[Mapping[str, Any]], admin_password: str, admin_old_password: str = "") -> str:
    """The file of users: passwords as SHA-256 alone, both of a rotation. Redis allows no comment in it."""
    lines = ["user default off resetpass resetkeys resetchannels -@all"]
    lines.append(f"user {ADMIN} on {_passwords(admin_password, admin_old_password)} ~* &* +@all")
    for one in redis_complete(users):
        words = ["user", one["name"], "on", _passwords(str(one["password"]), one.get("old_password")), "resetchannels"]
        words += [f"~{pattern}" for pattern in one["keys"]] + [f"&{pattern}" for pattern in one["channels"]]
        words += [*RULES, f"+select|{one['database']}", *one["commands"]]
        lines.append(" ".join(words))
    return "\n".join(lines) + "\n"


def _passwords(new: str, old: str | None) -> str:
    return " ".join(_hashed(one) for one in dict.fromkeys([new, *([old] if old else [])]))


def _hashed(password: str) -> str:
    return f"#{hashlib.sha256(password.encode()).hexdigest()}"


def redis_problems(users: list[Mapping[str, Any]], settings: Mapping[str, Any], admin_password: str) -> list[str]:
    """What is wrong with the role's variables, each with its remedy. No password is quoted."""
    problems = []
    if not _printable(admin_password):
        problems.append("redis_admin_password is missing or not printable ASCII: playbooks/secrets.yml makes one.")
    for one in redis_complete(users):
        place = f"redis_users, {one.get('name') or 'an entry without name'}"
        if not NAME.fullmatch(str(one.get("name", ""))) or one["name"] in (ADMIN, "default"):
            problems.append(
                f"{place}: the name needs small letters, digits and '_', begins with a letter, and is neither '{ADMIN}' nor 'default'."
            )
        if not _printable(one.get("password")):
            problems.append(f"{place}: password is missing or not printable ASCII: playbooks/secrets.yml makes one.")
        if not 0 < one["database"] < DATABASES:
            problems.append(f"{place}: database {one['database']} is not between 1 and {DATABASES - 1}.")
        for key, form in (("keys", PATTERN), ("channels", PATTERN), ("commands", RULE)):
            for word in one[key]:
                if not form.fullmatch(str(word)):
                    example = "as in '+keys' or '-@scripting'" if key == "commands" else "as in 'shop:*'"
                    problems.append(f"{place}: {key} has {word!r}; write it {example}.")
    complete = redis_complete(users)
    for what in ("name", "database"):
        values = [one.get(what) for one in complete]
        for value in sorted({str(value) for value in values if values.count(value) > 1}):
            remedy = "Set another number in redis_databases." if what == "database" else "Take one out."
            problems.append(f"redis_users: the {what} {value} is there twice. {remedy}")
    for name in settings:
        if name in OWN_VARIABLES:
            problems.append(f"redis_settings: {name} has a variable of its own. Set {OWN_VARIABLES[name]} instead.")
        elif name in FIXED:
            problems.append(f"redis_settings: {name} is the role's own. Take it out.")
        elif not SETTING.fullmatch(str(name)):
            problems.append(f"redis_settings: {name!r} is no name of a setting, as in 'maxclients'.")
    return problems


def _printable(value: Any) -> bool:
    return isinstance(value, str) and bool(value) and value.isascii() and value.isprintable()


def redis_value(value: Any) -> str:
    """A value as redis.conf wants it: yes or no, a list as several words, and what is no plain word in quotes."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return " ".join(redis_value(one) for one in value)
    text = str(value)
    if text and re.fullmatch(r"[\w.:/*@%+-]+", text):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def redis_applications(applications: Any) -> list[str]:
    """Names of the applications whose entries want Redis."""
    if not isinstance(applications, Mapping):
        return []
    return sorted(name for name, one in applications.items() if isinstance(one, Mapping) and one.get("redis") is True)


def redis_secrets_names(applications: Any) -> dict[str, list[str]]:
    """The secrets of those applications, as ``secrets_file`` takes them."""
    return {name: ["redis_password"] for name in redis_applications(applications)}


def redis_users(
    applications: Any, secrets: Mapping[str, Any], databases: Mapping[str, int] | None = None
) -> list[dict[str, Any]]:
    """The applications as entries of the role's ``redis_users``.

    Args:
        applications: the mapping ``applications``.
        secrets: the mapping ``secrets``.
        databases: numbers of databases by application, where one is not to follow from the name.
    """
    return [
        {
            "name": name,
            "password": _password(secrets, name),
            **({"old_password": old} if (old := _password(secrets, name, "redis_password_old")) else {}),
            "database": int((databases or {}).get(name) or redis_database(name)),
        }
        for name in redis_applications(applications)
    ]


def redis_requirements(
    applications: Any, hosts: list[str], secrets: Mapping[str, Any], databases: Mapping[str, int] | None = None
) -> list[str]:
    """What the inventory lacks for the applications that want Redis, each with its remedy.

    Args:
        applications: the mapping ``applications``.
        hosts: those of the group redis.
        secrets: the mapping ``secrets``.
        databases: as for ``redis_users``.
    """
    users = redis_users(applications, secrets, databases)
    if not users:
        return []
    problems = []
    if len(hosts) != 1:
        problems.append(
            f"{', '.join(one['name'] for one in users)} asks for Redis (redis: true), and the group redis has {len(hosts)} "
            "hosts. Put exactly one host into it, a web host for example, as in inventory/lab/hosts.yml."
        )
    missing = [f"secrets.applications.{one['name']}.redis_password" for one in users if not one["password"]]
    missing += [] if secrets.get("redis_admin_password") else ["secrets.redis_admin_password"]
    if missing:
        problems.append(f"{', '.join(missing)} is missing: run playbooks/secrets.yml, or see docs/secrets.md.")
    numbers: dict[int, list[str]] = {}
    for one in users:
        numbers.setdefault(one["database"], []).append(one["name"])
    for number, names in sorted(numbers.items()):
        if len(names) > 1:
            problems.append(
                f"{' and '.join(names)} would share Redis's database {number}. Give one of them another number: "
                f"redis_databases: {{{names[-1]}: {number % (DATABASES - 1) + 1}}} in group_vars."
            )
    return problems


def _password(secrets: Mapping[str, Any], name: str, key: str = "redis_password") -> str:
    return str(((secrets.get("applications") or {}).get(name) or {}).get(key) or "")


def redis_url(user: Mapping[str, Any], connection: Mapping[str, Any]) -> str:
    """Where an application finds Redis, in the form that redis-py, Django, django-redis, channels_redis and RQ read.

    Celery reads ``redis://`` and ``rediss://`` too; it has a form of its own for a socket and does not know ``unix://``.

    Args:
        user: one of ``redis_users``.
        connection: ``host`` and ``port``; ``ca_file`` for TLS; or ``socket``, a path, in their place.
    """
    (one,) = redis_complete([user])
    login = f"{quote(one['name'], safe='')}:{quote(str(one['password']), safe='')}"
    if connection.get("socket"):
        return f"unix://{login}@{quote(str(connection['socket']))}?{urlencode({'db': one['database']})}"
    host = str(connection["host"])
    if ":" in host:
        host = f"[{host}]"
    place = f"{login}@{host}:{connection['port']}/{one['database']}"
    if not connection.get("ca_file"):
        return f"redis://{place}"
    # Celery asks for the first of these; the host's name is verified by default.
    options = {"ssl_cert_reqs": "required", "ssl_ca_certs": connection["ca_file"]}
    return f"rediss://{place}?{urlencode(options, safe='/')}"


def redis_urls(users: list[Mapping[str, Any]], connection: Mapping[str, Any]) -> dict[str, str]:
    """The URL of each user, by name."""
    return {str(one["name"]): redis_url(one, connection) for one in users}


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Any]:
        return {
            "redis_acl": redis_acl,
            "redis_applications": redis_applications,
            "redis_database": redis_database,
            "redis_problems": redis_problems,
            "redis_requirements": redis_requirements,
            "redis_secrets_names": redis_secrets_names,
            "redis_url": redis_url,
            "redis_urls": redis_urls,
            "redis_users": redis_users,
            "redis_value": redis_value,
        }
