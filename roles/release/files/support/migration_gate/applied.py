# SPDX-License-Identifier: MIT
"""Which migrations a database has, and how each is taken back: what a rollback asks."""

from django.db.migrations.loader import MigrationLoader


def read(connection):
    """The migrations that are applied, and of those that this release knows, what ``migrate`` has to be told to reverse them.

    Returns:
        ``applied``: names, of this release's and others'; ``back``: ``{name: {to, reversible}}``, where ``to`` is the migration
        of the same application before it, or ``zero``.
    """
    loader = MigrationLoader(connection)
    back = {}
    for (app, name), migration in loader.graph.nodes.items():
        if (app, name) in loader.applied_migrations:
            before = [parent.key[1] for parent in loader.graph.node_map[app, name].parents if parent.key[0] == app]
            back[f"{app}.{name}"] = {"to": max(before, default="zero"), "reversible": reversible(migration.operations)}
    return {"applied": sorted(f"{app}.{name}" for app, name in loader.applied_migrations), "back": back}


def reversible(operations):
    """Whether all of a migration's operations can be taken back."""
    return all(one.reversible and reversible(getattr(one, "database_operations", [])) for one in operations)
