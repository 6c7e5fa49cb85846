# SPDX-License-Identifier: MIT
"""Further databases of an application (`databases` of its entry): their migrations, beside those of the first one.

Django keeps a table of migrations in each database. What of a migration is done in which one, the project's router says.
"""

import os
import sys
import time

from django.core.management import call_command
from django.db import OperationalError, connections, router
from django.db.migrations.executor import MigrationExecutor

from migration_gate.verdict import judge

# https://www.postgresql.org/docs/current/errcodes-appendix.html: lock_not_available, deadlock_detected
AGAIN = ("55P03", "40P01")


def aliases():
    """Aliases of the further databases."""
    return list(filter(None, os.environ.get("MANAGED_DATABASE_ALIASES", "").split(",")))


def problem():
    """Why they cannot be used, with the remedy; empty when they can."""
    absent = [alias for alias in aliases() if alias not in connections]
    if not absent:
        return ""
    first = absent[0]
    return (
        f"the entry has databases.{first}, and the project's DATABASES has no '{first}' (it has {', '.join(sorted(connections))}): "
        f"give it one, with the values ${{database_{first}_url}} or ${{database_{first}_name}} …, or set managed_settings: [database]."
    )


def pending(examine):
    """The migrations that each lacks, and what they break for a release that serves.

    Args:
        examine: takes a plan and the models before it; says what each migration breaks, by its name.

    Returns:
        By alias a mapping of migration to sentences; without those that lack none. Where nothing was applied, nothing can break.
    """
    found = {}
    for alias in aliases():
        executor = MigrationExecutor(connections[alias])
        plan = [one for one, _backwards in executor.migration_plan(executor.loader.graph.leaf_nodes())]
        state = executor._create_project_state(with_applied_migrations=True)
        first = not state.models
        examined = examine(plan, state)
        if examined:
            # What the router keeps out of it breaks nothing there.
            found[alias] = {
                name: reasons if not first and router.allow_migrate(alias, name.partition(".")[0]) else []
                for name, reasons in examined.items()
            }
    return found


def judged(trials, found, strict):
    """What decides about the migrations of each database: see verdict.py.

    Args:
        trials: what release_gate.py's ``try`` said, by alias.
        found: what ``pending`` found.
        strict: the same, with what may be harmless.
    """
    return {alias: judge(trials.get(alias) or {}, own, strict[alias]) for alias, own in found.items()}


def labelled(found):
    """What `pending` found as one mapping, whose names say which database they are of."""
    return {f"{name} in {alias}": reasons for alias, own in found.items() for name, reasons in own.items()}


def migrate(found, attempts, say):
    """Bring each database that lacks migrations to this release, again where a lock was not to be had."""
    for alias in found:
        for attempt in range(1, attempts + 1):
            try:
                call_command("migrate", database=alias, interactive=False, verbosity=1, stdout=sys.stdout)
                break
            except OperationalError as error:
                code = getattr(error.__cause__, "sqlstate", None) or getattr(error.__cause__, "pgcode", None)
                if code not in AGAIN or attempt == attempts:
                    raise
                say(f"  {alias}, attempt {attempt}: {str(error).strip()}; trying again")
                connections[alias].close()
                time.sleep(2 * attempt)
