# SPDX-License-Identifier: MIT
"""The name space: every name on a host and in a server that an application takes, and those that are taken already.

Two applications may not take one name, and none may take what belongs to the system or to another part of the site. What
follows from a name is made here and in ``application_server``; a new kind of name is added to ``claims``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.postgres.model import IAM_SUFFIX, OTHER
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.scratch import SUFFIX
from ansible_collections.django_ec2.site.plugins.plugin_utils import application_server
from ansible_collections.django_ec2.site.plugins.plugin_utils.applications import names_taken

# The longest name of PostgreSQL: it cuts off what is longer, and two logins would be one.
IDENTIFIER_LENGTH = 63

ACCOUNT, DATABASE, ROLE, UNIT, PATH, REDIS_USER = (
    "account",
    "database",
    "database role",
    "unit",
    "path",
    "user of Redis",
)
_TAKEN = {
    ACCOUNT: names_taken.account,
    PATH: names_taken.path,
    UNIT: names_taken.unit,
    DATABASE: names_taken.database,
    ROLE: names_taken.role,
    REDIS_USER: names_taken.redis_user,
}


def root(application: str) -> str:
    """The directory of an application, and the home of its account."""
    return f"/srv/{application}"


def manage_command(application: str) -> str:
    """The command that runs manage.py of the live release."""
    return f"/usr/local/sbin/{application}-manage"


def certificate_directory(application: str) -> str:
    """Where the certificate of its site lies."""
    return f"/etc/ssl/{application}"


def service_unit(application: str, service: str, slot: str = "") -> str:
    """The unit of a service in a slot; the template without one."""
    return f"{application}-{service}@{slot}.service"


def timer_unit(application: str, timer: str, kind: str = "timer") -> str:
    """The unit of a timer: the ``timer`` itself, or the ``service`` that it starts."""
    return f"{application}-timer-{timer}.{kind}"


def owner_role(application: str) -> str:
    """The role that owns the tables, where the entry names no other."""
    return f"{application}_owner"


@dataclass(frozen=True)
class Claim:
    """A name that an application takes."""

    kind: str
    name: str
    # What takes it, below the entry: the name itself, or a key.
    key: str
    # What the name is for.
    use: str


def claims(entry: Mapping[str, Any]) -> Iterator[Claim]:
    """The names that an application takes.

    Args:
        entry: one of ``resolve_applications``.
    """
    name = entry["name"]
    yield Claim(ACCOUNT, name, "", "its account")
    for path in (root(name), manage_command(name), certificate_directory(name)):
        yield Claim(PATH, path, "", "its path")
    yield Claim(PATH, f"/run/{application_server.runtime_directory(name)}", "", "the directory of its sockets")
    yield Claim(UNIT, application_server.unit(name, ""), "", "its application server")
    for service in entry["services"]:
        key = f"services.{service['name']}"
        yield Claim(UNIT, service_unit(name, service["name"]), key, "its unit")
        yield Claim(PATH, f"/run/{name}-{service['name']}", key, "its runtime directory")
    for timer in entry["timers"]:
        yield Claim(UNIT, timer_unit(name, timer["name"]), f"timers.{timer['name']}", "its unit")
    if entry["redis"]:
        yield Claim(REDIS_USER, name, "", "its user of Redis")
    yield from _database_claims(entry["database"], "database")
    for alias, database in entry["databases"].items():
        yield from _database_claims(database, f"databases.{alias}")


def _database_claims(database: Mapping[str, Any], place: str) -> Iterator[Claim]:
    yield Claim(DATABASE, str(database["name"]), f"{place}.name", "its database")
    yield Claim(DATABASE, f"{database['name']}{SUFFIX}", f"{place}.name", "the scratch database of its deploys")
    user, owner = str(database["user"]), str(database["owner"])
    roles = {
        user: (f"{place}.user", "its role"),
        user + OTHER: (f"{place}.user", "the second login of the rotation of secrets"),
        user + IAM_SUFFIX: (f"{place}.user", "its login by tokens"),
    }
    # A login that rotation does not know is one more role.
    roles.setdefault(str(database["login"]), (f"{place}.login", "its login"))
    for role, (key, use) in roles.items():
        yield Claim(ROLE, role, key, use)
    yield Claim(ROLE, owner, f"{place}.owner", "the owner of its tables")
    yield Claim(ROLE, owner + IAM_SUFFIX, f"{place}.owner", "the owner's login by tokens")


def name_problem(resolved: Sequence[Mapping[str, Any]]) -> tuple[str, str] | None:
    """The first name that is taken already or taken twice.

    Args:
        resolved: entries as ``resolve_applications`` makes them.

    Returns:
        The application, and a sentence with the remedy; None when every name has one owner.
    """
    owners: dict[tuple[str, str], tuple[str, Claim]] = {}
    for entry in resolved:
        for claim in claims(entry):
            if problem := _taken(entry["name"], claim):
                return entry["name"], problem
            other, first = owners.setdefault((claim.kind, claim.name), (entry["name"], claim))
            if first is not claim:
                return entry["name"], _twice(entry["name"], claim, other, first)
    return None


def _taken(application: str, claim: Claim) -> str:
    """Why nobody may take a name, and what to write instead; empty where it is free."""
    if claim.kind in (DATABASE, ROLE) and len(claim.name) > IDENTIFIER_LENGTH:
        return (
            f"{claim.kind} '{claim.name}' ({claim.use}) has more than {IDENTIFIER_LENGTH} characters, and PostgreSQL cuts it off. "
            f"Shorten {claim.key}."
        )
    owner = _TAKEN[claim.kind](claim.name)
    if not owner:
        return ""
    use = f" ({claim.use})" if claim.key else ""
    return f"the {claim.kind} '{claim.name}'{use} belongs to {owner}. {_remedy(application, claim)}"


def _twice(application: str, claim: Claim, other: str, first: Claim) -> str:
    if application == other:
        return (
            f"the {claim.kind} '{claim.name}' would be {first.use} ({first.key}) and {claim.use} ({claim.key}) at once. "
            f"Write another {claim.key}."
        )
    return (
        f"the {claim.kind} '{claim.name}' ({claim.use}) is taken by applications.{other}{'.' * bool(first.key)}{first.key} "
        f"({first.use}). {_remedy(application, claim)}"
    )


def _remedy(application: str, claim: Claim) -> str:
    if claim.key.startswith(("services.", "timers.")):
        return f"Give {claim.key} another name."
    if claim.key.startswith("database."):
        return f"Give the application another name, or write {claim.key}, as in '{application}_site'."
    return f"Give the application another name, as in '{application}_site'."
