#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""Bring databases, their two roles and the privileges between them to what is wanted."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: postgres_databases
short_description: Databases with an owner role and an application role of least rights
description:
  - Compares databases, roles, passwords, ownership, privileges, default privileges and extensions with what is
    wanted, all at once, and changes only what differs.
  - The owner role owns the database and its schema C(public) and runs migrations. The application role may connect, and
    read and write rows of tables and sequences, those that the owner creates later too. C(PUBLIC) may nothing.
  - Works as superuser over the host's socket, and as a master user without superuser rights over TLS (Amazon RDS).
    Such a user is made a member of the owner roles.
  - Passwords are sent as SCRAM verifiers, never in clear. A superuser compares them with the stored verifier, a master
    user by logging in.
  - Databases and roles that are not listed are left alone.
  - A password is replaced without an interruption by two logins in turn, the application role and its name with C(_b).
    C(login) names the one that is in use. The other one may still log in, until a run with O(retire).
options:
  databases:
    description: The databases.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the database.
        type: str
        required: true
      owner:
        description: Role that owns it.
        type: str
        required: true
      owner_password:
        description: The owner's password, printable ASCII.
        type: str
        required: true
      user:
        description: Role of the application.
        type: str
        required: true
      password:
        description: The application role's password, printable ASCII.
        type: str
        required: true
      login:
        description:
          - Role that the application logs in as, with the password. The default is the application role itself. Another
            one, such as its name with C(_b), becomes a member of it and has its rights.
        type: str
      connection_limit:
        description: Connections that the application role may hold; -1 is no limit.
        type: int
        default: -1
      extensions:
        description: Extensions of the database.
        type: list
        elements: str
        default: []
  authentication:
    description:
      - V(password), or V(iam) for logins to Amazon RDS by a token. Those are roles of their own, named after owner and
        application role with C(_iam); they are members of C(rds_iam) and have no password.
    type: str
    choices: [password, iam]
    default: password
  retire:
    description: Whether the logins that are not in use (the other one of the two in turn, those by the other
      authentication) may no longer log in.
    type: bool
    default: false
  connections:
    description: Connections that the server has to have; one with fewer is refused before the first change.
    type: int
    default: 0
  login:
    description: How to reach the server.
    type: dict
    suboptions:
      host:
        description: Name of the server, reached by TLS with sslmode verify-full. Without it this host's socket is used.
        type: str
      port:
        description: Port. While this host's server still has another one, its only socket is used.
        type: int
        default: 5432
      user:
        description: Role to log in as; at the socket also the system user, by peer authentication.
        type: str
        default: postgres
      password:
        description: Password for O(login.host).
        type: str
      database:
        description: Database to connect to first.
        type: str
        default: postgres
      ca_file:
        description: Certificates of the authorities that may have signed the server's; the system's by default.
        type: path
  apply:
    description: With V(false) the module only looks, RV(changes) says what is to be done, and a server that does not
      answer is no error.
    type: bool
    default: true
requirements:
  - python3-psycopg2
author:
  - The maintainers
attributes:
  check_mode:
    support: full
    description: A server that does not answer counts as an empty one.
  diff_mode:
    support: full
"""

EXAMPLES = r"""
- name: Bring the databases of this host to what is wanted
  django_ec2.site.postgres_databases:
    databases:
      - name: shop
        owner: shop_owner
        owner_password: "{{ shop_owner_password }}"
        user: shop
        password: "{{ shop_password }}"

- name: The same on Amazon RDS
  django_ec2.site.postgres_databases:
    login:
      host: shop.abcdefgh.eu-central-1.rds.amazonaws.com
      user: master
      password: "{{ master_password }}"
      ca_file: /etc/ssl/database/ca.pem
    databases: "{{ databases }}"
"""

RETURN = r"""
available:
  description: Whether a server answered.
  returned: always
  type: bool
reason:
  description: Why no server answered.
  returned: when none did
  type: str
changes:
  description: What differed, in words.
  returned: always
  type: list
  elements: str
  sample: [Create the role shop_owner, "shop: create the database"]
notes:
  description: What the module leaves alone and somebody should look at.
  returned: always
  type: list
  elements: str
server:
  description: Some of the server's settings, those that the login may see.
  returned: when a server answered
  type: dict
  sample: {data_directory: /var/lib/postgresql/17/main, data_checksums: "on", server_version_num: "170006"}
