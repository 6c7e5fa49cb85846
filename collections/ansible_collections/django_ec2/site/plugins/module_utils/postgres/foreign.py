# SPDX-License-Identifier: MIT
"""Roles and databases that have the name of a wanted one and were not made here.

Taking them over would change their passwords and owners under somebody else. What was made here has the comment MARK. What is
older than that comment is told by its relations: the owner owns the database, the application's role was granted CONNECT on
it, and a login is a member of the role that it logs in for.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.postgres.model import (
    IAM_SUFFIX,
    OTHER,
    Outside,
    Role,
    Server,
    login_of,
)
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.plan import mark


def foreign(wanted: list[dict[str, Any]], server: Server) -> list[str]:
    """What is in the way, in sentences with the remedy."""
    return [problem for one in wanted for problem in _problems(one, server)]


def _problems(one: dict[str, Any], server: Server) -> Iterator[str]:
    name, owner = one["name"], one["owner"]
    database = server.databases.get(name)
    if database and not database.marked and database.owner != owner:
        yield (
            f"The database {name} is there already, belongs to {database.owner}, and was not made by this repository. Write another "
            f"database.name for the application. To hand it over, run as a superuser: {mark('DATABASE', name)};"
        )
    for role, key in _roles(one).items():
        found = server.roles.get(role)
        if role == server.user:
            yield f"The role {role} is the one that makes databases and roles. Write another {key} for the application."
        elif found and not found.marked and not _related(role, found, one, database):
            yield (
                f"The role {role} is there already, and was not made by this repository. Write another {key} for the application. "
                f"To hand it over (its password changes), run as a superuser: {mark('ROLE', role)};"
            )


def _roles(one: dict[str, Any]) -> dict[str, str]:
    """The roles of an application, and the key that names each."""
    owner, user = one["owner"], one["user"]
    roles = {owner: "database.owner", owner + IAM_SUFFIX: "database.owner"}
    roles |= dict.fromkeys((user, user + OTHER, user + IAM_SUFFIX), "database.user")
    return {**roles, **({} if login_of(one) in roles else {login_of(one): "database.login"})}


def _related(name: str, role: Role, one: dict[str, Any], database: Outside | None) -> bool:
    owner, user = one["owner"], one["user"]
    if name == owner:
        return database is not None and database.owner == owner
    if name == user:
        return database is not None and "CONNECT" in database.user
    return (owner if name == owner + IAM_SUFFIX else user) in role.member_of
