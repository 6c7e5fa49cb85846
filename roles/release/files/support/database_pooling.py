# SPDX-License-Identifier: MIT
"""What of a release can't live with the pooler of its host: asked of its settings and its code, before it gets visitors.

In transaction mode a connection to the server is lent for one transaction. Whatever a session keeps beyond it is lost, or, worse, is
there for the next client: cursors of the server, SET, advisory locks, LISTEN. docs/pooling.md lists what that means for projects.
"""

import os
import re
from pathlib import Path

from django.conf import settings

SOCKETS = "/run/pgbouncer/"
CONFIGURATION = "/etc/pgbouncer"
TRANSACTION = "transaction"
# Backends that set the schema of each tenant for the session: with a shared one a tenant would see another's rows.
TENANTS = ("django_tenants", "tenant_schemas", "django_pgschemas")
# Applications that wait for notifications, which need a session of their own.
LISTENERS = ("procrastinate.contrib.django", "pgpubsub", "channels_postgres", "dramatiq_pg")
# What in a project's own code needs a session; in quotes, as SQL stands in Python.
WORDS = {
    "an advisory lock of the session": re.compile(r"\bpg_(try_)?advisory_lock(_shared)?\s*\(", re.IGNORECASE),
    "LISTEN": re.compile(r"""["']\s*LISTEN\s+["{%\w]"""),
    "a schema for the session": re.compile(r"""["']\s*SET\s+(SESSION\s+)?search_path\b""", re.IGNORECASE),
    "a role for the session": re.compile(
        r"""["']\s*SET\s+(SESSION\s+)?(ROLE|SESSION\s+AUTHORIZATION)\b""", re.IGNORECASE
    ),
}
SESSION = "Write pooling: session in the entry (or pooling: none, where it keeps its connection for good)"


def instance(given):
    """The pooler that an alias of DATABASES leads to; empty without one."""
    host = str(given.get("HOST") or "")
    return host[len(SOCKETS) :].strip("/") if host.startswith(SOCKETS) else ""


def mode(name):
    """The mode of a pooler, which is part of its name."""
    return TRANSACTION if f"-{TRANSACTION}" in name else "session"


def setting_problem(alias, given):
    """Why the settings of an alias do not go with its pooler; empty when they do."""
    pooler = instance(given)
    if not pooler:
        return ""
    place, options = f'DATABASES["{alias}"]', given.get("OPTIONS") or {}
    if options.get("options"):
        return (
            f"{place} has OPTIONS['options'] ({options['options']}), which sets what holds for one session, and PgBouncer refuses it. "
            "Set it for the role in PostgreSQL (ALTER ROLE … SET …) and take it out, or write pooling: none in the entry."
        )
    if mode(pooler) != TRANSACTION:
        return ""
    if options.get("assume_role"):
        return f"{place} has OPTIONS['assume_role'], which holds for one session. {SESSION}."
    if str(given.get("ENGINE", "")).startswith(TENANTS):
        return (
            f"{place} has the backend {given['ENGINE']}, which sets the schema of a tenant for the session. {SESSION}."
        )
    if not given.get("DISABLE_SERVER_SIDE_CURSORS"):
        return (
            f"{place} goes through a pooler in transaction mode, where QuerySet.iterator() would lose its cursor. Set "
            f"DISABLE_SERVER_SIDE_CURSORS = True in it. {SESSION}, if it can't."
        )
    return ""


def listener_problem(applications):
    """The first of the project's applications that waits for notifications."""
    found = next((one for one in applications if str(one).startswith(LISTENERS)), "")
    return f"INSTALLED_APPS has {found}, which waits for notifications (LISTEN). {SESSION}." if found else ""


def code_problem(root):
    """The first place in the project's own code that needs a session.

    Args:
        root: directory of the project.
    """
    for path in sorted(Path(root).rglob("*.py")):
        place = path.relative_to(root)
        if any(part in ("tests", "node_modules", "site-packages", "migrations") for part in place.parts):
            continue
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), start=1):
            for what, words in WORDS.items():
                if words.search(line):
                    return (
                        f"{place}, line {number}, asks for {what}, which a pooler in transaction mode does not keep. {SESSION}; or "
                        "pooling: transaction, if it is of no harm there."
                    )
    return ""


def problems(aliases):
    """What of the release can't live with its pooler, in sentences with the remedy.

    Args:
        aliases: DATABASES.
    """
    found = [setting_problem(alias, given) for alias, given in sorted(aliases.items())]
    shared = any(mode(name) == TRANSACTION for given in aliases.values() if (name := instance(given)))
    # Who wrote the mode into the entry has looked.
    if shared and not os.environ.get("MANAGED_DATABASE_POOLING_CHOSEN"):
        found += [listener_problem(settings.INSTALLED_APPS), code_problem(release_root())]
    return list(filter(None, found))


def release_root():
    """Where the project lies: `app` of the release, which the working directory is in."""
    here = Path.cwd()
    return next((one for one in (here, *here.parents) if one.name == "app"), here)


def verified(given):
    """Whether the pooler of an alias verifies its server in full, by its own configuration.

    Returns:
        None where there is no pooler of ours.
    """
    pooler = instance(given)
    if not pooler:
        return None
    try:
        lines = (Path(CONFIGURATION) / pooler / "pgbouncer.ini").read_text().splitlines()
    except OSError:
        return None
    said = [line.partition("=")[2].strip() for line in lines if line.replace(" ", "").startswith("server_tls_sslmode=")]
    # The last one counts.
    return bool(said) and said[-1] == "verify-full"
