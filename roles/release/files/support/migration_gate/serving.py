# SPDX-License-Identifier: MIT
"""What the release that serves uses of the database, and how it gets on with the scratch one. Runs in that release's environment."""

import sys
from wsgiref.util import setup_testing_defaults

from django.apps import apps
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import got_request_exception
from django.db import models, router


def _concrete(model):
    return [field for field in model._meta.local_concrete_fields if field.column]


def _written(field):
    """Whether an INSERT of the model gives the column a value."""
    if isinstance(field, models.AutoField) or getattr(field, "generated", False):
        return False
    # From Django 5.0 on; before, no field has one.
    missing = getattr(models, "NOT_PROVIDED", models.fields.NOT_PROVIDED)
    return getattr(field, "db_default", missing) is missing


def _relation(connection, cursor, table):
    """The name of a table as the catalogs have it, whatever the search path; None where there is none."""
    cursor.execute(
        "SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE c.oid = to_regclass(%s)",
        [connection.ops.quote_name(table)],
    )
    row = cursor.fetchone()
    return row[0] if row else None


def _models(connection):
    for model in apps.get_models(include_auto_created=True):
        if not model._meta.proxy and not model._meta.swapped and router.allow_migrate_model(connection.alias, model):
            yield model


def use(connection):
    """What the models of a database use, by relation: see compare.py. Several models of one table are taken together."""
    found = {}
    with connection.cursor() as cursor:
        for model in _models(connection):
            name = _relation(connection, cursor, model._meta.db_table)
            if name is None:
                continue
            own = found.setdefault(name, {"model": model._meta.label, "columns": {}, "uniques": [], "constraints": []})
            by_name = {field.name: field.column for field in _concrete(model)}
            for field in _concrete(model):
                own["columns"][field.column] = {"null": field.null, "written": _written(field)}
                if field.unique:
                    own["uniques"].append([field.column])
            for together in model._meta.unique_together:
                own["uniques"].append([by_name[one] for one in together if one in by_name])
            for constraint in model._meta.constraints:
                own["constraints"].append(constraint.name)
                fields = getattr(constraint, "fields", ())
                if fields and getattr(constraint, "condition", None) is None:
                    own["uniques"].append([by_name[one] for one in fields if one in by_name])
    return found


def _get(application, host, path):
    """The status of an answer to nginx."""
    path, _, query = path.partition("?")
    environ = {
        "HTTP_HOST": host, "wsgi.url_scheme": "https", "HTTP_X_FORWARDED_PROTO": "https", "PATH_INFO": path,
        "QUERY_STRING": query, "REMOTE_ADDR": "127.0.0.1",
    }  # fmt: skip
    setup_testing_defaults(environ)
    statuses = []
    answer = application(environ, lambda status, _headers, *_error: statuses.append(int(status.split()[0])))
    try:
        for _part in answer:
            pass
    finally:
        answer.close()
    return statuses[-1]


def ask(connection, host, paths):
    """Read each model of a database, and get each path; ``{what: error}``, empty where it went well.

    A scratch database has no rows: a page that needs some fails before the migrations as well, and says nothing.
    """
    answers = {}
    for model in _models(connection):
        try:
            list(model._base_manager.using(connection.alias).all()[:1])
            answers[model._meta.label] = ""
        except Exception as error:
            answers[model._meta.label] = f"{type(error).__name__}: {str(error).strip()[:300]}"
    raised = []

    def note(**_signal):
        raised.append(sys.exc_info()[1])

    got_request_exception.connect(note)
    application = WSGIHandler()
    for path in paths:
        raised.clear()
        try:
            status = _get(application, host, path)
            said = f": {type(raised[-1]).__name__}: {str(raised[-1]).strip()[:300]}" if raised else ""
            answers[path] = f"status {status}{said}" if status >= 500 else ""
        except Exception as error:
            answers[path] = f"{type(error).__name__}: {str(error).strip()[:300]}"
    return answers
