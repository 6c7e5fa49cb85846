# SPDX-License-Identifier: MIT
"""What a task says of its work: result, diff and warnings. Knows their form, not how the work is done."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


def nothing_done() -> dict[str, Any]:
    """The result of a task that had nothing to do."""
    return {
        "changed": False,
        "changed_paths": [],
        "digests": {},
        "changed_units": [],
        "changed_sysctl": [],
        "created_users": [],
        "changed_users": [],
        "daemon_reloaded": False,
        "owed": [],
        "remembered": False,
        "skipped_validations": [],
        "triggers": [],
    }


def diff_item(title: str, before: str, after: str) -> dict[str, str]:
    """One item as Ansible's diff mode expects it."""
    return {"before_header": title, "after_header": title, "before": before, "after": after}


@dataclass
class Change:
    """One path that differs from what is wanted."""

    path: str
    triggers: list[str]
    diff: list[dict[str, str]] = field(default_factory=list)
    entry: dict[str, Any] = field(default_factory=dict)


class Report:
    """Filled from the plan; once that is carried out it holds outside check mode, too."""

    def __init__(self) -> None:
        self.result = nothing_done()
        self.diff: list[dict[str, str]] = []
        self.warnings: list[str] = []

    def has_changed(self) -> bool:
        """Whether anything on the host is, or would be, another than before, or an earlier run owes something to it."""
        return any(value for key, value in self.result.items() if key.startswith(("changed_", "created_", "owed")))
