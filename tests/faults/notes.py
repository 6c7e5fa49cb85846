"""What was seen of faults of the database, as JSON and as a table of docs/reliability.md.

Rows of earlier runs stay, so that some of them can be made again; the page gets its table when every row was seen.
"""

from __future__ import annotations

import json
import time

from tests.bench.labs import PROJECT
from tests.faults.report import PAGE, put

FIGURES = PROJECT / "build" / "faults" / "database.json"
BEGIN = "<!-- made by make test-faults: the database -->\n"
END = "<!-- end of what make test-faults made of the database -->\n"
SAME = "the same command again"
# By name: what fails, and what brings it back.
ROWS = {
    "move-controller": ("move: the controller killed", SAME),
    "move-source": ("move: the database host without power while it copies", SAME),
    "move-target": ("move: the new side killed while it copies", SAME),
    "move-full": ("move: the new side's disk full while it copies", "room; " + SAME),
}


def note(name: str, seen: str) -> None:
    """Note what was seen of a row, and what held afterwards."""
    figures = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
    figures[name] = {"when": time.strftime("%Y-%m-%d %H:%M", time.gmtime()), "seen": seen}
    FIGURES.parent.mkdir(parents=True, exist_ok=True)
    FIGURES.write_text(json.dumps(figures, indent=2) + "\n")
    print(f"\n{ROWS[name][0]}: {seen}")
    if set(figures) >= set(ROWS):
        put(PAGE, "\n".join(table(figures)) + "\n", BEGIN, END)


def table(figures: dict[str, dict[str, str]]) -> list[str]:
    """The rows that were seen."""
    rows = ["| what fails | what was seen | what ends it |", "| --- | --- | --- |"]
    return rows + [
        f"| {what} | {figures[name]['seen']} | {end} |" for name, (what, end) in ROWS.items() if name in figures
    ]
