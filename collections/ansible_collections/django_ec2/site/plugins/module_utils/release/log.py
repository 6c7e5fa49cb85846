# SPDX-License-Identifier: MIT
"""What was written about an application on a host: by its processes into the journal, and by nginx into its two files."""

from __future__ import annotations

import calendar
import json
import re
import subprocess
import time
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

ACCESS, ERROR = "/var/log/nginx/access.log", "/var/log/nginx/error.log"
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
ERROR_LINE = re.compile(r"(\d{4}/\d\d/\d\d \d\d:\d\d:\d\d) \[(\w+)\] \d+#\d+: (.*)")

# When (seconds since 1970), who wrote it, what.
Entry = tuple[float, str, str]


def moment(since: str, now: float) -> float:
    """Seconds since 1970 of ``1h`` (ago) or ``2026-11-26T04:00`` (UTC)."""
    if since[-1] in UNITS:
        return now - int(since[:-1]) * UNITS[since[-1]]
    text = since.replace("T", " ")
    form = {10: "%Y-%m-%d", 16: "%Y-%m-%d %H:%M", 19: "%Y-%m-%d %H:%M:%S"}[len(text)]
    return float(calendar.timegm(time.strptime(text, form)))


def journal_words(name: str, units: Iterable[str], since: float, lines: int) -> list[str]:
    """The call of journalctl: what the units wrote, what systemd says of them, and the notes of the manage command."""
    words = ["journalctl", "--output=json", "--no-pager", "--quiet", f"--since=@{int(since)}", f"--lines={lines}"]
    patterns = [f"_SYSTEMD_UNIT={unit}" for unit in units] + [f"UNIT={unit}" for unit in units]
    return [*words, *_either(patterns), "+", f"SYSLOG_IDENTIFIER={name}-manage"]


def _either(words: list[str]) -> list[str]:
    return [part for word in words for part in (("+", word) if word is not words[0] else (word,))]


def journal_entries(lines: Iterable[str]) -> Iterator[Entry]:
    """The entries of ``journalctl --output=json``."""
    for line in lines:
        try:
            found = json.loads(line)
            when = int(found["__REALTIME_TIMESTAMP"]) / 1e6
        except (ValueError, KeyError):
            continue
        message = found.get("MESSAGE") or ""
        # Bytes that are no text come as numbers.
        text = bytes(message).decode(errors="replace") if isinstance(message, list) else str(message)
        unit = found.get("UNIT") or found.get("_SYSTEMD_UNIT") or ""
        identifier = str(found.get("SYSLOG_IDENTIFIER") or "")
        yield when, identifier if identifier.endswith("-manage") else str(unit).removesuffix(".service"), text


def access_entries(lines: Iterable[str], domains: Iterable[str]) -> Iterator[Entry]:
    """The entries of nginx's access log that are about these names."""
    names = {domain.lower() for domain in domains}
    for line in lines:
        try:
            found = json.loads(line)
            if str(found.get("host", "")).lower() not in names:
                continue
            when = calendar.timegm(time.strptime(found["time"][:19], "%Y-%m-%dT%H:%M:%S")) - _offset(found["time"])
            text = f"{found['method']} {found['uri']} {found['status']} in {found['request_time']} s"
            yield float(when), "nginx", text
        except (ValueError, KeyError, TypeError):
            continue


def _offset(text: str) -> int:
    """Seconds that a zone such as +02:00 is ahead of UTC."""
    found = re.search(r"([+-])(\d\d):?(\d\d)$", text)
    return 0 if not found else (int(found[2]) * 3600 + int(found[3]) * 60) * (1 if found[1] == "+" else -1)


def error_entries(lines: Iterable[str], domains: Iterable[str]) -> Iterator[Entry]:
    """The entries of nginx's error log that name these hosts; its times are those of the host's own zone."""
    marks = [mark for domain in domains for mark in (f'host: "{domain}"', f"server: {domain},")]
    for line in lines:
        found = ERROR_LINE.match(line)
        if found and any(mark in line for mark in marks):
            when = time.mktime(time.strptime(found[1], "%Y/%m/%d %H:%M:%S"))
            yield when, "nginx", f"{found[2]}: {found[3]}"


def read_log(name: str, units: list[str], domains: list[str], since: str, lines: int) -> list[Entry]:
    """All of it, the oldest first.

    Args:
        name: of the application.
        units: glob patterns of its units.
        domains: under which it is visited.
        since: see ``moment``.
        lines: how many at most, the last ones.
    """
    start = moment(since, time.time())
    found = list(journal_entries(_journal(name, units, start, lines)))
    for path, entries in ((ACCESS, access_entries), (ERROR, error_entries)):
        kept = deque((entry for entry in entries(_lines(path), domains) if entry[0] >= start), maxlen=lines)
        found += kept
    return sorted(found)[-lines:]


def _journal(name: str, patterns: list[str], since: float, lines: int) -> list[str]:
    # A match of journalctl takes no glob, so the units are listed first.
    listed = subprocess.run(["journalctl", "--field=_SYSTEMD_UNIT"], capture_output=True, text=True, check=False)
    units = [unit for unit in listed.stdout.split() if any(re.fullmatch(pattern, unit) for pattern in patterns)]
    words = journal_words(name, units, since, lines)
    done = subprocess.run(words, capture_output=True, text=True, errors="replace", check=False)
    return done.stdout.splitlines()


def _lines(path: str) -> Iterator[str]:
    try:
        with open(path, errors="replace") as handle:
            yield from handle
    except OSError:
        return


def as_data(entries: list[Entry]) -> list[dict[str, Any]]:
    """Entries as the module answers them."""
    return [{"time": when, "source": source, "text": text} for when, source, text in entries]
