"""Numbers that a benchmark takes from the environment."""

from __future__ import annotations

import os


def whole_number(name: str, default: int) -> int:
    """The variable ``name`` as a whole number, ``default`` where it is not set.

    Raises:
        SystemExit: it is something else; the message says so.
    """
    return whole_numbers(name, str(default))[0]


def whole_numbers(name: str, default: str) -> tuple[int, ...]:
    """The variable ``name`` as whole numbers with commas between them.

    Raises:
        SystemExit: it is something else; the message says so.
    """
    value = os.environ.get(name) or default
    if not all(one.strip().isdecimal() for one in value.split(",")):
        raise SystemExit(f"make: {name}={value} will not do: give a whole number, as in {name}={default}.")
    return tuple(int(one) for one in value.split(","))
