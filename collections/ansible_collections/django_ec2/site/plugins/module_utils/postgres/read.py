# SPDX-License-Identifier: MIT
"""Read from a server what the plan compares."""

from __future__ import annotations

from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.postgres.connections import RESERVED
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.login import ServerUnavailable, connect
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.model import (
    FORBIDDEN,
    IAM_SUFFIX,
    MARK,
    OTHER,
    Inside,
    Outside,
    Relation,
    Role,
    Server,
    login_of,
    other_login,
)
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.move import marks
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.scram import verifier_matches

# What the server says of itself, beside the connections that it keeps.
SETTINGS = ("data_directory", "data_checksums", "server_version_num", "server_encoding", "port", "max_connections")

# Files that outrank each other are looked at on disk, by host_config. These outrank all files.
OUTRANKED = """
SELECT DISTINCT s.name, s.source FROM pg_settings s JOIN pg_file_settings f USING (name)
WHERE s.source IN ('command line', 'environment variable') ORDER BY 1
"""


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
            "SELECT name, setting FROM pg_settings WHERE name = ANY(%(names)s)",
            {"names": [*SETTINGS, *RESERVED]},
        )
    )
    server = Server(version=int(settings["server_version_num"]), settings=settings)
    server.superuser, server.user, roles, databases, server.has_iam = rows(
        connection,
        """SELECT rolsuper, rolname, rolcreaterole, rolcreatedb, EXISTS (SELECT FROM pg_roles WHERE rolname = 'rds_iam')
        FROM pg_roles WHERE rolname = current_user""",
    )[0]
    if server.superuser:
        server.outranked = rows(connection, OUTRANKED)
    if not server.superuser:
        rights = {"CREATEROLE": roles, "CREATEDB": databases}
        server.lacking = tuple(right for right, given in rights.items() if not given)
    mark = marks.parse(next((comment for (comment,) in rows(connection, marks.READ)), None))
    server.moving, server.moving_peer = (mark.state, mark.peer) if mark else ("", "")
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
    for name, can_login, limit, held, granted, acts_as, comment, *flags in rows(
        connection,
        # The last columns are those of FORBIDDEN, in its order.
        """SELECT rolname, rolcanlogin, rolconnlimit,
            pg_has_role(current_user, oid, 'USAGE') AND pg_has_role(current_user, oid, %(acting)s),
            ARRAY(SELECT ARRAY[pg_get_userbyid(m.roleid)::text, pg_get_userbyid(m.grantor)::text,
                    CASE WHEN %(version)s < 160000 OR pg_has_role(current_user, m.grantor, 'USAGE') THEN '' ELSE 'kept' END]
                FROM pg_auth_members m WHERE m.member = pg_roles.oid ORDER BY 1),
            (SELECT substring(c FROM 6) FROM unnest(rolconfig) c WHERE c LIKE 'role=%%'),
            shobj_description(oid, 'pg_authid'),
            rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls
            FROM pg_roles WHERE rolname = ANY(%(names)s)""",
        {"names": names, "acting": acting, "version": server.version},
    ):
        known = server.superuser and name in passwords
        member_of = frozenset(role for role, _grantor, _kept in granted)
        matches = verifier_matches(verifiers.get(name), passwords[name]) if known else True
        server.roles[name] = Role(
            login=can_login,
            forbidden=tuple(column for column, on in zip(FORBIDDEN, flags, strict=True) if on),
            connection_limit=limit,
            password_matches=matches,
            held=held,
            iam="rds_iam" in member_of,
            member_of=member_of,
            acts_as=acts_as,
            granted=tuple((role, grantor) for role, grantor, _kept in granted),
            kept=tuple((role, grantor) for role, grantor, kept in granted if kept),
            marked=comment == MARK,
        )
    for one in wanted:
        found = rows(
            connection,
            """SELECT pg_get_userbyid(d.datdba),
                ARRAY(SELECT privilege_type FROM aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) WHERE grantee = 0),
                ARRAY(SELECT privilege_type FROM aclexplode(d.datacl)
                    WHERE grantee = (SELECT oid FROM pg_roles WHERE rolname = %(user)s)),
                (SELECT substring(c FROM 13) FROM pg_db_role_setting s, unnest(s.setconfig) c
                    WHERE s.setdatabase = d.oid AND s.setrole = 0 AND c LIKE 'search\\_path=%%'),
                shobj_description(d.oid, 'pg_database')
            FROM pg_database d WHERE d.datname = %(name)s""",
            one,
        )
        if found:
            owner, public, user, search_path, comment = found[0]
            server.databases[one["name"]] = Outside(
                owner, frozenset(public), frozenset(user), search_path, marked=comment == MARK
            )
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
