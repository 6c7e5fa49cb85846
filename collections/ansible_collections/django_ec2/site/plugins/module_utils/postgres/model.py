# SPDX-License-Identifier: MIT
"""What a server, its roles and its databases are, as far as this project changes them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

# A database as it is wanted: the option of the module, and what the functions beside this file call `one`.
DATABASE_SPEC: dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "owner": {"type": "str", "required": True},
    "owner_password": {"type": "str", "required": True, "no_log": True},
    "user": {"type": "str", "required": True},
    "password": {"type": "str", "required": True, "no_log": True},
    "login": {"type": "str"},
    "connection_limit": {"type": "int", "default": -1},
    "extensions": {"type": "list", "elements": "str", "default": []},
    "memberships": {"type": "list", "elements": "str", "default": []},
}

# The comment of roles and databases that were made here. What has none, and no relation to the others, is somebody else's.
MARK = "Managed by Ansible: django_ec2.site"

SEARCH_PATH = "public, pg_temp"
# The second of the two logins that an application has in turn is the name of the first with this.
OTHER = "_b"
# Logins by token are roles of their own, named after the role whose rights they have.
IAM_SUFFIX = "_iam"
TABLE_RIGHTS = ("SELECT", "INSERT", "UPDATE", "DELETE")
SEQUENCE_RIGHTS = ("USAGE", "SELECT", "UPDATE")
# Attributes that neither role may have, by their column.
FORBIDDEN = {
    "rolsuper": "NOSUPERUSER",
    "rolcreatedb": "NOCREATEDB",
    "rolcreaterole": "NOCREATEROLE",
    "rolreplication": "NOREPLICATION",
    "rolbypassrls": "NOBYPASSRLS",
}


@dataclass(frozen=True)
class Change:
    """One difference: what it is, and the statements that remove it."""

    text: str
    statements: tuple[str, ...]


@dataclass(frozen=True)
class Role:
    """A role as it is."""

    login: bool = True
    forbidden: tuple[str, ...] = ()
    connection_limit: int = -1
    password_matches: bool = True
    # Whether the login may act as this role; a superuser always may.
    held: bool = True
    # Whether it logs in by tokens (a member of rds_iam).
    iam: bool = False
    # Roles that it is a member of, and the one that it takes on at once when it logs in.
    member_of: frozenset[str] = frozenset()
    acts_as: str | None = None
    # The same memberships, each with who granted it.
    granted: tuple[tuple[str, str], ...] = ()
    # Those of them that the login may not revoke: PostgreSQL 16 asks for the rights of who granted them.
    kept: tuple[tuple[str, str], ...] = ()
    # Whether it has the comment MARK.
    marked: bool = False


@dataclass(frozen=True)
class Relation:
    """A table, view or sequence of the schema public, and what the application role may do with it."""

    name: str
    sequence: bool
    owner: str
    rights: frozenset[str]


@dataclass(frozen=True)
class Inside:
    """The inside of a database. The defaults are those of one that was just created."""

    schema_exists: bool = True
    schema_owner: str = "pg_database_owner"
    schema_public: frozenset[str] = frozenset({"USAGE"})
    schema_user: frozenset[str] = frozenset()
    default_tables: frozenset[str] = frozenset()
    default_sequences: frozenset[str] = frozenset()
    relations: tuple[Relation, ...] = ()
    extensions: frozenset[str] = frozenset()
    available_extensions: frozenset[str] | None = None


@dataclass(frozen=True)
class Outside:
    """A database as seen from others."""

    owner: str
    public: frozenset[str] = frozenset({"CONNECT", "TEMPORARY"})
    user: frozenset[str] = frozenset()
    search_path: str | None = None
    # Whether it has the comment MARK.
    marked: bool = False


@dataclass
class Server:
    """What the server says about itself and all roles and databases that are asked for."""

    superuser: bool = True
    user: str = ""
    # What a login without superuser rights lacks.
    lacking: tuple[str, ...] = ()
    has_iam: bool = False
    version: int = 0
    # What a move of the databases says of this server: empty, or a state of module_utils/postgres/move/model.py.
    moving: str = ""
    # The other host, where the move is a major upgrade.
    moving_peer: str = ""
    settings: dict[str, str] = field(default_factory=dict)
    # Settings of configuration files that something else outranks, and what: (name, what PostgreSQL calls it).
    outranked: list[tuple[str, str]] = field(default_factory=list)
    roles: dict[str, Role] = field(default_factory=dict)
    databases: dict[str, Outside] = field(default_factory=dict)


def login_of(one: dict[str, Any]) -> str:
    """The role that an application logs in as."""
    return one.get("login") or one["user"]


def other_login(one: dict[str, Any]) -> str:
    """The role whose turn it is at the next rotation."""
    return one["user"] if login_of(one) != one["user"] else one["user"] + OTHER