"""

import base64
import contextlib
import hashlib
import hmac
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.django_ec2.site.plugins.module_utils.postgres_login import (
    LOGIN_SPEC,
    ServerUnavailable,
    connect,
)

with contextlib.suppress(ImportError):
    import psycopg2

ITERATIONS = 4096
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


@dataclass
class Server:
    """What the server says about itself and all roles and databases that are asked for."""

    superuser: bool = True
    user: str = ""
    # What a login without superuser rights lacks.
    lacking: tuple[str, ...] = ()
    has_iam: bool = False
    version: int = 0
    settings: dict[str, str] = field(default_factory=dict)
    roles: dict[str, Role] = field(default_factory=dict)
    databases: dict[str, Outside] = field(default_factory=dict)


# --- text ---


def identifier(name: str) -> str:
    """A name in SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A string in SQL."""
    return "'" + text.replace("'", "''") + "'"


def words(rights: Iterable[str], order: tuple[str, ...]) -> str:
    """Rights in their usual order."""
    return ", ".join(right for right in order if right in set(rights))


# --- passwords ---


def _keys(password: str, salt: bytes, iterations: int) -> tuple[bytes, bytes]:
    salted = hashlib.pbkdf2_hmac("sha256", password.encode("ascii"), salt, iterations)
    client = hmac.digest(salted, b"Client Key", "sha256")
    return hashlib.sha256(client).digest(), hmac.digest(salted, b"Server Key", "sha256")


def scram_verifier(password: str, salt: bytes | None = None, iterations: int = ITERATIONS) -> str:
    """What PostgreSQL stores of a password (RFC 5803). SASLprep leaves printable ASCII as it is; nothing else is taken."""
    salt = salt or os.urandom(16)
    stored, server = (base64.b64encode(key).decode() for key in _keys(password, salt, iterations))
    return f"SCRAM-SHA-256${iterations}:{base64.b64encode(salt).decode()}${stored}:{server}"


def verifier_matches(verifier: str | None, password: str) -> bool:
    """Whether a stored verifier is that of a password; an MD5 one never is, so that it is replaced."""
    try:
        scheme, parameters, keys = (verifier or "").split("$")
        iterations, salt = parameters.split(":")
        stored = base64.b64decode(keys.split(":")[0])
        found = _keys(password, base64.b64decode(salt), int(iterations))[0]
    except (ValueError, UnicodeEncodeError):
        return False
    return scheme == "SCRAM-SHA-256" and hmac.compare_digest(stored, found)


# --- what differs ---


def plan_role(name: str, password: str | None, limit: int, role: Role | None, server: Server) -> list[Change]:
    """Changes of one role that logs in; without a password, of one that does by tokens."""
    quoted = identifier(name)
    changes = []
    if role is None:
        statement = f"CREATE ROLE {quoted} LOGIN CONNECTION LIMIT {limit}"
        if password is not None:
            statement += f" PASSWORD {literal(scram_verifier(password))}"
        changes.append(Change(f"Create the role {name}", (statement,)))
    else:
        # Only what differs is named: a master user may not even repeat some attributes.
        attributes = [FORBIDDEN[column] for column in FORBIDDEN if column in role.forbidden]
        attributes += [] if role.login else ["LOGIN"]
        if role.connection_limit != limit:
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


def login_of(one: dict[str, Any]) -> str:
    """The role that an application logs in as."""
    return one.get("login") or one["user"]


def other_login(one: dict[str, Any]) -> str:
    """The role whose turn it is at the next rotation."""
    return one["user"] if login_of(one) != one["user"] else one["user"] + OTHER


def plan_base(name: str, role: Role | None) -> list[Change]:
    """A role that owns rights and that others log in for."""
    if role is not None:
        return []
    return [Change(f"Create the role {name}", (f"CREATE ROLE {identifier(name)} NOLOGIN",))]


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
    return [change for one in wanted for change in plan(one, server, retire)]


def plan_databases(wanted: list[dict[str, Any]], server: Server) -> list[Change]:
    """Databases to create; each statement stands alone, outside a transaction."""
    return [
        Change(
            f"{one['name']}: create the database",
            (
                f"CREATE DATABASE {identifier(one['name'])} OWNER {identifier(one['owner'])} ENCODING 'UTF8' TEMPLATE template0",
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


def missing_extensions(one: dict[str, Any], now: Inside) -> list[str]:
    """Extensions that the server could not create."""
    if now.available_extensions is None:
        return []
    return [extension for extension in one["extensions"] if extension not in now.available_extensions]


# --- reading ---


def rows(connection: Any, statement: str, parameters: dict[str, Any] | None = None) -> list[tuple]:
    """The answer to a query."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall()


