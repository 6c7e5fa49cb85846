# SPDX-License-Identifier: MIT
"""New passwords for the login of a database whose turn it is: which secrets of an application a rotation replaces, wherever they are."""

from __future__ import annotations

import secrets
import string
from collections.abc import Sequence

ALPHABET = string.ascii_letters + string.digits
LENGTH = 64
# Of each database, behind the prefix of its secrets.
LOGIN, ROTATED = "login", ("password", "owner_password")
# Stands beside them from the first step of a rotation to the last.
PENDING = "rotation_began"


def make_secret() -> str:
    """Letters and digits, so that no file or URL has to quote it."""
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))


def new_values(prefix: str, current: str, turns: Sequence[str]) -> dict[str, str]:
    """The values with which the rotation of a database begins: the login whose turn it is, and its passwords.

    Args:
        prefix: what the names of the database's secrets begin with.
        current: the role that logs in now; empty is the first.
        turns: the two roles that take turns.
    """
    login = next(one for one in turns if one != (current or turns[0]))
    return {f"{prefix}_{LOGIN}": login, **{f"{prefix}_{name}": make_secret() for name in ROTATED}}
