# SPDX-License-Identifier: MIT
"""Read what PostgreSQL's catalogs say of the tables of a database. It asks alone; what follows from it is in compare.py.

A catalog is ``{"schema.table": relation}``, in types that JSON knows. A relation has:

    kind          as pg_class.relkind
    columns       {name: {type, not_null, default, generated, identity}}
    uniques       [{name, columns, definition, nulls_distinct}]: unique indexes, whether a constraint made them or not
    constraints   [{name, kind, columns, definition}]: CHECK (c), foreign keys (f), EXCLUDE (x)
    triggers      {name: {definition, source, columns}}; source is the function's
    policies      {name: definition}, and row_security, whether they are in force
    rights        [[who, what, on]]: of all but the owner, on the table, its columns and its sequences
"""

from __future__ import annotations

from typing import Any

RELATIONS = """
SELECT c.oid, n.nspname || '.' || c.relname, c.relkind::text, c.relrowsecurity
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
    AND left(n.nspname, 3) <> 'pg_' AND n.nspname <> 'information_schema'
"""
COLUMNS = """
SELECT a.attrelid, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
    coalesce(pg_get_expr(d.adbin, d.adrelid), ''), a.attgenerated::text, a.attidentity::text
FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attrelid = ANY(%s) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""
# A definition without the names of index and table: the same rule under another name is the same rule.
UNIQUES = """
SELECT i.indrelid, c.relname, ARRAY(SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey)),
    regexp_replace(pg_get_indexdef(i.indexrelid), '^.* USING ', ''), pg_get_indexdef(i.indexrelid) NOT LIKE '%%NULLS NOT DISTINCT%%'
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = ANY(%s) AND i.indisunique
"""
CONSTRAINTS = """
SELECT o.conrelid, o.conname, o.contype::text,
    ARRAY(SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = o.conrelid AND a.attnum = ANY(o.conkey)),
    regexp_replace(pg_get_constraintdef(o.oid), ' NOT VALID$', '')
FROM pg_constraint o WHERE o.conrelid = ANY(%s) AND o.contype IN ('c', 'f', 'x')
"""
TRIGGERS = """
SELECT t.tgrelid, t.tgname, pg_get_triggerdef(t.oid) || t.tgenabled::text, p.prosrc,
    ARRAY(SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = t.tgrelid AND a.attnum = ANY(t.tgattr))
FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid WHERE t.tgrelid = ANY(%s) AND NOT t.tgisinternal
"""
POLICIES = """
SELECT p.polrelid, p.polname, concat_ws(' ', p.polcmd::text, p.polpermissive, p.polroles::regrole[]::text,
    pg_get_expr(p.polqual, p.polrelid), '/', pg_get_expr(p.polwithcheck, p.polrelid))
FROM pg_policy p WHERE p.polrelid = ANY(%s)
"""
# Of a table, of its columns one by one, and of the sequences that fill them.
RIGHTS = """
SELECT given.relation, coalesce(r.rolname, 'PUBLIC'), acl.privilege_type, given.what
FROM (
    SELECT c.oid AS relation, 'it' AS what, c.relacl AS list, c.relowner AS owner FROM pg_class c WHERE c.oid = ANY(%s)
    UNION ALL
    SELECT c.oid, a.attname, a.attacl, c.relowner FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE c.oid = ANY(%s) AND a.attacl IS NOT NULL
    UNION ALL
    SELECT d.refobjid, s.relname, s.relacl, s.relowner FROM pg_class s JOIN pg_depend d ON d.classid = 'pg_class'::regclass
    AND d.objid = s.oid AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
    WHERE s.relkind = 'S' AND d.refobjid = ANY(%s)
) given CROSS JOIN LATERAL aclexplode(given.list) acl LEFT JOIN pg_roles r ON r.oid = acl.grantee
WHERE acl.grantee <> given.owner ORDER BY 1, 2, 3, 4
"""


def read(cursor: Any) -> dict[str, dict[str, Any]]:
    """The catalog of the database that a cursor of Django or of psycopg is connected to."""

    def rows(query: str, parameters: list[Any]) -> list[tuple[Any, ...]]:
        cursor.execute(query, parameters)
        return cursor.fetchall()

    names, found = {}, {}
    for oid, name, kind, row_security in rows(RELATIONS, []):
        names[oid] = name
        found[name] = {
            "kind": kind, "row_security": row_security, "columns": {}, "uniques": [], "constraints": [], "triggers": {},
            "policies": {}, "rights": [],
        }  # fmt: skip
    oids = list(names)
    for oid, column, kind, not_null, default, generated, identity in rows(COLUMNS, [oids]):
        found[names[oid]]["columns"][column] = {
            "type": kind, "not_null": not_null, "default": default, "generated": generated, "identity": identity,
        }  # fmt: skip
    for oid, name, columns, definition, distinct in rows(UNIQUES, [oids]):
        found[names[oid]]["uniques"].append(
            {"name": name, "columns": list(columns), "definition": definition, "nulls_distinct": distinct}
        )
    for oid, name, kind, columns, definition in rows(CONSTRAINTS, [oids]):
        found[names[oid]]["constraints"].append(
            {"name": name, "kind": kind, "columns": list(columns), "definition": definition}
        )
    for oid, name, definition, source, columns in rows(TRIGGERS, [oids]):
        found[names[oid]]["triggers"][name] = {"definition": definition, "source": source, "columns": list(columns)}
    for oid, name, definition in rows(POLICIES, [oids]):
        found[names[oid]]["policies"][name] = definition
    for oid, *right in rows(RIGHTS, [oids, oids, oids]):
        found[names[oid]]["rights"].append(right)
    return found
