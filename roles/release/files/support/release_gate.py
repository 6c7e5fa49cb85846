"""Migrations of a release: what they do to the release that still serves, and the one place that runs them.

    python release_gate.py describe   the project's migrations and what in each breaks a release before it (no database)
    python release_gate.py prepare    the same, the checks of Django, and which migrations the database lacks; changes nothing
    python release_gate.py migrate    checks, refuses what breaks, and migrates, one at a time and with time limits

Runs in the release's own environment, with DJANGO_SETTINGS_MODULE set. Prints one JSON document as the last line.

What breaks a release that serves: its queries name every column of a model. A column or table that is dropped or renamed
makes them fail; a column that must not be null and has no default in the database makes its INSERTs fail (Django's own
`default` is not in the database; `db_default` is).
"""

import argparse
import hashlib
import json
import re
import sys
import time

import database_links
import django
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import OperationalError, connection
from django.db.backends.signals import connection_created
from django.db.migrations import operations as ops
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState
from django.db.models import NOT_PROVIDED

REFUSED, FAILED, BUSY = 3, 4, 5
# https://www.postgresql.org/docs/current/errcodes-appendix.html: lock_not_available, deadlock_detected
AGAIN = ("55P03", "40P01")
SQL_BREAKS = re.compile(
    r"\b(drop\s+(table|column|view)|rename\s+(to|column)|alter\s+column\s+\S+\s+(set\s+not\s+null|(set\s+data\s+)?type))\b",
    re.IGNORECASE,
)


def _must_be_given(field):
    """Whether an INSERT that does not name the column fails."""
    if field.many_to_many or field.null or getattr(field, "generated", False) or field.primary_key:
        return False
    return getattr(field, "db_default", NOT_PROVIDED) is NOT_PROVIDED


def _sql_of(operation):
    given = operation.sql if isinstance(operation.sql, (list, tuple)) else [operation.sql]
    return " ".join(one if isinstance(one, str) else str(one[0]) for one in given)


def _stored(field):
    """Whether the field is a column of the model's own table."""
    return not field.many_to_many


def breaks(operation, state, app, created):
    """What an operation breaks for a release that does not know it, as sentences.

    Args:
        operation: of a migration.
        state: the project's models before it.
        app: the migration's application.
        created: (app, model) of tables that the same plan made: no release knows them yet.
    """
    if isinstance(operation, ops.SeparateDatabaseAndState):
        return [one for inner in operation.database_operations for one in breaks(inner, state, app, created)]
    if isinstance(operation, ops.RunSQL):
        found = SQL_BREAKS.search(_sql_of(operation))
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
        return [f"drops the column {app}.{operation.model_name}.{operation.name}"]
    if isinstance(operation, ops.RenameField):
        return [f"renames the column {app}.{operation.model_name}.{operation.old_name}"]
    where = f"{app}.{getattr(operation, 'model_name', '')}.{getattr(operation, 'name', '')}"
    if isinstance(operation, ops.AddField) and _stored(operation.field) and _must_be_given(operation.field):
        return [f"adds the column {where}, which must not be null and has no default in the database (db_default)"]
    if isinstance(operation, ops.AlterField):
        known = state.models.get((app, operation.model_name_lower))
        before = known.fields.get(operation.name) if known else None
        if before is not None and before.null and _must_be_given(operation.field):
            return [f"forbids null in {where}, which has no default in the database (db_default)"]
        if before is not None and (before.db_column or operation.name) != (operation.field.db_column or operation.name):
            return [f"renames the column {where}"]
        if before is not None and before.get_internal_type() != operation.field.get_internal_type():
            return [
                f"changes the type of {where} ({before.get_internal_type()} to {operation.field.get_internal_type()})"
            ]
    return []


def examine(plan, state):
    """What each migration of a plan breaks: ``{"app.0002_name": [sentences]}``, in the plan's order."""
    found = {}
    created = set()
    for migration in plan:
        reasons = []
        for operation in migration.operations:
            reasons += breaks(operation, state, migration.app_label, created)
            operation.state_forwards(migration.app_label, state)
        found[f"{migration.app_label}.{migration.name}"] = reasons
    return found


def describe():
    """All migrations of the project, each examined as if the ones before it were known to the release that serves."""
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