def read_server(
    connection: Any, login: dict[str, Any], wanted: list[dict[str, Any]], authentication: str = "password"
) -> Server:
    """Everything that is visible from one database."""
    settings = dict(
        rows(
            connection,
            """SELECT name, setting FROM pg_settings
        WHERE name IN ('data_directory', 'data_checksums', 'server_version_num', 'server_encoding', 'port',
            'max_connections', 'superuser_reserved_connections', 'reserved_connections')""",
        )
    )
    server = Server(version=int(settings["server_version_num"]), settings=settings)
    server.superuser, server.user, roles, databases, server.has_iam = rows(
        connection,
        """SELECT rolsuper, rolname, rolcreaterole, rolcreatedb, EXISTS (SELECT FROM pg_roles WHERE rolname = 'rds_iam')
        FROM pg_roles WHERE rolname = current_user""",
    )[0]
    if not server.superuser:
        rights = {"CREATEROLE": roles, "CREATEDB": databases}
        server.lacking = tuple(right for right, given in rights.items() if not given)
    names: list[str] = []
    passwords = {}
    for one in wanted:
        names += [one["owner"], one["user"], login_of(one), other_login(one), one["user"] + OTHER]
        names += [one["owner"] + IAM_SUFFIX, one["user"] + IAM_SUFFIX]
        if authentication == "password":
            passwords |= {one["owner"]: one["owner_password"], login_of(one): one["password"]}
    verifiers = {}
    if server.superuser:
        verifiers = dict(
            rows(
                connection,
                "SELECT rolname, rolpassword FROM pg_authid WHERE rolname = ANY(%(names)s)",
                {"names": names},
            )
        )
    acting = "USAGE" if server.version < 160000 else "SET"
    for name, can_login, limit, held, member_of, acts_as, *flags in rows(
        connection,
        # The last columns are those of FORBIDDEN, in its order.
        """SELECT rolname, rolcanlogin, rolconnlimit,
            pg_has_role(current_user, oid, 'USAGE') AND pg_has_role(current_user, oid, %(acting)s),
            ARRAY(SELECT DISTINCT pg_get_userbyid(m.roleid)::text FROM pg_auth_members m WHERE m.member = pg_roles.oid),
            (SELECT substring(c FROM 6) FROM unnest(rolconfig) c WHERE c LIKE 'role=%%'),
            rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls
            FROM pg_roles WHERE rolname = ANY(%(names)s)""",
        {"names": names, "acting": acting},
    ):
        known = server.superuser and name in passwords
        matches = verifier_matches(verifiers.get(name), passwords[name]) if known else True
        server.roles[name] = Role(
            login=can_login,
            forbidden=tuple(column for column, on in zip(FORBIDDEN, flags, strict=True) if on),
            connection_limit=limit,
            password_matches=matches,
            held=held,
            iam="rds_iam" in member_of,
            member_of=frozenset(member_of),
            acts_as=acts_as,
        )
    for one in wanted:
        found = rows(
            connection,
            """SELECT pg_get_userbyid(d.datdba),
                ARRAY(SELECT privilege_type FROM aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) WHERE grantee = 0),
                ARRAY(SELECT privilege_type FROM aclexplode(d.datacl)
                    WHERE grantee = (SELECT oid FROM pg_roles WHERE rolname = %(user)s)),
                (SELECT substring(c FROM 13) FROM pg_db_role_setting s, unnest(s.setconfig) c
                    WHERE s.setdatabase = d.oid AND s.setrole = 0 AND c LIKE 'search\\_path=%%')
            FROM pg_database d WHERE d.datname = %(name)s""",
            one,
        )
        if found:
            owner, public, user, search_path = found[0]
            server.databases[one["name"]] = Outside(owner, frozenset(public), frozenset(user), search_path)
    if not server.superuser:
        for name in set(server.roles) & set(passwords):
            database = next(
                (
                    one["name"]
                    for one in wanted
                    if name in (one["owner"], login_of(one)) and one["name"] in server.databases
                ),
                login["database"],
            )
            matches = logs_in(login, name, passwords[name], database)
            server.roles[name] = Role(**{**vars(server.roles[name]), "password_matches": matches})
    return server


def logs_in(login: dict[str, Any], name: str, password: str, database: str) -> bool:
    """Whether a role's password is right, asked the only way there is without a look at the verifiers."""
    try:
        connect(login, user=name, password=password, database=database).close()
    except ServerUnavailable as error:
        text = str(error)
        # All of these come after the password was accepted.
        accepted = (
            "permission denied for database",
            "too many connections",
            "does not exist",
            "remaining connection slots",
        )
        if any(word in text for word in accepted):
            return True
        # PAM: the role logs in by tokens so far, and no password counts.
        refused = ("password authentication failed", "not permitted to log in", "PAM authentication failed")
        if any(word in text for word in refused):
            return False
        raise ServerUnavailable(f"the password of {name} could not be tried: {text}") from None
    return True


