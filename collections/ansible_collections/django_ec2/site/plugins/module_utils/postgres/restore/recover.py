# SPDX-License-Identifier: MIT
"""Fill a cluster beside the live one from the repository, and replay WAL up to the target."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.backups.remedies import explain
from ansible_collections.django_ec2.site.plugins.module_utils.backups.repository import BackupError, info, summary
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.restore import repository
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.restore.clusters import Cluster, tablespaces
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.restore.commands import USER, RestoreFailed, run
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.restore.targets import Target

LOOK = 0.5
ARCHIVE_SECONDS = 60
STATE = (
    "SELECT pg_is_in_recovery(), CASE WHEN pg_is_in_recovery() THEN pg_get_wal_replay_pause_state() ELSE '' END, "
    "coalesce((pg_last_wal_replay_lsn() - '0/0')::text, ''), coalesce(pg_last_xact_replay_timestamp()::text, '')"
)
UNREACHED = "recovery ended before configured recovery target was reached"
OTHER_LINE = "is not a child of this server's history"


class Unreached(RestoreFailed):
    """The WAL ends, or branches off, before the target: an older backup may lead there."""


@dataclass(frozen=True)
class Recovered:
    """What came of it: the backup that was taken, where replay stands (bytes), the last transaction's time, and what is to be said."""

    label: str
    position: int
    last: str
    note: str = ""


def ask_repository(stanza: str) -> repository.Repository:
    """What the repository has now.

    Raises:
        RestoreFailed: it can't be read; the text says why and what to do.
        NoWayThere: it has nothing to restore from.
    """
    try:
        said = info(stanza)
    except BackupError as error:
        raise RestoreFailed(f"read the repository: {error}") from None
    # A repository that does not answer is told as one without backups.
    if problem := summary(said)["problem"]:
        raise RestoreFailed(f"read the repository: {problem}")
    return repository.read(said, stanza)


def mark_end(live: Cluster) -> str:
    """Have all that was committed until now in the archive, and a commit behind it, so that a time is reached that nobody wrote after.

    Returns:
        Why that could not be done; empty when it was.
    """
    if not live.answers():
        return f"{live.unit} does not answer, so what it has not archived is not in the repository"
    live.ask("SELECT pg_current_xact_id()")
    segment = live.ask("SELECT pg_walfile_name(pg_switch_wal())")
    deadline = time.monotonic() + ARCHIVE_SECONDS
    while live.ask("SELECT coalesce(last_archived_wal, '') FROM pg_stat_archiver") < segment:
        if time.monotonic() > deadline:
            return f"{segment} was not archived in {ARCHIVE_SECONDS} s, so the newest changes are not in the repository"
        time.sleep(LOOK)
    return ""