class Gate:
    """One run of the migrations."""

    def __init__(self, given):
        self.given = given
        self.lock = None

    def say(self, text):
        print(text, flush=True)

    def end(self, code, **result):
        print(json.dumps(result))
        sys.exit(code)

    def limits(self, sender, connection, **_options):
        """Set the time limits on every connection that the migrations open."""
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT set_config('lock_timeout', %s, false)", [self.given.lock_timeout])
                cursor.execute("SELECT set_config('statement_timeout', %s, false)", [self.given.statement_timeout])

    def take_lock(self):
        """Wait for the advisory lock on a connection of its own: another host or controller may migrate now."""
        if connection.vendor != "postgresql":
            return
        own = connection.copy()
        number = int.from_bytes(hashlib.sha256(b"django migrations").digest()[:8], "big", signed=True)
        deadline = time.monotonic() + self.given.wait
        while True:
            with own.cursor() as cursor:
                cursor.execute("SELECT pg_try_advisory_lock(%s)", [number])
                if cursor.fetchone()[0]:
                    self.lock = own
                    return
                cursor.execute(
                    "SELECT coalesce(host(client_addr), 'this host'), to_char(backend_start, 'YYYY-MM-DD HH24:MI:SS TZ') FROM pg_locks"
                    " JOIN pg_stat_activity USING (pid) WHERE locktype = 'advisory' AND granted"
                    " AND ((classid::bigint << 32) | objid::bigint) = %s LIMIT 1",
                    [number],
                )
                holder = cursor.fetchone() or ("somebody", "a moment ago")
            if time.monotonic() > deadline:
                self.end(
                    BUSY, error=f"{holder[0]} migrates this database since {holder[1]}: try again when it has ended."
                )
            time.sleep(1)

    def plan(self):
        """The migrations that are not applied, and the models as they are now."""
        executor = MigrationExecutor(connection)
        conflicts = executor.loader.detect_conflicts()
        if conflicts:
            self.end(
                FAILED,
                error=f"migrations conflict in {', '.join(sorted(conflicts))}: merge them with makemigrations --merge.",
            )
        targets = executor.loader.graph.leaf_nodes()
        plan = [migration for migration, _backwards in executor.migration_plan(targets)]
        return plan, executor._create_project_state(with_applied_migrations=True)

    def check(self):
        """Ask Django whether it finds an error."""
        try:
            call_command("check", deploy=True, fail_level="ERROR", stdout=sys.stdout, stderr=sys.stdout)
        except SystemCheckError as error:
            self.end(FAILED, error=f"manage.py check --deploy: {error}")

    def links(self):
        """Refuse a release whose link to a database leaves the host and does not verify the server."""
        problems = database_links.examine(self.say)
        if problems:
            self.end(FAILED, error=" ".join(problems))

    def prepare(self):
        """Say what the migrations are, and which of them the database lacks."""
        self.check()
        migrations = describe()
        try:
            self.links()
            plan, state = self.plan()
        except OperationalError as error:
            self.end(FAILED, migrations=migrations, error=f"the database cannot be reached: {error}")
        self.end(0, migrations=migrations, plan=list(examine(plan, state)))

    def run(self):
        """Check, take the lock, refuse or migrate."""
        self.check()
        try:
            self.links()
            self.take_lock()
            plan, state = self.plan()
        except OperationalError as error:
            self.end(FAILED, error=f"the database cannot be reached: {error}")
        # A database where nothing was applied has no release that could break.
        first = not state.models
        examined = examine(plan, state)
        for name, reasons in examined.items():
            self.say(f"  to apply: {name}" + "".join(f"\n      {reason}" for reason in reasons))
        breaking = {} if first else {name: reasons for name, reasons in examined.items() if reasons}
        if breaking and not self.given.allow_breaking:
            self.end(REFUSED, plan=list(examined), breaking=breaking)
        if self.given.plan_only:
            self.end(0, plan=list(examined), breaking=breaking, applied=[])
        for attempt in range(1, self.given.attempts + 1):
            try:
                call_command("migrate", interactive=False, verbosity=1, stdout=sys.stdout)
                break
            except OperationalError as error:
                code = getattr(error.__cause__, "sqlstate", None) or getattr(error.__cause__, "pgcode", None)
                if code not in AGAIN or attempt == self.given.attempts:
                    self.end(FAILED, plan=list(examined), error=f"migrate: {str(error).strip()}")
                self.say(f"  attempt {attempt}: {str(error).strip()}; trying again")
                connection.close()
                time.sleep(2 * attempt)
            except Exception as error:
                self.end(FAILED, plan=list(examined), error=f"migrate: {type(error).__name__}: {str(error).strip()}")
        self.end(0, plan=list(examined), breaking=breaking, applied=list(examined))


def main():
    """Entry point."""
    parser = argparse.ArgumentParser()
    parser.add_argument("action", choices=["describe", "prepare", "migrate"])
    parser.add_argument("--allow-breaking", action="store_true", help="migrate though the release that serves breaks")
    parser.add_argument("--plan-only", action="store_true", help="say what would be done")
    parser.add_argument("--lock-timeout", default="5s", help="PostgreSQL's lock_timeout")
    parser.add_argument("--statement-timeout", default="0", help="PostgreSQL's statement_timeout; 0 is none")
    parser.add_argument("--attempts", type=int, default=3, help="attempts when a lock is not to be had")
    parser.add_argument("--wait", type=int, default=60, help="seconds to wait for another one who migrates")
    given = parser.parse_args()
    django.setup()
    if given.action == "describe":
        print(json.dumps(describe()))
        return
    gate = Gate(given)
    connection_created.connect(gate.limits)
    gate.prepare() if given.action == "prepare" else gate.run()


if __name__ == "__main__":
    main()