def read_inside(connection: Any, one: dict[str, Any]) -> Inside:
    """Everything of a database that is visible only inside."""
    schema = rows(
        connection,
        """SELECT pg_get_userbyid(n.nspowner),
            ARRAY(SELECT privilege_type FROM aclexplode(n.nspacl) WHERE grantee = 0),
            ARRAY(SELECT privilege_type FROM aclexplode(n.nspacl)
                WHERE grantee = (SELECT oid FROM pg_roles WHERE rolname = %(user)s))
        FROM pg_namespace n WHERE n.nspname = 'public'""",
        one,
    )
    defaults = dict(
        rows(
            connection,
            """SELECT d.defaclobjtype::text, ARRAY(SELECT privilege_type FROM aclexplode(d.defaclacl)
                WHERE grantee = (SELECT oid FROM pg_roles WHERE rolname = %(user)s))
        FROM pg_default_acl d JOIN pg_namespace n ON n.oid = d.defaclnamespace AND n.nspname = 'public'
        WHERE pg_get_userbyid(d.defaclrole) = %(owner)s""",
            one,
        )
    )
    # Extensions keep the rights of their own relations.
    relations = rows(
        connection,
        """SELECT c.relname, c.relkind = 'S', pg_get_userbyid(c.relowner), ARRAY(SELECT privilege_type FROM aclexplode(c.relacl)
                WHERE grantee = (SELECT oid FROM pg_roles WHERE rolname = %(user)s))
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'public'
        WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND NOT EXISTS (
            SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
        ORDER BY 1""",
        one,
    )
    return Inside(
        schema_exists=bool(schema),
        schema_owner=schema[0][0] if schema else "",
        schema_public=frozenset(schema[0][1]) if schema else frozenset(),
        schema_user=frozenset(schema[0][2]) if schema else frozenset(),
        default_tables=frozenset(defaults.get("r", [])),
        default_sequences=frozenset(defaults.get("S", [])),
        relations=tuple(
            Relation(name, sequence, owner, frozenset(rights)) for name, sequence, owner, rights in relations
        ),
        extensions=frozenset(row[0] for row in rows(connection, "SELECT extname FROM pg_extension")),
        available_extensions=frozenset(row[0] for row in rows(connection, "SELECT name FROM pg_available_extensions")),
    )


# --- doing ---


def execute(connection: Any, changes: list[Change]) -> None:
    """All statements in one transaction. Verifiers stay out of the server's log, as far as the login may say so."""
    with connection.cursor() as cursor:
        for setting in (
            "log_statement = 'none'",
            "log_min_duration_statement = -1",
            "log_min_error_statement = 'panic'",
        ):
            cursor.execute("SAVEPOINT quiet")
            try:
                cursor.execute(f"SET LOCAL {setting}")
            except psycopg2.errors.InsufficientPrivilege:
                cursor.execute("ROLLBACK TO SAVEPOINT quiet")
        for change in changes:
            for statement in change.statements:
                try:
                    cursor.execute(statement)
                except psycopg2.Error as error:
                    raise RuntimeError(f"{change.text}: {(error.diag.message_primary or str(error)).strip()}") from None
    connection.commit()


