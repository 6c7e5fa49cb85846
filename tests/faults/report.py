"""What was measured, as JSON and as the tables of docs/reliability.md.

The figures of a run are kept beside those of earlier runs of other faults, so that one fault can be measured again
(``make test-faults ONLY=frozen``). The page gets its tables when every fault and every cut was measured.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.bench.labs import PROJECT
from tests.faults.crowd import Outcome
from tests.faults.cuts import PATHS, POINTS, Cut
from tests.faults.faults import FAULTS

FIGURES = PROJECT / "build" / "faults" / "faults.json"
PAGE = PROJECT / "docs" / "reliability.md"
BEGIN = "<!-- made by make test-faults -->\n"
END = "<!-- end of what make test-faults made -->\n"

Figures = dict[str, dict[str, Any]]


def read() -> Figures:
    """What was measured so far, by names."""
    return json.loads(FIGURES.read_text()) if FIGURES.exists() else {}


def keep(name: str, one: Outcome, **more: Any) -> None:
    """Note what a fault or a cut did; in place of what an earlier run noted of it."""
    figures = read()
    figures[name] = {"when": time.strftime("%Y-%m-%d %H:%M", time.gmtime()), **asdict(one), **more}
    FIGURES.parent.mkdir(parents=True, exist_ok=True)
    FIGURES.write_text(json.dumps(figures, indent=2) + "\n")


def keep_cut(number: int, cut: Cut, one: Outcome, problems: list[str]) -> None:
    """Note what a killed run did."""
    keep(f"{cut.playbook} {number}", one, share=round(cut.share, 3), last=cut.last, whole=cut.whole, problems=problems)


def seen(one: dict[str, Any]) -> str:
    """What visitors saw, in a cell."""
    if not one["failed"]:
        return "nothing"
    kinds = ", ".join(f"{count} × {kind}" for kind, count in sorted(one["kinds"].items(), key=lambda pair: -pair[1]))
    return f"{kinds} ({one['hosts'][0]} alone)" if len(one["hosts"]) == 1 else kinds


def fault_rows(figures: Figures) -> list[str]:
    """The table of faults."""
    rows = [
        "| what fails | requests | failed | seconds until the last failed | of them after it was healed | slowest good answer, s | "
        "acknowledged writes lost | what brings it back |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, fault in FAULTS.items():
        if name in figures:
            one = figures[name]
            after = f"{one['after']:g}" if fault.hold else "–"
            rows.append(
                f"| {fault.what} | {one['requests']} | {seen(one)} | {one['seconds']:g} | {after} | {one['worst']:g} | {one['lost']} "
                f"| {fault.back} |"
            )
    return rows


def cut_rows(figures: Figures) -> list[str]:
    """The table of killed controllers, a line for each playbook."""
    rows = [
        "| controller killed in | points | the next run ended as the first would have | requests | failed | acknowledged writes lost |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for playbook in PATHS:
        own = [one for name, one in figures.items() if name.startswith(f"{playbook} ")]
        total = {
            "failed": sum(one["failed"] for one in own),
            "kinds": sum((Counter(one["kinds"]) for one in own), Counter()),
            "hosts": sorted({host for one in own for host in one["hosts"]}),
        }
        good = sum(1 for one in own if not one["problems"])
        requests, lost = (sum(one[key] for one in own) for key in ("requests", "lost"))
        rows.append(f"| `{playbook}` | {len(own)} | {good} | {requests} | {seen(total)} | {lost} |")
    return rows


def complete(figures: Figures) -> bool:
    """Whether nothing is missing from the tables."""
    return set(figures) >= {*FAULTS, *(f"{playbook} {number}" for playbook in PATHS for number in range(POINTS))}


def write() -> str:
    """The tables; a page of the documentation gets them when nothing is missing."""
    figures = read()
    text = "\n\n".join("\n".join(rows) for rows in (fault_rows(figures), cut_rows(figures))) + "\n"
    if complete(figures):
        put(PAGE, text)
    return text


def put(page: Path, text: str, begin: str = BEGIN, end: str = END) -> None:
    """Put tables into a page, between two marks."""
    head, _, rest = page.read_text().partition(begin)
    _old, _, tail = rest.partition(end)
    page.write_text(f"{head}{begin}\n{text}\n{end}{tail}")
