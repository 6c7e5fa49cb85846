# SPDX-License-Identifier: MIT
"""Parameters of a parameter group of RDS: what has to be set, and when it holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

# modify_db_parameter_group takes no more in one call.
MOST = 20
TRUE, FALSE = ("true", "on", "yes"), ("false", "off", "no")


class ParameterError(Exception):
    """A parameter that the group does not take; the message names it."""


def plan(known: Iterable[Mapping[str, Any]], wanted: Mapping[str, Any]) -> list[dict[str, str]]:
    """What has to be set, in the words of ``modify_db_parameter_group``.

    Args:
        known: the parameters of the group, as ``describe_db_parameters`` lists them.
        wanted: values by name.

    Raises:
        ParameterError: the group has no such parameter, or RDS lets nobody change it.
    """
    by_name = {one["ParameterName"]: one for one in known}
    unknown = sorted(set(wanted) - set(by_name))
    if unknown:
        raise ParameterError(
            f"the group has no parameter {', '.join(unknown)}: look at its names in the console of RDS"
        )
    fixed = sorted(name for name in wanted if not by_name[name].get("IsModifiable", True))
    if fixed:
        raise ParameterError(f"RDS lets nobody change {', '.join(fixed)}: leave it out")
    return [
        {
            "ParameterName": name,
            "ParameterValue": value,
            # A static parameter is refused with `immediate`.
            "ApplyMethod": "immediate" if by_name[name].get("ApplyType") == "dynamic" else "pending-reboot",
        }
        for name, value in sorted((name, text(wanted[name], by_name[name])) for name in wanted)
        if value != by_name[name].get("ParameterValue")
    ]


def text(value: Any, parameter: Mapping[str, Any]) -> str:
    """A value as RDS keeps it: switches are 1 and 0."""
    if parameter.get("DataType") == "boolean":
        return {**dict.fromkeys(TRUE, "1"), **dict.fromkeys(FALSE, "0")}.get(str(value).lower(), str(value))
    return str(value)


def parts(changes: list[dict[str, str]]) -> list[list[dict[str, str]]]:
    """The changes, in as many calls as they need."""
    return [changes[first : first + MOST] for first in range(0, len(changes), MOST)]