class Databases:
    """One run of the module."""

    def __init__(
        self,
        wanted: list[dict[str, Any]],
        login: dict[str, Any],
        apply: bool,
        authentication: str = "password",
        retire: bool = False,
        connections: int = 0,
    ) -> None:
        self.connections = connections
        self.wanted = wanted
        self.login = login
        self.apply = apply
        self.authentication = authentication
        self.retire = retire
        self.changes: list[str] = []
        self.notes: list[str] = []
        self.server = Server()

    def take(self, connection: Any, changes: list[Change]) -> None:
        """Note changes, and make them when asked to."""
        self.changes += [change.text for change in changes]
        if self.apply and changes:
            execute(connection, changes)

    def run(self) -> None:
        """Read, compare, change: roles first, then databases, then the inside of each."""
        with contextlib.closing(connect(self.login)) as connection:
            self.server = read_server(connection, self.login, self.wanted, self.authentication)
            connection.rollback()
            self.check_rights()
            existing = set(self.server.databases)
            self.take(connection, plan_roles(self.wanted, self.server, self.authentication, self.retire))
            created = plan_databases(self.wanted, self.server)
            self.changes += [change.text for change in created]
            if self.apply and created:
                connection.autocommit = True
                for change in created:
                    with connection.cursor() as cursor:
                        cursor.execute(change.statements[0])
        for one in self.wanted:
            self.one(one, existing)

    def check_rights(self) -> None:
        """Refuse before the first change what the login could not finish."""
        server = self.server
        if server.lacking:
            raise RuntimeError(
                f"{server.user} lacks {' and '.join(server.lacking)}, so it cannot make databases and roles. Log in as the "
                "master user that RDS made with the instance, or give this one what it needs, as that user: "
                f"ALTER ROLE {identifier(server.user)} CREATEROLE CREATEDB; GRANT rds_superuser TO {identifier(server.user)};"
            )
        available = int(server.settings.get("max_connections", self.connections))
        if available < self.connections:
            raise RuntimeError(
                f"The server has {available} connections (max_connections), and the applications may need {self.connections}. "
                "Set fewer processes or threads in applications, use fewer web hosts, or take a larger instance class."
            )
        if self.authentication == "iam" and not server.has_iam:
            raise RuntimeError(
                "This server has no role rds_iam, so nobody logs in by tokens. Set database_auth: password, or use an RDS "
                "instance with IAM database authentication."
            )

    def one(self, one: dict[str, Any], existing: set[str]) -> None:
        """The privileges of one database, in one transaction."""
        outside = self.server.databases.get(one["name"], Outside(owner=one["owner"]))
        if not self.apply and one["name"] not in existing:
            self.plan_empty(one)
            return
        with contextlib.closing(connect(self.login, database=one["name"])) as connection:
            inside = read_inside(connection, one)
            connection.rollback()
            missing = missing_extensions(one, inside)
            if missing and self.apply:
                raise RuntimeError(
                    f"{one['name']}: this server has no extension {', '.join(missing)}. Correct the name (the view "
                    "pg_available_extensions lists them), or install the package that brings it (postgres_extension_packages)."
                )
            changes, notes = plan_inside(one, inside, self.server)
            self.notes += notes
            self.take(connection, plan_outside(one, outside) + changes)

    def plan_empty(self, one: dict[str, Any]) -> None:
        """What a database that is not there yet will need."""
        changes, _ = plan_inside(one, Inside(), self.server)
        self.changes += [change.text for change in plan_outside(one, Outside(owner=one["owner"])) + changes]

    def plan_all(self) -> None:
        """What an empty server will need."""
        self.changes = [
            change.text
            for change in plan_roles(self.wanted, self.server, self.authentication, self.retire)
            + plan_databases(self.wanted, self.server)
        ]
        for one in self.wanted:
            self.plan_empty(one)


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "databases": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "name": {"type": "str", "required": True},
                    "owner": {"type": "str", "required": True},
                    "owner_password": {"type": "str", "required": True, "no_log": True},
                    "user": {"type": "str", "required": True},
                    "password": {"type": "str", "required": True, "no_log": True},
                    "login": {"type": "str"},
                    "connection_limit": {"type": "int", "default": -1},
                    "extensions": {"type": "list", "elements": "str", "default": []},
                },
            },
            "authentication": {"type": "str", "choices": ["password", "iam"], "default": "password"},
            "retire": {"type": "bool", "default": False},
            "connections": {"type": "int", "default": 0},
            "login": LOGIN_SPEC,
            "apply": {"type": "bool", "default": True},
        },
        supports_check_mode=True,
    )
    wanted = module.params["databases"]
    for one in wanted:
        if not (one["password"] + one["owner_password"]).isascii() or not one["password"] or not one["owner_password"]:
            module.fail_json(msg=f"{one['name']}: passwords have to be printable ASCII, and not empty.")
    apply = module.params["apply"] and not module.check_mode
    databases = Databases(
        wanted,
        module.params["login"],
        apply,
        module.params["authentication"],
        module.params["retire"],
        module.params["connections"],
    )
    result: dict[str, Any] = {"available": True}
    try:
        databases.run()
        result["server"] = databases.server.settings
    except ServerUnavailable as error:
        if apply:
            module.fail_json(msg=f"PostgreSQL does not answer: {error}")
        result |= {"available": False, "reason": str(error)}
        databases.plan_all()
    except (RuntimeError, psycopg2.Error) as error:
        module.fail_json(msg=str(error).strip(), changes=databases.changes)
    listed = "".join(f"{text}\n" for text in databases.changes)
    module.exit_json(
        changed=bool(databases.changes) and module.params["apply"],
        changes=databases.changes,
        notes=databases.notes,
        diff={"before": "", "after": listed},
        **result,
    )


if __name__ == "__main__":
    main()
