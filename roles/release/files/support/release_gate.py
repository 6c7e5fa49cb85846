# SPDX-License-Identifier: MIT
"""Migrations of a release: what they do to the release that still serves, and the one place that runs them.

    python release_gate.py describe   the project's migrations and what in each breaks a release before it (no database)
    python release_gate.py prepare    the same, the checks of Django, and which migrations the database lacks; changes nothing
    python release_gate.py migrate    checks, refuses what breaks, and migrates, one at a time and with time limits
    python release_gate.py links      as the application: how it is connected, and what of it can't live with a pooler
    python release_gate.py applied    which migrations the database has, and how each is taken back; changes nothing
    python release_gate.py serving    in the release that serves: what its models use, and whether it works on a scratch database
    python release_gate.py try        the pending migrations on a scratch database, and what they break

Runs in a release's own environment, with DJANGO_SETTINGS_MODULE set. Prints one JSON document as the last line. `serving` and `try`
read what they need as JSON from standard input. What each does is in the package migration_gate beside this file.
"""

import argparse
import json
import sys

import database_links
import database_pooling
import django
from django.db import DatabaseError, connections
from migration_gate import serving, walls
from migration_gate.run import Gate
from migration_gate.text import describe
from migration_gate.trial import Trial


def main():
    """Entry point."""
    parser = argparse.ArgumentParser()
    parser.add_argument("action", choices=["describe", "prepare", "links", "migrate", "applied", "serving", "try"])
    parser.add_argument("--allow-breaking", action="store_true", help="migrate though the release that serves breaks")
    parser.add_argument("--plan-only", action="store_true", help="say what would be done")
    parser.add_argument("--lock-timeout", default="5s", help="PostgreSQL's lock_timeout")
    parser.add_argument("--statement-timeout", default="0", help="PostgreSQL's statement_timeout; 0 is none")
    parser.add_argument("--attempts", type=int, default=3, help="attempts when a lock is not to be had")
    parser.add_argument("--wait", type=int, default=60, help="seconds to wait for another one who migrates")
    parser.add_argument("--trial", type=json.loads, default={}, help="what `try` found, as JSON")
    given = parser.parse_args()
    if given.action in ("serving", "try"):
        print(json.dumps(on_scratch(given.action, json.load(sys.stdin))))
        return
    django.setup()
    if given.action == "describe":
        print(json.dumps(describe()))
        return
    if given.action == "links":
        print(json.dumps(links()))
        return
    Gate(given).act(given.action)


def links():
    """Why the application's own links must not become live, as ``error``."""
    problems = database_pooling.problems({alias: connections[alias].settings_dict for alias in connections})
    if not problems:
        try:
            problems = database_links.examine(print)
        except DatabaseError as error:
            problems = [f"the application can't reach its database: {str(error).strip()}"]
    return {"error": " ".join(problems)} if problems else {"links": "good"}


def on_scratch(action, given):
    """One of the two actions that ask a scratch database; ``{"error": …}`` where they cannot.

    Args:
        action: ``serving`` or ``try``.
        given: ``database``, the scratch one, and ``alias``, which one of DATABASES it stands for. For ``serving`` ``host`` and ``paths``
            of the pages to ask for; for ``try`` ``used``, what ``serving`` found.
    """
    # Of this directory the package is needed alone: what else a project imports is its own release's.
    sys.path.pop(0)
    try:
        walls.redirect(given["database"], given["alias"])
        django.setup()
        walls.close(given["database"], given["alias"])
        connection = connections[given["alias"]]
        if action == "serving":
            return {"used": serving.use(connection), "answers": serving.ask(connection, given["host"], given["paths"])}
        return Trial(connection, given["used"]).run()
    except Exception as error:
        return {"error": f"{type(error).__name__}: {str(error).strip()[:500]}"}


if __name__ == "__main__":
    main()
