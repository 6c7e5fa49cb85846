# SPDX-License-Identifier: MIT
"""What a tool found, and whether there is a reason that it stays."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

REASONS = Path(__file__).resolve().parent / "reasons.yml"


@dataclass(frozen=True)
class Finding:
    """One thing that a tool does not like.

    Attributes:
        tool: its name.
        host: of the lab.
        name: of the finding, the same in each run.
        text: what the tool says.
    """

    tool: str
    host: str
    name: str
    text: str


@dataclass(frozen=True)
class Reason:
    """Why findings of a tool stay. ``name`` and ``host`` may have ``*``."""

    tool: str
    name: str
    why: str
    host: str = "*"
    # Whether the finding comes and goes by itself; such a reason is never stale.
    sometimes: bool = False
    # Whether the tool is told to leave the test out, as it can't apply to a host of the lab; it has no finding then.
    left_out: bool = False

    def explains(self, finding: Finding) -> bool:
        """Whether it is about this finding."""
        return (
            self.tool == finding.tool
            and fnmatch.fnmatchcase(finding.name, self.name)
            and fnmatch.fnmatchcase(finding.host, self.host)
        )


@dataclass(frozen=True)
class Judgement:
    """Findings without a reason, those with one, reasons that explain nothing any more, and tests that were left out."""

    open: list[Finding]
    explained: list[tuple[Finding, Reason]]
    stale: list[Reason]
    left_out: list[Reason]


def read_reasons(path: Path = REASONS) -> list[Reason]:
    """The reasons of the file.

    Raises:
        ValueError: an entry says nothing, or has a key too many.
    """
    entries: dict[str, list[dict[str, Any]]] = yaml.safe_load(path.read_text()) or {}
    found = []
    for tool, reasons in entries.items():
        for entry in reasons:
            if (
                set(entry) - {"name", "host", "why", "sometimes", "left_out"}
                or not str(entry.get("why", "")).strip()
                or not entry.get("name")
            ):
                raise ValueError(
                    f"{path.name}, {tool}: {entry} needs a name and a why, and may have a host, sometimes and left_out"
                )
            flags = bool(entry.get("sometimes")), bool(entry.get("left_out"))
            found.append(
                Reason(tool, str(entry["name"]), " ".join(str(entry["why"]).split()), entry.get("host", "*"), *flags)
            )
    return found


def judge(findings: Iterable[Finding], reasons: Iterable[Reason], tools: Iterable[str]) -> Judgement:
    """Hold findings against reasons.

    Args:
        findings: of this run.
        reasons: all there are.
        tools: those that ran: a reason for another one is not stale.
    """
    reasons, tools = list(reasons), set(tools)
    still, explained, used = [], [], set()
    for finding in findings:
        reason = next((one for one in reasons if one.explains(finding)), None)
        if reason is None:
            still.append(finding)
        else:
            explained.append((finding, reason))
            used.add(reason)
    idle = [one for one in reasons if one.tool in tools and one not in used and not one.sometimes]
    return Judgement(still, explained, [one for one in idle if not one.left_out], [one for one in idle if one.left_out])


def profile(reasons: Iterable[Reason]) -> str:
    """A profile of lynis (``custom.prf``) without the tests that are left out."""
    return "".join(f"skip-test={one.name}\n" for one in reasons if one.tool == "lynis" and one.left_out)
