# SPDX-License-Identifier: MIT
"""Errors of host_config. Knows how they read, not where they come from."""

from __future__ import annotations

from typing import Any


class HostConfigError(Exception):
    """Something the user has to know; `details` become fields of the task's result."""

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.details = details


def describe_error(error: BaseException) -> str:
    """One sentence, with the path for errors of the system."""
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename2 or error.filename}: {error.strerror}."
    return str(error)
