"""What was seen of faults of the database: a row each in the table of docs/reliability.md, as soon as its test has passed.

Rows that a run does not make again stay as they are.
"""

from __future__ import annotations

from pathlib import Path

from tests.faults.report import PAGE, put

BEGIN = "<!-- made by make test-faults: the database -->\n"
END = "<!-- end of what make test-faults made of the database -->\n"
HEAD = ["| what fails | what was seen | what ends it |", "| --- | --- | --- |"]
SAME = "the same command again"
# By name: what fails, and what brings it back.
ROWS = {
    "backup-controller": ("backup: the controller killed", "the next backup"),
    "backup-database": ("backup: the database host without power", "the host boots; the next backup"),
    "backup-repository": ("backup: the repository host without power", "the host boots; the next backup"),
    "backup-full": ("backup: the repository full", "room; the next backup"),
    "backup-log": (
        "archive: the repository full, until the log fills the database's disk",
        "room on the repository host and on the database's disk",
    ),
    "restore-controller": ("restore in place: the controller killed", SAME),
    "restore-database": ("restore in place: the database host without power while it copies", SAME),
    "restore-switch": ("restore in place: the database host without power while it switches", SAME),
    "restore-repository": ("restore in place: the repository host without power while it copies", SAME),
    "restore-database-gone": (
        "restore in place: the database host without power while it copies, for good",
        "the host boots; " + SAME,
    ),
    "restore-repository-gone": (
        "restore in place: the repository host without power while it copies, for good",
        "the host boots; " + SAME,
    ),
    "restore-full": ("restore in place: the disk full while it copies", "room; " + SAME),
    "lost": (
        "the database host and the controller lost",
        "`database_restore.yml` from a fresh clone with the kept secrets",
    ),
    "move-controller": ("move: the controller killed", SAME),
    "move-source": ("move: the database host without power while it copies", SAME),
    "move-source-gone": (
        "move: the database host without power while it copies, for good",
        "the host boots; " + SAME,
    ),
    "move-web-gone": ("move: a web host without power just before the switch, for good", "the host boots; " + SAME),
    "move-target": ("move: the new side killed while it copies", SAME),
    "move-full": ("move: the new side's disk full while it copies", "room; " + SAME),
    "move-first": ("move from RDS to a database host that has nothing yet: the controller killed", SAME),
    "import-full": ("import: the database host's disk full while the dump is restored", "room; " + SAME),
    "import-dump": ("import: no room for the last dump of what is live", "room; " + SAME),
    "import-cut": ("import: the controller killed just before it is live", SAME),
    "upgrade-cancel": ("first upgrade to another host: the controller killed while it copies", "`-e cancel=true`"),
    "upgrade-lives": (
        "first upgrade to another host: the controller killed, and a switch that lives on because a web host is frozen",
        SAME,
    ),
    "upgrade-first": ("first upgrade to another host: the controller killed in each step", SAME),
    "upgrade-later": ("upgrade to another host, and its way back: the controller killed", SAME),
    "upgrade-finish": ("the end of an upgrade to another host: the controller killed", SAME),
    "promotion-controller": ("promotion: the controller killed", SAME),
    "promotion-old": ("promotion: the old primary without power", SAME),
    "promotion-new": ("promotion: the standby without power", SAME),
    "promotion-old-gone": (
        "promotion: the old primary without power, for good",
        "`-e away=<host>`; later `-e confirm_rewind=<host>`",
    ),
    "promotion-new-gone": ("promotion: the standby without power, for good", "the host boots; " + SAME),
    "promotion-new-late": (
        "promotion: the standby without power when the primary has ended, for good",
        "start the old primary's PostgreSQL; `-e to=<it> -e away=<host>`; later remove the other's cluster, if it was promoted",
    ),
    "authority": ("another authority of the project's own: the controller killed while it signs", SAME),
    "promotion-unplanned": ("unplanned promotion: the controller killed", SAME),
}


def note(name: str, seen: str, page: Path = PAGE) -> None:
    """Note what was seen of a row, and what held afterwards."""
    what, end = ROWS[name]
    print(f"\n{what}: {seen}")
    rows = {**noted(page.read_text()), what: f"| {what} | {seen} | {end} |"}
    put(page, "\n".join([*HEAD, *(rows[one] for one, _end in ROWS.values() if one in rows)]) + "\n", BEGIN, END)


def noted(text: str) -> dict[str, str]:
    """The rows that a page has, by what fails in them."""
    lines = text.partition(BEGIN)[2].partition(END)[0].splitlines()
    return {line.split("|")[1].strip(): line for line in lines if line.startswith("| ") and line not in HEAD}
