# SPDX-License-Identifier: MIT
"""The logins that take turns when the passwords of databases are replaced, and whether entries follow them.

An entry says who logs in by a value of the secrets (``database.login``). One that says nothing of it would get a new password for
the login that is in use, and the running application would be refused.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.postgres.model import OTHER

Turns = dict[str, dict[str, list[str]]]


def secrets_prefix(alias: str = "") -> str:
    """What the names of a database's secrets begin with: its ``_login``, ``_password`` and ``_owner_password``.

    Args:
        alias: of a further database; empty for the first one.
    """
    return f"database_{alias}" if alias else "database"


def rotating_logins(resolved: Sequence[Mapping[str, Any]]) -> Turns:
    """The two logins of each database that take turns, by application and by the prefix of its secrets."""
    return {
        entry["name"]: {
            secrets_prefix(alias): [one["user"], one["user"] + OTHER] for alias, one in _databases(entry).items()
        }
        for entry in resolved
    }


def turned(secrets: Mapping[str, Any], turns: Turns) -> dict[str, Any]:
    """The secrets with the other login of each database, to see which entries follow."""
    after = copy.deepcopy(dict(secrets))
    applications = after.setdefault("applications", {})
    for name, own in turns.items():
        values = applications.setdefault(name, {})
        for prefix, logins in own.items():
            values[f"{prefix}_login"] = other(logins, values.get(f"{prefix}_login"))
    return after


def other(logins: Sequence[str], current: str | None) -> str:
    """The login whose turn is next."""
    return next(login for login in logins if login != (current or logins[0]))


def rotation_problems(resolved: Sequence[Mapping[str, Any]], secrets: Mapping[str, Any]) -> list[str]:
    """Entries that do not follow a turn of logins, in sentences with the remedy.

    Args:
        resolved: what ``resolve_applications`` makes of the entries with the secrets that ``turned`` returned.
        secrets: these.
    """
    return [problem for entry in resolved for problem in _problems(entry, secrets["applications"][entry["name"]])]


def logins_elsewhere(secrets: Mapping[str, Any], turn: Mapping[str, Mapping[str, str]]) -> list[str]:
    """The applications whose secrets do not have the logins that were written, so they are looked up somewhere else.

    Args:
        secrets: the mapping of that name, as it is looked up now.
        turn: what was written, by application and name.
    """
    applications = secrets.get("applications") or {}
    return [
        application
        for application, written in sorted(turn.items())
        if any((applications.get(application) or {}).get(name) != value for name, value in written.items())
    ]


def _problems(entry: Mapping[str, Any], secrets: Mapping[str, Any]) -> Iterator[str]:
    for alias, one in _databases(entry).items():
        name = f"{secrets_prefix(alias)}_login"
        if one["login"] != secrets[name]:
            place = f"applications.{entry['name']}.{f'databases.{alias}' if alias else 'database'}"
            yield (
                f"{place}.login does not follow the turn of its two logins, so the running application would be refused. "
                f"Write: login: \"{{{{ secrets.applications.{entry['name']}.{name} | default('') }}}}\""
            )


def _databases(entry: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {"": entry["database"], **entry["databases"]}
