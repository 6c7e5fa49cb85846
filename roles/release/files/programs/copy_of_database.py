# SPDX-License-Identifier: MIT
"""What the live release says of a copy of its database: whether it fits, and what migrations it lacks.

Runs inside a release as the owner of the database: the module release_copy hands it over.
"""

import io
from pathlib import Path

from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connections
from django.db.migrations.executor import MigrationExecutor


def answer(given):
    """Look at the copy, and migrate it where that is asked for.

    Args:
        given: ``database``, the copy's name, ``alias``, which one of DATABASES it stands for, ``migrate``, and ``scrub``, the words of
            commands of manage.py, or of a file of SQL.

    Returns:
        ``pending``, ``ahead`` (applied there, and not in this release), ``another`` (applications of another project) and ``error``.
    """
    redirect(given["database"], given["alias"])
    connection = connections[given["alias"]]
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_database()")
        (name,) = cursor.fetchone()
    if name != given["database"]:
        return {"error": f"the settings lead to the database {name}, whatever NAME says"}
    found = migrations(connection)
    said = io.StringIO()
    try:
        if given["migrate"] and not found["another"]:
            call_command("migrate", database=given["alias"], interactive=False, no_color=True, stdout=said, stderr=said)
        if not found["another"]:
            scrub(connection, given["scrub"])
        call_command("check", databases=[given["alias"]], no_color=True, stdout=said, stderr=said)
    except CommandError as error:
        return {**found, "error": str(error).strip()[:1500]}
    except Exception as error:
        return {**found, "error": f"{type(error).__name__}: {str(error).strip()[:1500]}"}
    return {**found, "error": ""}


def scrub(connection, commands):
    """Take personal data out of the copy; a command that fails ends it."""
    for words in commands:
        try:
            if words[0].endswith(".sql"):
                with connection.cursor() as cursor:
                    cursor.execute(Path(words[0]).read_text())
            else:
                call_command(*words, stdout=io.StringIO())
        except SystemExit as error:
            if error.code:
                raise CommandError(f"scrub, {' '.join(words)}: exit code {error.code}") from None
        except Exception as error:
            raise CommandError(
                f"scrub, {' '.join(words)}: {type(error).__name__}: {str(error).strip()[:1000]}"
            ) from None


def redirect(copy, alias):
    """Lead every connection of Django to that database into the copy."""
    where = ("ENGINE", "HOST", "PORT", "NAME")
    live = {key: connections[alias].settings_dict.get(key) for key in where}
    for one in connections:
        own = connections[one].settings_dict
        if {key: own.get(key) for key in where} == live:
            connections[one].close()
            own["NAME"] = copy


def migrations(connection):
    """What the copy has and lacks, by this release's own migrations."""
    executor = MigrationExecutor(connection)
    loader = executor.loader
    plan = executor.migration_plan(loader.graph.leaf_nodes())
    known = loader.disk_migrations
    replaced = {one for migration in known.values() for one in migration.replaces}
    applied = set(loader.applied_migrations)
    apps = {app for app, _name in known}
    own = {app for (app, _name), one in known.items() if not one.__module__.startswith("django.contrib.")}
    others = sorted({app for app, _name in applied} - apps)
    return {
        "pending": [f"{one.app_label}.{one.name}" for one, _backwards in plan],
        "ahead": sorted(f"{app}.{name}" for app, name in applied - set(known) - replaced if app in apps),
        "another": others if own and others and not any(app in own for app, _name in applied) else [],
    }
