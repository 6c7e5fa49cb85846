# SPDX-License-Identifier: MIT
"""Run the pending migrations in a scratch database, and see in its catalogs what they break for the release that serves."""

import dis
import importlib.metadata
import re
import sys
from contextlib import contextmanager
from pathlib import Path

from django.apps import apps
from django.db import router
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.operations import RunPython, RunSQL

from migration_gate import catalog
from migration_gate.compare import compare, everything
from migration_gate.walls import Walled

CHANGES_ROWS = re.compile(r"\s*(insert|update|delete|merge|truncate|copy)\b", re.IGNORECASE)


def takes_models(code):
    """Whether a function of a RunPython uses its first argument, the models: then it is about rows, which a scratch has none of.

    A function that cannot be looked into is taken for one that does.
    """
    code = getattr(code, "__code__", None)
    if code is None or not code.co_argcount:
        return True
    return code.co_varnames[0] in _loaded(code)


def _loaded(code):
    """Names of the variables that a code object reads, those of the functions in it among them."""
    # dis names them by instruction, which differs from version to version; its argument does not.
    names = set()
    for one in dis.get_instructions(code):
        if one.opname.startswith("LOAD_"):
            names |= set(one.argval) if isinstance(one.argval, tuple) else {one.argval}
    for inner in code.co_consts:
        if hasattr(inner, "co_code"):
            names |= _loaded(inner)
    return names


class Trial:
    """One trial; ``result`` is what the command prints.

    Attributes:
        connection: to the scratch database.
        used: what the serving release's models use (serving.py); None where it could not be asked.
        result: ``plan``, ``judged`` (names of the migrations that ran here to their end), ``findings`` and ``kinds`` of each of
            them, ``not_judged`` (what of them was left out), and ``stopped``: why a migration and those after it did not run.
    """

    def __init__(self, connection, used):
        self.connection = connection
        self.used = used
        self.result = {"plan": [], "judged": [], "findings": {}, "kinds": {}, "not_judged": [], "stopped": ""}
        self.current = ""

    def look(self):
        """The catalog as it is now."""
        with self.connection.cursor() as cursor:
            return catalog.read(cursor)

    @contextmanager
    def in_place(self):
        """Within it, RunPython leaves out what works with models, and statements that change rows are listed."""
        of_python, of_sql = RunPython.database_forwards, RunSQL.database_forwards

        def python_forwards(operation, app_label, schema_editor, from_state, _to_state):
            # As Django's own: which database it is for, the router says.
            if router.allow_migrate(self.connection.alias, app_label, **operation.hints):
                self.run_python(operation, schema_editor, from_state)

        def sql_forwards(operation, *given):
            with self.connection.execute_wrapper(self.rows("RunSQL")):
                of_sql(operation, *given)

        RunPython.database_forwards, RunSQL.database_forwards = python_forwards, sql_forwards
        try:
            yield
        finally:
            RunPython.database_forwards, RunSQL.database_forwards = of_python, of_sql

    def rows(self, what):
        """A wrapper of statements that lists an operation which changes rows: there are none here."""

        def wrapper(execute, sql, parameters, many, context):
            if CHANGES_ROWS.match(str(sql)):
                self.leave_out(f"{what} changes rows")
            return execute(sql, parameters, many, context)

        return wrapper

    def leave_out(self, what):
        """List something of the current migration that was not judged, once."""
        line = f"{self.current}: {what}"
        if line not in self.result["not_judged"]:
            self.result["not_judged"].append(line)

    def run_python(self, operation, schema_editor, from_state):
        """Run a function that does not work with models, and list one that does."""
        if operation.code is RunPython.noop:
            return
        name = getattr(operation.code, "__qualname__", "a function")
        if takes_models(operation.code):
            self.leave_out(f"RunPython {name} works with rows")
            return
        try:
            with self.connection.execute_wrapper(self.rows(f"RunPython {name}")):
                operation.code(from_state.apps, schema_editor)
        except Walled as error:
            raise Walled(f"RunPython {name}: {error}") from error

    def run(self):
        """Migrate one by one, and compare after each with what was before the first."""
        executor = MigrationExecutor(self.connection)
        plan = [one for one, _backwards in executor.migration_plan(executor.loader.graph.leaf_nodes())]
        self.result["plan"] = [f"{one.app_label}.{one.name}" for one in plan]
        before = self.look()
        used = everything(before) if self.used is None else self.used
        state = executor._create_project_state(with_applied_migrations=True)
        seen = set()
        try:
            for migration in plan:
                self.current = f"{migration.app_label}.{migration.name}"
                with self.in_place():
                    state = executor.apply_migration(state, migration)
                new = [one for one in compare(before, self.look(), used) if one not in seen]
                seen.update(new)
                self.result["judged"].append(self.current)
                self.result["findings"][self.current] = [one.text for one in new]
                self.result["kinds"][self.current] = sorted({one.kind for one in new})
        except Exception as error:
            self.result["stopped"] = f"{self.current}: {type(error).__name__}: {str(error).strip()[:500]}"
        return self.result


def packages(names):
    """Of migrations, those that come with a package of others, and which: ``{"account.0005_x": "django-allauth 0.60"}``."""
    found = {}
    known = importlib.metadata.packages_distributions()
    for name in names:
        config = apps.app_configs.get(name.partition(".")[0])
        module = sys.modules.get(config.module.__name__.partition(".")[0]) if config else None
        place = Path(getattr(module, "__file__", None) or "/")
        if "site-packages" in place.parts or place.is_relative_to(sys.prefix):
            distributions = known.get(module.__name__) or [module.__name__]
            try:
                found[name] = f"{distributions[0]} {importlib.metadata.version(distributions[0])}"
            except importlib.metadata.PackageNotFoundError:
                found[name] = distributions[0]
    return found
