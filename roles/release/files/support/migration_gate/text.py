# SPDX-License-Identifier: MIT
"""What the text of migrations says that they break. It decides where a trial cannot, and it is what a rollback is held against.

What breaks a release that serves: its queries name every column of a model. A column or table that is dropped or renamed
makes them fail; a column that must not be null and has no default in the database makes its INSERTs fail (Django's own
`default` is not in the database; `db_default` is).
"""

from __future__ import annotations

import re

from django.db.migrations import operations as ops
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState
from django.db.models import NOT_PROVIDED

SQL_BREAKS = re.compile(
    r"\b(drop\s+(table|column|view)|rename\s+(to|column)|alter\s+column\s+\S+\s+(set\s+not\s+null|(set\s+data\s+)?type))\b",
    re.IGNORECASE,
)
# What may be harmless, so that a rollback is not held against it.
SQL_MAY_BREAK = re.compile(
    r"\b(create\s+(or\s+replace\s+)?(constraint\s+)?trigger|drop\s+trigger|create\s+unique\s+index|add\s+constraint|create\s+policy|"
    r"(enable|force)\s+row\s+level|revoke|drop\s+(schema|owned)|do)\b",
    re.IGNORECASE,
)


def _must_be_given(field):
    """Whether an INSERT that does not name the column fails."""
    if field.many_to_many or field.null or getattr(field, "generated", False) or field.primary_key:
        return False
    return getattr(field, "db_default", NOT_PROVIDED) is NOT_PROVIDED


def sql_of(operation):
    """The statements of a RunSQL, as one text; empty for other operations."""
    sql = getattr(operation, "sql", "")
    given = sql if isinstance(sql, (list, tuple)) else [sql]
    return " ".join(one if isinstance(one, str) else str(one[0]) for one in given)


def _stored(field):
    """Whether the field is a column of the model's own table."""
    return not field.many_to_many


def _known_field(operation, state, app):
    known = state.models.get((app, operation.model_name_lower))
    return known.fields.get(operation.name) if known else None


def breaks(operation, state, app, created, strict=False):
    """What an operation breaks for a release that does not know it, as sentences.

    Args:
        operation: of a migration.
        state: the project's models before it.
        app: the migration's application.
        created: (app, model) of tables that the same plan made: no release knows them yet.
        strict: whether what may be harmless counts, too: new rules of a table, SQL that may make one.
    """
    if isinstance(operation, ops.SeparateDatabaseAndState):
        return [one for inner in operation.database_operations for one in breaks(inner, state, app, created, strict)]
    if isinstance(operation, ops.RunSQL):
        text = sql_of(operation)
        found = SQL_BREAKS.search(text) or (SQL_MAY_BREAK.search(text) if strict else None)
        return [f"runs SQL that may break it ({found[0]})"] if found else []
    model = getattr(operation, "model_name_lower", "") or getattr(operation, "name_lower", "")
    if isinstance(operation, ops.CreateModel):
        created.add((app, operation.name_lower))
        return []
    if isinstance(operation, ops.RenameModel):
        model = operation.old_name_lower
    if (app, model) in created:
        return []
    if isinstance(operation, ops.DeleteModel):
        return [f"drops the table of {app}.{operation.name}"]
    if isinstance(operation, ops.RenameModel):
        return [f"renames the table of {app}.{operation.old_name}"]
    if isinstance(operation, ops.AlterModelTable):
        return [f"renames the table of {app}.{operation.name}"]
    if isinstance(operation, ops.RemoveField):
        field = _known_field(operation, state, app)
        if field is not None and not _stored(field):
            return [f"drops the table of {app}.{operation.model_name}.{operation.name}"]
        return [f"drops the column {app}.{operation.model_name}.{operation.name}"]
    if isinstance(operation, ops.RenameField):
        return [f"renames the column {app}.{operation.model_name}.{operation.old_name}"]
    where = f"{app}.{getattr(operation, 'model_name', '')}.{getattr(operation, 'name', '')}"
    if isinstance(operation, ops.AddField) and _stored(operation.field) and _must_be_given(operation.field):
        return [f"adds the column {where}, which must not be null and has no default in the database (db_default)"]
    if isinstance(operation, ops.AlterField):
        before = _known_field(operation, state, app)
        if before is not None and before.null and _must_be_given(operation.field):
            return [f"forbids null in {where}, which has no default in the database (db_default)"]
        if before is not None and (before.db_column or operation.name) != (operation.field.db_column or operation.name):
            return [f"renames the column {where}"]
        if before is not None and before.get_internal_type() != operation.field.get_internal_type():
            return [
                f"changes the type of {where} ({before.get_internal_type()} to {operation.field.get_internal_type()})"
            ]
    return _new_rules(operation, state, app, where) if strict else []


def _new_rules(operation, state, app, where):
    """Rules that a release that does not know them may run into."""
    if isinstance(operation, ops.AddConstraint):
        return [f"adds the constraint {operation.constraint.name} to {app}.{operation.model_name}"]
    if isinstance(operation, ops.AlterUniqueTogether) and operation.option_value:
        return [f"makes fields of {app}.{operation.name} unique together"]
    if isinstance(operation, (ops.AddField, ops.AlterField)) and operation.field.unique:
        before = _known_field(operation, state, app)
        if isinstance(operation, ops.AlterField) and before is not None and not before.unique:
            return [f"makes {where} unique"]
    return []


def examine(plan, state, strict=False):
    """What each migration of a plan breaks: ``{"app.0002_name": [sentences]}``, in the plan's order."""
    found = {}
    created = set()
    for migration in plan:
        reasons = []
        for operation in migration.operations:
            reasons += breaks(operation, state, migration.app_label, created, strict)
            operation.state_forwards(migration.app_label, state)
        found[f"{migration.app_label}.{migration.name}"] = reasons
    return found


def describe():
    """All migrations of the project in their order, each examined as if the ones before it were known to the release that serves."""
    loader = MigrationLoader(None)
    plan = []
    for node in loader.graph.leaf_nodes():
        for key in loader.graph.forwards_plan(node):
            if loader.graph.nodes[key] not in plan:
                plan.append(loader.graph.nodes[key])
    found = {}
    state = ProjectState(real_apps=loader.unmigrated_apps)
    for migration in plan:
        found |= examine([migration], state)
    return found
