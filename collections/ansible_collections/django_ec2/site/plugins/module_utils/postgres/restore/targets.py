# SPDX-License-Identifier: MIT
"""What an operator may ask to restore to: a time with a zone, a transaction, a named restore point, or the latest."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass

TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)[ T]+(\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?)\s*(Z|UTC|[+-]\d\d(?::?\d\d)?)?", re.IGNORECASE
)
# As PostgreSQL takes it: at most 63 bytes. Digits alone are a transaction.
NAME = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9][A-Za-z0-9_.:-]{0,62}")
# The moment in the names of the restore points that deploys make.
STAMP = re.compile(r"-(\d{8}T\d{6})Z-")
FORMS = (
    "a time with its zone ('2026-11-22 10:31:07+00'), a transaction id (73482), the name of a restore point, or latest"
)


class TargetRefused(Exception):
    """What is asked for can't be restored to; the text says what to write instead."""


@dataclass(frozen=True)
class Target:
    """A moment in the life of a cluster.

    ``kind`` is ``latest``, ``time``, ``xid`` or ``name``; ``value`` is what PostgreSQL is given. ``moment``, in seconds since 1970, is when
    it was, as far as that is known.
    """

    kind: str
    value: str = ""
    moment: float | None = None

    @property
    def words(self) -> str:
        """For people."""
        return {
            "latest": "the latest that the repository has",
            "time": self.value,
            "xid": f"transaction {self.value}, with it",
            "name": f"the restore point {self.value}",
        }[self.kind]


def parse(text: str, now: float) -> Target:
    """What an operator wrote.

    Args:
        text: one of FORMS.
        now: seconds since 1970; what lies after it is refused.

    Raises:
        TargetRefused: it is none of these, has no zone, or lies in the future.
    """
    text = str(text).strip()
    if not text:
        raise TargetRefused(f"restore_to is empty: give {FORMS}.")
    if text == "latest":
        return Target("latest")
    if re.fullmatch(r"\d{1,20}", text):
        return Target("xid", text)
    found = TIME.fullmatch(text)
    if found:
        return _time(text, found, now)
    if re.match(r"\d{4}-\d\d", text) or re.match(r"\d\d?:\d\d", text) or not NAME.fullmatch(text):
        raise TargetRefused(f"restore_to '{text}' is nothing that one can restore to: give {FORMS}.")
    return Target("name", text, stamp(text))


def stamp(name: str) -> float | None:
    """When a restore point was made, as its name says it."""
    found = STAMP.search(name)
    if not found:
        return None
    try:
        moment = datetime.datetime.strptime(found[1], "%Y%m%dT%H%M%S")
    except ValueError:
        return None
    return moment.replace(tzinfo=datetime.UTC).timestamp()


def point_name(application: str, release: str, now: float) -> str:
    """The name of the restore point before the migrations of a release: sortable, with its moment, and no longer than PostgreSQL takes."""
    moment = datetime.datetime.fromtimestamp(now, datetime.UTC).strftime("%Y%m%dT%H%M%SZ")
    end = f"-{moment}-{release[:12]}"
    return application[: 63 - len(end)] + end


def _time(text: str, found: re.Match[str], now: float) -> Target:
    zone = found[3]
    if zone is None:
        raise TargetRefused(
            f"restore_to '{text}' has no zone, and another hour than you mean would be restored: write '{text}+00' for UTC, or your own, "
            f"as in '{text}+02'."
        )
    if len(found[2]) == 5:
        raise TargetRefused(f"restore_to '{text}' has no seconds: write '{found[1]} {found[2]}:00{zone}'.")
    offset = "+00:00" if zone.upper() in ("Z", "UTC") else f"{zone[:3]}:{zone[3:].lstrip(':') or '00'}"
    try:
        moment = datetime.datetime.fromisoformat(f"{found[1]}T{found[2]}{offset}")
    except ValueError as error:
        raise TargetRefused(f"restore_to '{text}' is no time: {error}.") from None
    if moment.timestamp() > now:
        said = datetime.datetime.fromtimestamp(now, datetime.UTC).strftime("%Y-%m-%d %H:%M:%S+00")
        raise TargetRefused(
            f"restore_to '{text}' lies in the future: it is {said} now. For all that there is, give latest."
        )
    value = moment.astimezone(datetime.UTC).strftime("%Y-%m-%d %H:%M:%S.%f").rstrip("0").rstrip(".") + "+00"
    return Target("time", value, moment.timestamp())
