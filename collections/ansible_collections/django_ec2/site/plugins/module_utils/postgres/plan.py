# SPDX-License-Identifier: MIT
"""What differs between a server as it is and as it should be, as statements. Nothing here asks a server."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.postgres.model import (
    FORBIDDEN,
    IAM_SUFFIX,
    MARK,
    OTHER,
    SEARCH_PATH,
    SEQUENCE_RIGHTS,
    TABLE_RIGHTS,
    Change,
    Inside,
    Outside,
    Role,
    Server,
    login_of,
    other_login,
)
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.move.model import SHUT_STATES
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.scram import scram_verifier


def identifier(name: str) -> str:
    """A name in SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A string in SQL."""
    return "'" + text.replace("'", "''") + "'"


def mark(kind: str, name: str) -> str:
    """The statement that says who made a role or a database."""
    return f"COMMENT ON {kind} {identifier(name)} IS {literal(MARK)}"


def plan_role(name: str, password: str | None, limit: int, role: Role | None, server: Server) -> list[Change]:
    """Changes of one role that logs in; without a password, of one that does by tokens."""
    quoted = identifier(name)
    changes = []
    if role is None:
        statement = f"CREATE ROLE {quoted} LOGIN CONNECTION LIMIT {limit}"
        if password is not None:
            statement += f" PASSWORD {literal(scram_verifier(password))}"
        changes.append(Change(f"Create the role {name}", (statement, mark("ROLE", name))))
    else:
        # Only what differs is named: a master user may not even repeat some attributes.
        attributes = [FORBIDDEN[column] for column in FORBIDDEN if column in role.forbidden]
        attributes += [] if role.login else ["LOGIN"]
        # The limits of a side that the applications were shut out of are the move's.
        if role.connection_limit != limit and server.moving not in SHUT_STATES:
            attributes.append(f"CONNECTION LIMIT {limit}")
        if attributes:
            changes.append(
                Change(f"Role {name}: set {', '.join(attributes)}", (f"ALTER ROLE {quoted} {' '.join(attributes)}",))
            )
        if password is not None and not role.password_matches:
            statement = f"ALTER ROLE {quoted} PASSWORD {literal(scram_verifier(password))}"
            changes.append(Change(f"Role {name}: set the password", (statement,)))
    if password is None and not (role and role.iam):
        changes.append(Change(f"Role {name}: log in by tokens (rds_iam)", (f"GRANT rds_iam TO {quoted}",)))
    elif password is not None and role and role.iam:
        changes.append(Change(f"Role {name}: log in by password, not by tokens", (f"REVOKE rds_iam FROM {quoted}",)))
    return changes


def plan_base(name: str, role: Role | None) -> list[Change]:
    """A role that owns rights and that others log in for."""
    if role is not None:
        return []
    return [Change(f"Create the role {name}", (f"CREATE ROLE {identifier(name)} NOLOGIN", mark("ROLE", name)))]


def plan_member(login: str, base: str, server: Server) -> list[Change]:
    """A login has the rights of another role."""
    if base in server.roles.get(login, Role()).member_of:
        return []
    how = " WITH INHERIT TRUE, SET TRUE" if server.version >= 160000 else ""
    return [Change(f"Role {login}: the rights of {base}", (f"GRANT {identifier(base)} TO {identifier(login)}{how}",))]


def plan_retired(names: Iterable[str], server: Server) -> list[Change]:
    """Roles that no longer log in; those who are in stay."""
    return [
        Change(f"Role {name}: no longer logs in", (f"ALTER ROLE {identifier(name)} NOLOGIN",))
        for name in names
        if name in server.roles and server.roles[name].login
    ]


def plan_password_logins(one: dict[str, Any], server: Server, retire: bool) -> list[Change]:
    """The owner, the application role, and who logs in for it by password."""
    owner, user, login = one["owner"], one["user"], login_of(one)
    changes = plan_role(owner, one["owner_password"], -1, server.roles.get(owner), server)
    changes += plan_membership(owner, server.roles.get(owner), server)
    if login != user:
        changes += plan_base(user, server.roles.get(user))
    changes += plan_role(login, one["password"], one["connection_limit"], server.roles.get(login), server)
    if login != user:
        changes += plan_member(login, user, server)
    if retire:
        changes += plan_retired((other_login(one), owner + IAM_SUFFIX, user + IAM_SUFFIX), server)
    return changes


def plan_token_logins(one: dict[str, Any], server: Server, retire: bool) -> list[Change]:
    """Logins by token beside the owner and the application role.

    They are roles of their own. A master user who is a member of the owner would be one of rds_iam too, if the owner
    were, and RDS would take no password from the master user any more. And while both ways are open, nobody is locked out.
    """
    owner, user = one["owner"], one["user"]
    changes = plan_base(owner, server.roles.get(owner))
    changes += plan_membership(owner, server.roles.get(owner), server)
    changes += plan_base(user, server.roles.get(user))
    for base, limit in ((owner, -1), (user, one["connection_limit"])):
        login = base + IAM_SUFFIX
        changes += plan_role(login, None, limit, server.roles.get(login), server)
        changes += plan_member(login, base, server)
    if server.roles.get(owner + IAM_SUFFIX, Role()).acts_as != owner:
        # What migrations make belongs to the owner, whoever logged in for it.
        statement = f"ALTER ROLE {identifier(owner + IAM_SUFFIX)} SET role = {literal(owner)}"
        changes.append(Change(f"Role {owner + IAM_SUFFIX}: act as {owner}", (statement,)))
    if retire:
        changes += plan_retired((owner, user, user + OTHER), server)
    return changes


def plan_membership(name: str, role: Role | None, server: Server) -> list[Change]:
    """A master user acts for the owners only as their member."""
    if server.superuser or (role is not None and role.held):
        return []
    how = " WITH INHERIT TRUE, SET TRUE" if server.version >= 160000 else ""
    return [Change(f"Role {name}: make the master user a member", (f"GRANT {identifier(name)} TO CURRENT_USER{how}",))]


def plan_roles(
    wanted: list[dict[str, Any]], server: Server, authentication: str = "password", retire: bool = False
) -> list[Change]:
    """Changes of all roles."""
    plan = plan_token_logins if authentication == "iam" else plan_password_logins
    return [change for one in wanted for change in [*plan(one, server, retire), *plan_memberships(one, server)]]


def plan_memberships(one: dict[str, Any], server: Server) -> list[Change]:
    """Memberships of the roles of an application: each is a way around the rights that it was given."""
    changes = [
        Change(f"Role {name}: not the rights of {role}", (f"{revocation(name, role, grantor, server)} CASCADE",))
        for name, role, grantor in unwanted_memberships(one, server)
        if (role, grantor) not in server.roles[name].kept
    ]
    user = one["user"]
    for role in sorted(set(one.get("memberships") or []) - server.roles.get(user, Role()).member_of):
        statement = f"GRANT {identifier(role)} TO {identifier(user)}"
        changes.append(Change(f"Role {user}: the rights of {role}", (statement,)))
    return changes


def kept_memberships(one: dict[str, Any], server: Server) -> list[str]:
    """Memberships that are not wanted and that the login may not revoke, in sentences with the remedy."""
    return [
        f"The role {name} has the rights of {role}, granted by {grantor}, which void its least rights, and {server.user} may not revoke "
        f"what {grantor} granted. Run as {grantor}: {revocation(name, role, grantor, server)} CASCADE;"
        for name, role, grantor in unwanted_memberships(one, server)
        if (role, grantor) in server.roles[name].kept
    ]


def unwanted_memberships(one: dict[str, Any], server: Server) -> Iterator[tuple[str, str, str]]:
    """Role, the one whose rights it has and should not have, and who granted them."""
    owner, user, wanted = one["owner"], one["user"], set(one.get("memberships") or [])
    allowed = {owner: set(), user: wanted, owner + IAM_SUFFIX: {owner}, user + IAM_SUFFIX: {user}, user + OTHER: {user}}
    allowed.setdefault(login_of(one), {user})
    for name, roles in allowed.items():
        for role, grantor in server.roles.get(name, Role()).granted:
            # Who logs in by tokens is decided with the logins.
            if role not in roles and role != "rds_iam":
                yield name, role, grantor


def revocation(name: str, role: str, grantor: str, server: Server) -> str:
    """The statement that takes a membership away."""
    how = f" GRANTED BY {identifier(grantor)}" if server.version >= 160000 else ""
    return f"REVOKE {identifier(role)} FROM {identifier(name)}{how}"


def plan_databases(wanted: list[dict[str, Any]], server: Server) -> list[Change]:
    """Databases to create; each statement stands alone, outside a transaction."""
    return [
        Change(
            f"{one['name']}: create the database",
            (
                f"CREATE DATABASE {identifier(one['name'])} OWNER {identifier(one['owner'])} ENCODING 'UTF8' TEMPLATE template0",
                mark("DATABASE", one["name"]),
            ),
        )
        for one in wanted
        if one["name"] not in server.databases
    ]


def plan_outside(one: dict[str, Any], now: Outside) -> list[Change]:
    """Owner, privileges and search path of a database."""
    name, owner, user = one["name"], identifier(one["owner"]), identifier(one["user"])
    database = f"DATABASE {identifier(name)}"
    changes = []
    if now.owner != one["owner"]:
        changes.append(
            Change(f"{name}: owner {one['owner']}, not {now.owner}", (f"ALTER {database} OWNER TO {owner}",))
        )
    if now.public:
        changes.append(
            Change(f"{name}: nothing for PUBLIC on the database", (f"REVOKE ALL ON {database} FROM PUBLIC",))
        )
    if now.user != {"CONNECT"}:
        statements = (f"REVOKE ALL ON {database} FROM {user}", f"GRANT CONNECT ON {database} TO {user}")
        changes.append(Change(f"{name}: {one['user']} may connect, no more", statements))
    if now.search_path != SEARCH_PATH:
        changes.append(
            Change(f"{name}: search path {SEARCH_PATH}", (f"ALTER {database} SET search_path = {SEARCH_PATH}",))
        )
    return changes


def plan_inside(one: dict[str, Any], now: Inside, server: Server) -> tuple[list[Change], list[str]]:
    """Schema, default privileges, privileges and extensions of a database; and notes."""
    name, owner, user = one["name"], identifier(one["owner"]), identifier(one["user"])
    changes, notes = [], []
    if not now.schema_exists:
        changes.append(Change(f"{name}: create the schema public", (f"CREATE SCHEMA public AUTHORIZATION {owner}",)))
    elif now.schema_owner != one["owner"]:
        changes.append(Change(f"{name}: schema public of {one['owner']}", (f"ALTER SCHEMA public OWNER TO {owner}",)))
    if now.schema_exists and now.schema_public:
        changes.append(
            Change(f"{name}: nothing for PUBLIC on the schema", ("REVOKE ALL ON SCHEMA public FROM PUBLIC",))
        )
    if now.schema_user != {"USAGE"}:
        statements = (f"REVOKE ALL ON SCHEMA public FROM {user}", f"GRANT USAGE ON SCHEMA public TO {user}")
        changes.append(Change(f"{name}: {one['user']} may use the schema, no more", statements))
    for kind, found, rights in (
        ("TABLES", now.default_tables, TABLE_RIGHTS),
        ("SEQUENCES", now.default_sequences, SEQUENCE_RIGHTS),
    ):
        if found != set(rights):
            prefix = f"ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA public"
            statements = (
                f"{prefix} REVOKE ALL ON {kind} FROM {user}",
                f"{prefix} GRANT {', '.join(rights)} ON {kind} TO {user}",
            )
            changes.append(Change(f"{name}: {one['user']}'s rights on {kind.lower()} to come", statements))
    for relation in now.relations:
        rights = SEQUENCE_RIGHTS if relation.sequence else TABLE_RIGHTS
        if relation.owner != one["owner"]:
            notes.append(
                f"{name}: public.{relation.name} belongs to {relation.owner}, so migrations cannot change it: "
                f"ALTER {'SEQUENCE' if relation.sequence else 'TABLE'} … OWNER TO {one['owner']}"
            )
            if relation.owner == one["user"] or not server.superuser:
                continue
        if relation.rights != set(rights):
            target = f"{'SEQUENCE' if relation.sequence else 'TABLE'} public.{identifier(relation.name)}"
            statements = (f"REVOKE ALL ON {target} FROM {user}", f"GRANT {', '.join(rights)} ON {target} TO {user}")
            changes.append(Change(f"{name}: {one['user']}'s rights on {relation.name}", statements))
    for extension in one["extensions"]:
        if extension not in now.extensions:
            statement = f"CREATE EXTENSION {identifier(extension)} WITH SCHEMA public CASCADE"
            changes.append(Change(f"{name}: create the extension {extension}", (statement,)))
    return changes, notes


def outranked_settings(server: Server) -> list[str]:
    """Settings of the files that have no effect, in sentences with the remedy."""
    places = {
        "command line": "the server's command line (pg_ctl_options in pg_ctl.conf beside postgresql.conf, or the unit)",
        "environment variable": "its environment (the file environment beside postgresql.conf)",
    }
    return [
        f"{name} of the configuration files has no effect: {places.get(source, source)} sets it. Take it out there and restart PostgreSQL."
        for name, source in server.outranked
    ]


def missing_extensions(one: dict[str, Any], now: Inside) -> list[str]:
    """Extensions that the server could not create."""
    if now.available_extensions is None:
        return []
    return [extension for extension in one["extensions"] if extension not in now.available_extensions]
