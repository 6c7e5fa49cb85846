# SPDX-License-Identifier: MIT
"""Run the migrations of a release, after a look at what they break."""

import hashlib
import json
import sys
import time

import database_links
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import DatabaseError, OperationalError, connection, connections
from django.db.backends.signals import connection_created
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder

from migration_gate import applied, indexes, more_databases, moving
from migration_gate.text import describe, examine
from migration_gate.trial import packages
from migration_gate.verdict import judge

REFUSED, FAILED, BUSY = 3, 4, 5
# https://www.postgresql.org/docs/current/errcodes-appendix.html: lock_not_available, deadlock_detected
AGAIN = ("55P03", "40P01")
# duplicate_table (an index is one, too), duplicate_column, duplicate_object
THERE_ALREADY = ("42P07", "42701", "42710")


def _code(error):
    """PostgreSQL's code of an error of Django's; empty without one."""
    return getattr(error.__cause__, "sqlstate", None) or getattr(error.__cause__, "pgcode", None) or ""


def _said(error):
    """What an error of a database says; SQLite's own words leave out which file they are about."""
    text = str(error).strip()
    if "unable to open database file" not in text and "readonly database" not in text:
        return text
    files = [
        f'DATABASES["{alias}"] is SQLite, in the file {connections[alias].settings_dict["NAME"]}'
        for alias in connections
        if connections[alias].vendor == "sqlite"
    ]
    return f"{text} ({'; '.join(files)})"


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
        problems = list(filter(None, [more_databases.problem(), *database_links.examine(self.say)]))
        if problems:
            self.end(FAILED, error=" ".join(problems))

    def act(self, action):
        """Do what was asked for: ``prepare``, ``applied`` or ``migrate``."""
        connection_created.connect(self.limits)
        {"prepare": self.prepare, "applied": self.applied, "migrate": self.run}[action]()

    def prepare(self):
        """Say what the migrations are, and which of them the database lacks."""
        self.check()
        migrations = describe()
        try:
            self.links()
            plan, state = self.plan()
            more = more_databases.pending(examine)
        except OperationalError as error:
            self.end(FAILED, migrations=migrations, error=f"the database cannot be reached: {_said(error)}")
        self.end(0, migrations=migrations, plan=[*examine(plan, state), *more_databases.labelled(more)])

    def applied(self):
        """Say which migrations the database has."""
        try:
            self.end(0, migrations=describe(), **applied.read(connection))
        except OperationalError as error:
            self.end(FAILED, error=f"the database cannot be reached: {_said(error)}")

    def run(self):
        """Check, take the lock, refuse or migrate."""
        self.check()
        try:
            self.links()
            self.take_lock()
            plan, state = self.plan()
            more = more_databases.pending(examine)
            strict = more_databases.pending(lambda *given: examine(*given, strict=True))
            moved = moving.problem(connection) if plan or more else ""
        except OperationalError as error:
            self.end(FAILED, error=f"the database cannot be reached: {_said(error)}")
        if moved:
            self.end(FAILED, error=moved)
        # A database where nothing was applied has no release that could break.
        first = not state.models
        verdict = judge(self.given.trial, examine(plan, state.clone()), examine(plan, state, strict=True))
        judged = more_databases.judged(self.given.trial.get("more") or {}, more, strict)
        others = more_databases.labelled({alias: own["decided"] for alias, own in judged.items()})
        for name, reasons in {**verdict["decided"], **others}.items():
            self.say(f"  to apply: {name}" + "".join(f"\n      {reason}" for reason in reasons))
        breaking = {} if first else {name: reasons for name, reasons in verdict["decided"].items() if reasons}
        breaking |= {name: reasons for name, reasons in others.items() if reasons}
        said = {"plan": [*verdict["decided"], *others], "breaking": breaking, "reasons": verdict["recorded"]}
        kinds = more_databases.labelled({alias: own["kinds"] for alias, own in judged.items()})
        said |= {"kinds": verdict["kinds"] | kinds, "packages": packages(breaking)}
        if breaking and not self.given.allow_breaking:
            self.end(REFUSED, **said)
        if self.given.plan_only:
            self.end(0, applied=[], **said)
        self.migrate(plan, said)
        try:
            more_databases.migrate(more, self.given.attempts, self.say)
        except Exception as error:
            self.say("")
            self.end(FAILED, plan=said["plan"], error=f"migrate: {type(error).__name__}: {_said(error)}")
        self.end(0, applied=said["plan"], **said)

    def migrate(self, plan, said):
        """Apply the migrations, again where a lock was not to be had."""
        wanted = indexes.made(plan)
        for attempt in range(1, self.given.attempts + 1):
            try:
                whole = indexes.clear(connection, wanted, self.say)
                with indexes.keeping(whole, self.say):
                    call_command("migrate", interactive=False, verbosity=1, stdout=sys.stdout)
                return
            except OperationalError as error:
                # After what Django began a line with.
                self.say("")
                if _code(error) not in AGAIN or attempt == self.given.attempts:
                    self.tidy(wanted)
                    self.end(FAILED, plan=said["plan"], error=f"migrate: {_said(error)}")
                self.say(f"  attempt {attempt}: {str(error).strip()}; trying again")
                connection.close()
                time.sleep(2 * attempt)
            except Exception as error:
                self.say("")
                partly = self.interrupted(plan) if _code(error) in THERE_ALREADY else ""
                self.tidy(wanted)
                self.end(
                    FAILED,
                    plan=said["plan"],
                    partly=partly,
                    error=f"migrate: {type(error).__name__}: {_said(error)}",
                )

    def tidy(self, wanted):
        """Leave no unfinished index: it costs each writer, and serves no query. The next run does it where this one can't."""
        try:
            connection.close()
            indexes.clear(connection, wanted, self.say)
        except DatabaseError as error:
            self.say(f"  {str(error).strip()}: the next run drops it")

    def interrupted(self, plan):
        """The migration that is not atomic and that failed now; empty where the failed one is."""
        connection.close()
        done = MigrationRecorder(connection).applied_migrations()
        failed = next((one for one in plan if (one.app_label, one.name) not in done), None)
        return f"{failed.app_label}.{failed.name}" if failed is not None and not failed.atomic else ""