class Recovery:
    """One cluster beside the live one.

    Args:
        stanza: of the repository.
        live: the live cluster, whose configuration is the model.
        side: the cluster that is made.
        data: the directory of its data.
        say: called with what is done, for a log.
    """

    def __init__(
        self, stanza: str, live: Cluster, side: Cluster, data: Path, say: Callable[[str], None] = lambda text: None
    ) -> None:
        self.stanza = stanza
        self.live = live
        self.side = side
        self.data = data
        self.say = say

    def run(self, target: Target, way: repository.Way, pause: bool, **settings: str) -> Recovered:
        """Restore and replay.

        Args:
            target: where to go.
            way: the backups to try, and the timeline.
            pause: stay a standby at the target, that nothing was changed in; otherwise become a server that takes writes.
            settings: for the command line of the cluster.

        Raises:
            RestoreFailed: none of the backups leads there; the text ends with the log's.
        """
        self.side.stop() if self.side.running() else None
        self.side.configure(self.live, self.data, **settings)
        problem: RestoreFailed | None = None
        for label in way.labels:
            try:
                return self._one(label, target, way.timeline, pause)
            except Unreached as error:
                problem = problem or error
                self.side.stop() if self.side.running() else None
        if target.kind != "time":
            raise RestoreFailed(f"none of the backups {', '.join(way.labels)} leads to {target.words}: {problem}")
        # Nothing was committed after it: the end of the archive is what there was at that time.
        found = self._one(way.labels[0], Target("latest"), way.timeline, pause)
        return Recovered(
            found.label,
            found.position,
            found.last,
            f"the archive ends before {target.value}, and was replayed to its end",
        )

    def _one(self, label: str, target: Target, timeline: str, pause: bool) -> Recovered:
        follow = pause and target.kind == "latest"
        self.say(f"restoring {label} to {self.data}")
        self._fill(label, target, timeline, pause, follow)
        self.say(f"replaying WAL to {target.words}")
        start = self.side.log_size()
        self.side.start()
        position, last = self._wait(start, pause, follow)
        return Recovered(label, position, last)

    def _fill(self, label: str, target: Target, timeline: str, pause: bool, follow: bool) -> None:
        """Call pgBackRest; what a cut run left is completed, not copied again."""
        began = any((self.data / name).exists() for name in ("PG_VERSION", "backup.manifest"))
        if not began:
            for path in (self.data, tablespaces(self.data)):
                shutil.rmtree(path, ignore_errors=True)
                path.mkdir(mode=0o700)
                shutil.chown(path, USER, USER)
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        words = [
            "pgbackrest", f"--stanza={self.stanza}", f"--pg1-path={self.data}", f"--set={label}",
            f"--tablespace-map-all={tablespaces(self.data)}", f"--target-timeline={timeline}", "--log-level-console=warn",
        ]  # fmt: skip
        words += ["--delta"] if began else []
        if target.kind == "latest":
            words += ["--type=standby" if follow else "--type=default"]
        else:
            words += [
                f"--type={target.kind}",
                f"--target={target.value}",
                f"--target-action={'pause' if pause else 'promote'}",
            ]
        try:
            run([*words, "restore"], f"pgBackRest could not restore {label}", as_postgres=True)
        except RestoreFailed as error:
            raise RestoreFailed(explain(str(error))) from None
        with contextlib.suppress(OSError):
            tablespaces(self.data).rmdir()

    def _wait(self, start: int, pause: bool, follow: bool) -> tuple[int, str]:
        """Wait until it is at the target."""
        while True:
            recovering, state, position, last = "", "", "", ""
            if self.side.answers():
                with contextlib.suppress(RestoreFailed):
                    recovering, state, position, last = (self.side.ask(STATE).split("\t") + [""] * 4)[:4]
            if recovering == "f":
                if pause:
                    raise RestoreFailed(f"{self.side.unit} ended its recovery though it was to wait at the target")
                return int(position or 0), last
            if recovering == "t" and pause and (state == "paused" or (follow and self._caught_up(position))):
                return int(position or 0), last
            if not self.side.running():
                self._explain(self.side.log_end(start))
            time.sleep(LOOK)

    def _caught_up(self, position: str) -> bool:
        """Whether the newest segment of the archive was replayed to its end."""
        newest = ask_repository(self.stanza).newest_wal
        size = int(self.side.ask("SELECT setting FROM pg_settings WHERE name = 'wal_segment_size'"))
        return bool(position) and int(position) >= segment_end(newest, size)

    def _explain(self, log: str) -> None:
        if UNREACHED in log:
            raise Unreached(f"the WAL of the repository ends before it:\n{log}")
        if OTHER_LINE in log:
            raise Unreached(f"the timeline branched off before the backup:\n{log}")
        raise RestoreFailed(f"{self.side.unit} ended during recovery. The end of its log:\n{log}")


def segment_end(name: str, size: int) -> int:
    """The position, in bytes, behind a WAL segment of so many bytes."""
    return (int(name[8:16], 16) * (0x100000000 // size) + int(name[16:24], 16) + 1) * size


def free_bytes(path: Path) -> int:
    """What is free for the user postgres where a directory is, or will be."""
    while not path.exists():
        path = path.parent
    found = os.statvfs(path)
    return found.f_bavail * found.f_frsize


def timeline(live: Cluster) -> int | None:
    """The timeline of the live cluster; None where it does not answer."""
    with contextlib.suppress(RestoreFailed, ValueError):
        return int(live.ask("SELECT timeline_id FROM pg_control_checkpoint()"))
    return None


def contents(cluster: Cluster) -> list[dict[str, Any]]:
    """Databases of a cluster with what tells one whether they are whole: tables, and bytes. Each is connected to."""
    found = []
    for row in cluster.ask(
        "SELECT datname, pg_database_size(oid) FROM pg_database WHERE datallowconn AND datname NOT LIKE 'template%' ORDER BY 1"
    ).splitlines():
        name, size = row.split("\t")
        tables = cluster.ask(
            "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p') "
            "AND n.nspname NOT IN ('pg_catalog', 'information_schema')",
            database=name,
        )
        found.append({"name": name, "bytes": int(size), "tables": int(tables)})
    return found
