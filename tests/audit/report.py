# SPDX-License-Identifier: MIT
"""The audit as data, as a page, and as the table of docs/security.md."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from tests.audit.findings import Judgement

REASONS = "tests/audit/reasons.yml"
BEGIN, END = "<!-- audit:begin -->", "<!-- audit:end -->"
LYNIS_GOAL = 85
LOOKS_AT = {
    "ssh-audit": "sshd, from outside",
    "sslyze": "TLS, against Mozilla's intermediate configuration",
    "nmap": "all TCP ports from another host, against `network_flows`",
    "systemd": "services that run, at most 2.5",
    "gixy": "nginx's configuration",
    "lynis": "the host as a whole",
    "openscap": "the database host, against ANSSI-BP-028, intermediary",
}


def table(judgement: Judgement, indexes: Mapping[str, int], tools: Iterable[str], day: str) -> str:
    """The table, in Markdown."""
    still = Counter(one.tool for one in judgement.open)
    explained = Counter(finding.tool for finding, _ in judgement.explained)
    rows = [f"| {one} | {LOOKS_AT[one]} | {still[one]} | {explained[one]} |" for one in tools]
    reached = ", ".join(f"{index} on {host}" for host, index in sorted(indexes.items()))
    missed = "" if all(index >= LYNIS_GOAL for index in indexes.values()) else "; the goal is missed"
    return "\n".join(
        [
            f"`make audit` on {day}: a web host on Debian 13, a database host on Debian 12.",
            "",
            "| tool | looks at | findings without a reason | with one |",
            "| --- | --- | --- | --- |",
            *rows,
            "",
            f"Hardening index of lynis, over the tests that can apply to a container: {reached} (goal {LYNIS_GOAL}{missed}).",
        ]
    )


def page(judgement: Judgement, indexes: Mapping[str, int], tools: Iterable[str], day: str) -> str:
    """All of it on one page, in Markdown."""
    lines = ["# Audit", "", table(judgement, indexes, tools, day)]
    if judgement.open:
        lines += ["", "## Findings without a reason", ""]
        lines += [f"- {one.tool}, {one.host}, `{one.name}`: {one.text}" for one in judgement.open]
    if judgement.stale:
        lines += ["", "## Reasons that explain nothing any more", ""]
        lines += [f"- {one.tool}, {one.host}, `{one.name}`" for one in judgement.stale]
    lines += ["", "## Findings that stay", ""]
    lines += [f"- {one.tool}, {one.host}, `{one.name}`: {one.text}. {why.why}" for one, why in judgement.explained]
    lines += ["", "## Tests that were left out", ""]
    lines += [f"- {one.tool}, `{one.name}`: {one.why}" for one in judgement.left_out]
    return "\n".join(lines) + "\n"


def write(
    directory: Path, docs: Path, judgement: Judgement, indexes: Mapping[str, int], tools: Iterable[str], day: str = ""
) -> None:
    """Write ``audit.json`` and ``audit.md`` into a directory, and the table between the marks of a page of the docs."""
    day = day or datetime.now(UTC).date().isoformat()
    tools = list(tools)
    data = {
        "date": day,
        "lynis": dict(indexes),
        "open": [asdict(one) for one in judgement.open],
        "explained": [{**asdict(one), "why": reason.why} for one, reason in judgement.explained],
        "stale": [asdict(one) for one in judgement.stale],
        "left_out": [asdict(one) for one in judgement.left_out],
    }
    (directory / "audit.json").write_text(json.dumps(data, indent=2) + "\n")
    (directory / "audit.md").write_text(page(judgement, indexes, tools, day))
    text = docs.read_text()
    begin, end = text.index(BEGIN) + len(BEGIN), text.index(END)
    docs.write_text(text[:begin] + "\n" + table(judgement, indexes, tools, day) + "\n" + text[end:])
