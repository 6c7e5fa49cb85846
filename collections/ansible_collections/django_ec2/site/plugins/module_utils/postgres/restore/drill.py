# SPDX-License-Identifier: MIT
"""The drill: the newest backup is restored into a throwaway cluster and compared with the live one; the result is published.

    database-drill --stanza main --port 5432

It ends with 1 where something is wrong. ``status.json`` says what, and when a drill worked last.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import time
from pathlib import Path
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.postgres.login import ServerUnavailable
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.restore import counts, recover, repository
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.restore.clusters import Cluster
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.restore.commands import RestoreFailed, run
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.restore.jobs import Job, alone
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.restore.targets import Target, point_name

STATUS = Path("/var/lib/database-drill/status.json")
COUNT_SECONDS = 900
SHOWN = 20


class Drill:
    """One drill on the host of the live cluster.

    Args:
        stanza: name of the cluster in the repository.
        port: of the live cluster.
        keep: whether a copy without a problem stays, and serves, so that the live release can be asked about it.
    """

    def __init__(self, stanza: str, port: int, keep: bool = False) -> None:
        self.keep = keep
        self.job = Job({"port": port, "stanza": stanza})
        self.stanza = stanza
        self.live = self.job.live
        self.copy = self.job.cluster("drill")
        self.data = self.job.beside("drill")
        self.problems: list[str] = []
        self.backup = ""

    def run(self) -> None:
        """All of it; what is wrong is in ``problems``."""
        self.copy.remove(self.data)
        try:
            counted = self._count()
            self._restore(counted.point)
            if counted.left_out:
                say(f"{counted.left_out} tables were not counted in {COUNT_SECONDS} seconds")
            self._compare(counted)
            self._examine()
            if self.keep and not self.problems:
                self.copy.start()
                return
        except (RestoreFailed, repository.NoWayThere, ServerUnavailable) as error:
            self.problems.append(str(error))
        except BaseException:
            self.remove()
            raise
        self.remove()

    def remove(self) -> None:
        """Remove the copy."""
        with contextlib.suppress(RestoreFailed):
            self.copy.remove(self.data)

    def _count(self) -> counts.Counted:
        say("counting the rows of the live cluster")
        counted = counts.take(self.live.port, point_name("drill", "rows", time.time()), COUNT_SECONDS)
        if problem := recover.mark_end(self.live):
            raise RestoreFailed(problem)
        return counted

    def _restore(self, point: str) -> None:
        store = recover.ask_repository(self.stanza)
        # The newest backup alone: that an older one would do is no comfort.
        way = repository.choose(store, Target("name", point), "", recover.timeline(self.live), store.backups[-1].label)
        self.backup = way.labels[0]
        free = recover.free_bytes(self.data)
        if way.bytes_needed > free:
            raise RestoreFailed(
                f"there is no room for a drill: it needs {way.bytes_needed / 1e9:.2f} GB, and {free / 1e9:.2f} GB are free"
            )
        recover.Recovery(self.stanza, self.live, self.copy, self.data, say).run(Target("name", point), way, pause=False)

    def _compare(self, counted: counts.Counted) -> None:
        say("comparing the rows")
        found = counts.differences(counted.counts, counts.of(self.copy.port, counted.counts))
        if found and not counted.exact:
            say("the site wrote all the time, so these numbers are no proof: " + "; ".join(found[:SHOWN]))
            return
        self.problems += found[:SHOWN]

    def _examine(self) -> None:
        say("examining tables and indexes")
        programs = self.copy.programs
        words = [
            f"{programs}/pg_amcheck",
            "--host=/var/run/postgresql",
            f"--port={self.copy.port}",
            "--all",
            "--install-missing",
        ]
        with self._problem():
            run(words, "pg_amcheck", as_postgres=True)
        say("examining the checksums of the pages")
        self.copy.stop()
        with self._problem():
            if "on" in _checksums(self.copy, self.data):
                run([f"{programs}/pg_checksums", "--check", f"--pgdata={self.data}"], "pg_checksums", as_postgres=True)

    @contextlib.contextmanager
    def _problem(self) -> Any:
        try:
            yield
        except RestoreFailed as error:
            self.problems.append(str(error))


def _checksums(cluster: Cluster, data: Path) -> str:
    said = run([f"{cluster.programs}/pg_controldata", f"--pgdata={data}"], "read pg_control", as_postgres=True)
    version = next(
        (line.partition(":")[2].strip() for line in said.splitlines() if line.startswith("Data page checksum")), "0"
    )
    return "off" if version == "0" else "on"


def say(text: str) -> None:
    """For the journal."""
    print(text, flush=True)


def publish(began: float, backup: str, problems: list[str], path: Path = STATUS) -> dict[str, Any]:
    """Write what came of it; when a drill worked last is kept over those that did not.

    Args:
        began: seconds since 1970.
        backup: the label of the backup, where it came so far.
        problems: what is wrong, a sentence each.
        path: where to write it.
    """
    worked = 0
    with contextlib.suppress(OSError, ValueError):
        worked = int(json.loads(path.read_text())["worked"])
    now = time.time()
    status = {
        "started": int(began), "finished": int(now), "good": not problems, "worked": worked if problems else int(now), "backup": backup,
        "seconds": round(now - began, 1), "problems": problems,
    }  # fmt: skip
    path.parent.mkdir(mode=0o755, exist_ok=True)
    partial = path.with_suffix(".new")
    partial.write_text(json.dumps(status) + "\n")
    partial.chmod(0o644)
    partial.replace(path)
    return status


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(
        description="Restore the newest backup into a throwaway cluster and compare it with the live one."
    )
    parser.add_argument("--stanza", default="main")
    parser.add_argument("--port", type=int, default=5432)
    given = parser.parse_args()
    began = time.time()
    backup, problems = "", []
    try:
        with alone():
            drill = Drill(given.stanza, given.port)
            if drill.live.answers() and drill.live.ask("SELECT pg_is_in_recovery()") == "t":
                say("this host's cluster is a standby: the drill is the primary's")
                return
            drill.run()
            backup, problems = drill.backup, drill.problems
    except RestoreFailed as error:
        problems = [str(error)]
    status = publish(began, backup, problems)
    for problem in problems:
        print(problem, file=sys.stderr)
    say(f"the drill {'worked' if status['good'] else 'FAILED'} in {status['seconds']} s")
    sys.exit(0 if status["good"] else 1)


if __name__ == "__main__":
    main()
