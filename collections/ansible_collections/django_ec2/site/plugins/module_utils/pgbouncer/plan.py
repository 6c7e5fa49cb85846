# SPDX-License-Identifier: MIT
"""What a pooler is, and what follows from it: pure functions over what its console and its files say."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

_ENTRY = re.compile(r"^(?P<name>\"(?:[^\"]|\"\")+\"|[^\s=;\[]+)\s*=\s*(?P<rest>.+)$")
_AUTHORITY = re.compile(r"^server_tls_ca_file\s*=\s*(\S+)", re.MULTILINE)
_WORD = re.compile(r"(\w+)\s*=\s*('(?:[^']|'')*'|\S+)")


def parse_databases(text: str) -> dict[str, dict[str, str]]:
    """The entries of a ``[databases]`` section, by the name that applications ask for.

    Args:
        text: of ``target.ini``.
    """
    found: dict[str, dict[str, str]] = {}
    # What stands before the section belongs to pgbouncer.ini's own.
    for line in text.partition("[databases]")[2].splitlines():
        entry = _ENTRY.match(line.strip())
        if entry:
            words = {key: _unquoted(value, "'") for key, value in _WORD.findall(entry["rest"])}
            found[_unquoted(entry["name"], '"')] = words
    return found


def authority(text: str) -> str:
    """The file of the authority that signed the certificates of the servers; empty without one.

    Args:
        text: of ``target.ini``.
    """
    found = _AUTHORITY.search(text.partition("[databases]")[0])
    return found[1] if found else ""


def without(text: str, names: Iterable[str]) -> str:
    """``target.ini`` without some of its databases.

    Args:
        text: of ``target.ini``.
        names: of the databases.
    """
    gone = set(names)
    return "".join(
        line
        for line in text.splitlines(keepends=True)
        if not ((entry := _ENTRY.match(line.strip())) and _unquoted(entry["name"], '"') in gone)
    )


def of_account(rules: str, account: str) -> list[str]:
    """The databases that an account alone may use.

    Args:
        rules: the text of ``hba.conf``.
        account: of an application.
    """
    lines = [line.split() for line in rules.splitlines() if line.startswith("local ")]
    users: dict[str, set[str]] = {}
    for _local, database, user, *_method in lines:
        users.setdefault(database, set()).add(user)
    return sorted(database for database, who in users.items() if who == {account})


def targets(databases: Mapping[str, Mapping[str, str]]) -> list[str]:
    """The servers that entries lead to, as ``host:port``."""
    return sorted({f"{one.get('host', '')}:{one.get('port', '5432')}" for one in databases.values()})


def _unquoted(text: str, mark: str) -> str:
    return text[1:-1].replace(mark * 2, mark) if text.startswith(mark) else text


def paused(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """The databases that hold their clients back.

    Args:
        rows: of ``SHOW DATABASES``.
    """
    return sorted(str(row["name"]) for row in rows if int(row["paused"]))


def standing(rows: Iterable[Mapping[str, Any]]) -> str:
    """Whether a pooler is ``paused``, ``active``, or ``partly`` paused, as after a run that was cut."""
    rows = list(rows)
    held = len(paused(rows))
    if rows and held == len(rows):
        return "paused"
    return "partly" if held else "active"


def refusal_to_pause(instance: str, rows: Iterable[Mapping[str, Any]], record: Mapping[str, Any] | None) -> str:
    """Why a pooler can't be paused now; empty when it can.

    Args:
        instance: of the pooler.
        rows: of its ``SHOW DATABASES``.
        record: what the host remembers of the pause that is on.
    """
    if standing(rows) == "active":
        return ""
    since = f" since {record['since']}, by {record['who']}" if record else ""
    return f"the pooler {instance} is paused already{since}: resume it first (pgbouncer_control, state: resumed)"


def holds(token: str, rows: Iterable[Mapping[str, Any]], record: Mapping[str, Any] | None) -> bool:
    """Whether the pause of a run still holds: nobody resumed, and the pooler was not started anew meanwhile.

    Args:
        token: that the run got when it paused.
        rows: of ``SHOW DATABASES``.
        record: what the host remembers.
    """
    return bool(record) and record["token"] == token and standing(rows) == "paused"


def busy(rows: Iterable[Mapping[str, Any]]) -> str:
    """Who kept a pooler from being paused, in words.

    Args:
        rows: of ``SHOW POOLS``.
    """
    held = [
        f"{row['database']} ({int(row['sv_active'])} connections in use)"
        for row in rows
        if int(row.get("sv_active") or 0)
    ]
    return ", ".join(sorted(held)) or "nothing that the pooler still knows of"


def wrong_targets(rows: Iterable[Mapping[str, Any]], wanted: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Databases of a pooler that do not lead where a file says, as ``name: host:port``.

    Args:
        rows: of ``SHOW DATABASES``.
        wanted: what ``parse_databases`` returned.
    """
    now = {str(row["name"]): f"{row['host'] or ''}:{row['port']}" for row in rows}
    then = {name: f"{one.get('host', '')}:{one.get('port', '5432')}" for name, one in wanted.items()}
    return sorted(f"{name}: {now.get(name, 'missing')}" for name, place in then.items() if now.get(name) != place)
