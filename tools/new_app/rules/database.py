# SPDX-License-Identifier: MIT
"""Where its database is."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tools.new_app.cases import Case, cases, chosen_by
from tools.new_app.expressions import Variable, strings
from tools.new_app.project import Draft, Project
from tools.new_app.rules.files import names_a_file
from tools.new_app.settings import Settings

# Keys of an entry of DATABASES, and ends of names of variables, and what each is given.
PARTS = {
    "HOST": "${database_host}",
    "PORT": "${database_port}",
    "NAME": "${database_name}",
    "USER": "${database_user}",
    "PASSWORD": "${database_password}",
}
# Without these from the environment a database elsewhere is not found.
NEEDED = ("HOST", "NAME", "USER", "PASSWORD")
OPTIONS = {"sslmode": "${database_sslmode}", "sslrootcert": "${database_ca_file}"}
URL = re.compile(r"(^|_)(DATABASE|DB|POSTGRES|POSTGRESQL|PG)_?(URL|URI|DSN)$|^DATABASE$")
ENGINES = "django.db.backends."
SSL = re.compile(r"(^|_)(DB|DATABASE|PG|POSTGRES|POSTGRESQL|SQL).*SSL_?MODE$|^PGSSLMODE$")
AUTHORITY = re.compile(
    r"(^|_)(DB|DATABASE|PG|POSTGRES|POSTGRESQL|SQL).*(SSL_?ROOT_?CERT|SSL_?CA|CA_?CERT)(_FILE|_PATH)?$|^PGSSLROOTCERT$"
)


def database(project: Project, draft: Draft) -> None:
    """From the variables that the settings read, or set by the product."""
    found = list(_found(project.settings))
    if not found:
        draft.manage("database", "DATABASES is not set")
        return
    _several(project.settings, draft)
    best = max(found, key=lambda case: _weight(project.settings, case))
    given = _given(project, best)
    if given is None:
        draft.manage("database", _reason(project.settings, best, draft))
        return
    for variable, value in given:
        draft.give(variable, value, secretly=value in ("${database_url}", "${database_password}"))
    for name, variable in project.settings.variables.items():
        if SSL.search(name):
            draft.give(variable, OPTIONS["sslmode"])
        elif AUTHORITY.search(name):
            draft.give(variable, OPTIONS["sslrootcert"])
    if any("sqlite" in text for case in found for text in strings(case.node)):
        names = ", ".join(variable.name for variable, _ in given)
        draft.found.append(
            f"Without {names} it would fall back to SQLite, in a place that a release cannot write: the entry sets them."
        )


def _found(settings: Settings) -> Iterator[Case]:
    """The cases of the database that is `default`, of everything that DATABASES is set to."""
    for value in settings.assigned.get("DATABASES", []):
        own = ((value.condition, value.holds),) if value.condition is not None else ()
        for whole in cases(settings, value.node):
            if isinstance(whole.node, ast.Dict):
                node = _of(whole.node, "default")
                inner = list(cases(settings, node)) if node is not None else []
            else:
                inner = [Case(whole.node)]
            for case in inner:
                yield Case(case.node, (*own, *whole.tests, *case.tests))


def _of(node: ast.Dict, name: str) -> ast.expr | None:
    for key, value in zip(node.keys, node.values, strict=True):
        if isinstance(key, ast.Constant) and key.value == name:
            return value
    return None


def _weight(settings: Settings, case: Case) -> int:
    """How much a case says about a server."""
    variables = settings.variables_of(case.node)
    if any(URL.search(one.name) for one in variables):
        return 4
    texts = strings(case.node)
    postgres = any("postgres" in text or "postgis" in text for text in texts)
    if variables:
        return 3 if postgres else 1 if any("sqlite" in text for text in texts) else 2
    return 1 if postgres else 0


def _given(project: Project, case: Case) -> list[tuple[Variable, str]] | None:
    """What each variable is given; None where the environment does not decide where the database is."""
    settings = project.settings
    switches = [one for test, holds in case.tests if (one := chosen_by(settings, test, holds))]
    variables = settings.variables_of(case.node)
    url = next((one for one in variables if URL.search(one.name)), None)
    if url is not None:
        return _unique([*switches, (url, "${database_url}")])
    parts = _by_key(settings, case.node) if isinstance(case.node, ast.Dict) else _by_name(variables)
    if not all(key in parts for key in NEEDED):
        return None
    given = [(variable, PARTS[key]) for key, variable in parts.items() if key in PARTS]
    if "ENGINE" in parts and isinstance(case.node, ast.Dict):
        given.append((parts["ENGINE"], _engine(project, _of(case.node, "ENGINE"))))
    return _unique([*given, *switches, *_options(settings, case.node)])


def _unique(given: list[tuple[Variable, str]]) -> list[tuple[Variable, str]]:
    """The first value of each variable: a part of the database before what a condition compares it with."""
    known = {}
    for variable, value in sorted(given, key=lambda one: not one[1].startswith("${")):
        known.setdefault(variable.name, (variable, value))
    return [known[name] for name in dict.fromkeys(variable.name for variable, _ in given)]


def _by_key(settings: Settings, node: ast.Dict) -> dict[str, Variable]:
    """The variable of each part, by its key in the mapping."""
    found = {}
    for part in (*PARTS, "ENGINE"):
        value = _of(node, part)
        variables = settings.variables_of(value) if value is not None else []
        own = [one for one in variables if not names_a_file(one.name)]
        if own:
            found[part] = own[0]
    return found


def _by_name(variables: list[Variable]) -> dict[str, Variable]:
    """The same of a call: PGHOST, DB_NAME, POSTGRES_PASSWORD, RDS_HOSTNAME, LD_DB_DATABASE."""
    found: dict[str, Variable] = {}
    for variable in variables:
        name = variable.name
        for part in PARTS:
            if re.search(rf"{part}(NAME)?$", name) and not (part == "NAME" and name.endswith(("HOSTNAME", "USERNAME"))):
                found.setdefault(part, variable)
                break
        else:
            if name.endswith(("_DB", "DATABASE")):
                found.setdefault("NAME", variable)
    return found


def _engine(project: Project, node: ast.expr | None) -> str:
    """The value of a variable that chooses the engine: the whole name, or its end where the settings write the beginning."""
    kind = "postgis" if "django.contrib.gis" in project.settings.strings("INSTALLED_APPS") else "postgresql"
    whole = f"django.contrib.gis.db.backends.{kind}" if kind == "postgis" else f"{ENGINES}{kind}"
    begun = node is not None and any(text.endswith("backends.") for text in strings(node))
    return kind if begun else whole


def _options(settings: Settings, node: ast.expr) -> list[tuple[Variable, str]]:
    """What OPTIONS says of TLS, from variables."""
    found = []
    options = _of(node, "OPTIONS") if isinstance(node, ast.Dict) else None
    for case in cases(settings, options) if options is not None else ():
        for key, value in OPTIONS.items():
            one = _of(case.node, key) if isinstance(case.node, ast.Dict) else None
            variables = settings.variables_of(one) if one is not None else []
            found += [(variables[0], value)] if variables else []
    return found


def _several(settings: Settings, draft: Draft) -> None:
    value = settings.get("DATABASES")
    names = [one.value for one in value.node.keys if isinstance(one, ast.Constant)] if (
        value and isinstance(value.node, ast.Dict)
    ) else []  # fmt: skip
    if len(names) > 1:
        several = ", ".join(str(one) for one in names)
        draft.open.append(
            f"It has several databases ({several}): 'default' is the one of this entry; docs/applications.md says how others are given."
        )


def _reason(settings: Settings, case: Case, draft: Draft) -> str:
    """Why the product sets DATABASES, and what its owner has to know of that."""
    texts = strings(case.node)
    engine = next((text for text in texts if "." in text and "db" in text.lower()), "")
    if "sqlite" in engine:
        draft.open.append(
            "It runs on SQLite so far, and on PostgreSQL here: data is not carried over (manage.py dumpdata, loaddata)."
        )
        return "DATABASES is an SQLite file"
    if "mysql" in engine or "oracle" in engine:
        draft.open.append(
            f"It is written for {engine.rpartition('.')[2]}, and gets PostgreSQL here: look for SQL of its own, and carry the data over."
        )
        return f"DATABASES is fixed ({engine})"
    if "postgis" in engine:
        draft.questions.append(
            "It uses PostGIS, and managed_settings would choose the plain engine: have the settings read DATABASE_URL, or set DATABASES "
            "in 'settings'."
        )
    parts = (
        _by_key(settings, case.node) if isinstance(case.node, ast.Dict) else _by_name(settings.variables_of(case.node))
    )
    missing = [key for key in NEEDED if key not in parts]
    if parts and len(missing) < len(NEEDED):
        return f"DATABASES takes {', '.join(missing)} from no variable of the environment"
    return "DATABASES is fixed" + (f" ({engine})" if engine else "")
