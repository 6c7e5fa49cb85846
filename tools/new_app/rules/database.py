"""Where its database is."""

from __future__ import annotations

import ast
import re

from tools.new_app.project import Draft, Project
from tools.new_app.settings import Value, variables_in

# Ends of names, and what each is given.
PARTS = {
    "HOST": "${database_host}",
    "PORT": "${database_port}",
    "NAME": "${database_name}",
    "USER": "${database_user}",
    "PASSWORD": "${database_password}",
}


def database(project: Project, draft: Draft) -> None:
    """From the variables that the settings read, or set by the product."""
    value = project.settings.get("DATABASES")
    if value is None or not value.variables:
        draft.manage("database", _fixed(value, draft))
        return
    _environment(value, draft)
    if any("sqlite" in text for text in value.strings()) and not value.conditional:
        draft.found.append("SQLite is the database's default; on a server the environment names PostgreSQL.")


def _environment(value: Value, draft: Draft) -> None:
    variables = value.variables
    if isinstance(value.node, ast.Dict):
        names = [key.value if isinstance(key, ast.Constant) else "" for key in value.node.keys]
        if "default" in names:
            variables = variables_in(value.node.values[names.index("default")]) or variables
        if len(names) > 1:
            several = ", ".join(str(one) for one in names if one)
            draft.open.append(
                f"It has several databases ({several}): this repository brings the one that is 'default'."
            )
    # As in `if os.getenv("DB") == "postgres":`.
    chosen = re.search(r"== ['\"]([\w.]+)['\"]$", value.condition_text)
    if chosen and value.condition:
        for variable in variables_in(value.condition):
            draft.give(variable, chosen[1])
    for variable in variables:
        if variable.name.endswith(("DATABASE_URL", "DB_URL", "POSTGRES_URL")) or variable.name == "DATABASE":
            draft.give(variable, "${database_url}", secretly=True)
            return
    # One variable for each part: PGHOST, DB_NAME, POSTGRES_PASSWORD, RDS_HOSTNAME.
    for variable in variables:
        name = variable.name
        for part, placeholder in PARTS.items():
            if re.search(rf"{part}(NAME)?$", name) and not (part == "NAME" and name.endswith(("HOSTNAME", "USERNAME"))):
                draft.give(variable, placeholder, secretly=part == "PASSWORD")
                break
        else:
            if name.endswith(("_DB", "DATABASE")):
                draft.give(variable, "${database_name}")
            elif name.endswith("ENGINE"):
                draft.give(variable, "django.db.backends.postgresql")


def _fixed(value: Value | None, draft: Draft) -> str:
    if value is None:
        return "DATABASES is not set"
    engine = next((text for text in value.strings() if "." in text and "db" in text.lower()), "")
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
        draft.open.append(
            "It uses PostGIS: managed_settings would choose the plain engine. Read DATABASE_URL in the settings instead."
        )
    return "DATABASES is fixed" + (f" ({engine})" if engine else "")
