# SPDX-License-Identifier: MIT
"""What the module postgres_restore does on the database host, a function for each of its states."""

from __future__ import annotations

import contextlib
import datetime
import fcntl
import os
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.postgres.restore import recover, repository
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.restore.clusters import Cluster, installed
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.restore.commands import RestoreFailed
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.restore.switch import (
    STATE,
    Journal,
    Switch,
    mounted_apart,
)
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.restore.targets import Target, parse

# Ports of the sockets of the clusters beside the live one.
PORTS = {"scratch": 5433, "restored": 5434, "before": 5435, "drill": 5436}
UNDER_WAY = ("switching", "switched")


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """One restore at a time on this host.

    Raises:
        RestoreFailed: another one runs.
    """
    STATE.mkdir(mode=0o700, exist_ok=True)
    with (STATE / "lock").open("a+") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.seek(0)
            raise RestoreFailed(
                f"another restore or drill runs on this host ({handle.read().strip() or 'just begun'}): wait until it has ended. What a "
                "run began whose controller is gone goes on, and the next run takes it up"
            ) from None
        handle.seek(0)
        handle.truncate()
        handle.write(f"process {os.getpid()}, since {repository.moment(time.time())}")
        handle.flush()
        yield


class Job:
    """One call of the module. ``given`` are its options."""

    def __init__(self, given: dict[str, Any]) -> None:
        self.given = given
        self.version = installed()
        self.live = self.cluster("main", int(given["port"]))
        self.data = Path(self.live.setting("data_directory"))
        self.journal = Journal()
        self.lines: list[str] = []

    def cluster(self, name: str, port: int = 0) -> Cluster:
        """A cluster of this host."""
        return Cluster(self.version, name, port or PORTS[name])

    def beside(self, name: str) -> Path:
        """The directory of the data of a cluster beside the live one: on its file system."""
        return self.data.with_name(f"{self.data.name}.{name}")

    # -- what the module's states do

    def plan(self) -> dict[str, Any]:
        """What would be done; refuses what can't be. Changes nothing."""
        target = parse(self.given["restore_to"], time.time())
        noted = self.journal.read()
        place = self.given["place"]
        if place and noted.get("phase") in UNDER_WAY:
            if noted.get("target") != self.given["restore_to"]:
                raise RestoreFailed(
                    f"a restore to '{noted.get('target')}' is under way here and in the phase '{noted['phase']}': end it first, with "
                    f"-e restore_to='{noted.get('target')}'"
                )
            return {
                "phase": noted["phase"],
                "lines": [f"A restore to '{noted['target']}' is taken up where it was cut ({noted['phase']})."],
            }
        store = recover.ask_repository(self.given["stanza"])
        if store.version != self.version:
            raise RestoreFailed(
                f"the backups are PostgreSQL {store.version}'s, and this host has {self.version}: restore on a host with that version"
            )
        own = self._system_id()
        way = repository.choose(
            store,
            target,
            self.given["timeline"],
            recover.timeline(self.live) if own == store.system_id else None,
            self.given["backup"],
        )
        self._refuse(way, place)
        began = place and noted.get("phase") and noted.get("target") == self.given["restore_to"]
        self.lines += [
            f"To {target.words}, from the backup {way.labels[0]}, on timeline {way.timeline}.",
            f"It needs {way.bytes_needed / 1e9:.2f} GB; {recover.free_bytes(self.data) / 1e9:.2f} GB are free beside {self.data}.",
        ]
        self.lines += [f"Note: {way.note}."] if way.note else []
        self.lines += [f"What a cut run restored to '{noted['target']}' is taken up."] if began else []
        if own and own != store.system_id:
            self.lines.append("The cluster that runs here now is another one than that of the backups.")
        return {
            "phase": noted.get("phase", "") if began else "",
            "backup": way.labels[0], "timeline": way.timeline, "lines": self.lines,
            "foreign": bool(own) and own != store.system_id,
        }  # fmt: skip

    def restore(self) -> dict[str, Any]:
        """Restore beside the live cluster, wait at the target, and look at it there."""
        noted = self.journal.read()
        if noted.get("phase") in UNDER_WAY:
            return {"phase": noted["phase"], "lines": [], "moment": noted.get("moment", 0)}
        restored = self.cluster("restored")
        if noted.get("phase") == "checked" and noted.get("target") == self.given["restore_to"] and restored.answers():
            return {"phase": "checked", "lines": noted.get("lines", []), "moment": noted.get("moment", 0)}
        target, way = self._way()
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        data = Path(noted["restored"]) if noted.get("restored") else self.beside(f"restored-{stamp}")
        self.journal.write(
            phase="restoring",
            target=self.given["restore_to"],
            data=str(self.data),
            restored=str(data),
            before=str(self.beside("before")),
        )
        found = recover.Recovery(self.given["stanza"], self.live, restored, data, self.lines.append).run(
            target, way, pause=True
        )
        self._report(found, restored)
        moment = when(target, found.last)
        self.journal.write(phase="checked", label=found.label, lines=self.lines, moment=moment)
        return {"phase": "checked", "lines": self.lines, "moment": moment}

    def ready(self) -> dict[str, Any]:
        """Do what the switch needs while the live cluster serves, so that it takes little time."""
        noted = self.journal.read()
        if noted.get("phase") not in ("checked", "switching"):
            return {"phase": noted.get("phase", ""), "lines": [], "changed": False}
        Switch(self.live, self.cluster("restored"), self.cluster("before"), self.journal).prepare()
        return {"phase": "switching", "lines": []}

    def switch(self) -> dict[str, Any]:
        """Put it in the live one's place."""
        noted = self.journal.read()
        if noted.get("phase") not in ("checked", "switching"):
            return {"phase": noted.get("phase", ""), "lines": []}
        seconds = Switch(self.live, self.cluster("restored"), self.cluster("before"), self.journal).run()
        line = recover.timeline(self.live)
        return {
            "phase": "switched",
            "lines": [
                f"Restored to '{noted['target']}' and serving on timeline {line}; nothing served for {seconds:.1f} s.",
                f"The data of before is in {noted['before']}, as the stopped cluster {self.version}/before.",
            ],
        }

    def finish(self) -> dict[str, Any]:
        """The new backup is taken: nothing is owed any more."""
        self.journal.clear()
        return {"phase": "", "lines": []}

    def scratch(self) -> dict[str, Any]:
        """Restore into the scratch cluster, which takes writes and archives nothing."""
        target, way = self._way()
        side, data = self.cluster("scratch"), self.beside("scratch")
        found = recover.Recovery(self.given["stanza"], self.live, side, data, self.lines.append).run(
            target, way, pause=False
        )
        self._report(found, side)
        return {"phase": "scratch", "port": side.port, "lines": self.lines, "moment": when(target, found.last)}

    def remove(self) -> dict[str, Any]:
        """Remove the scratch cluster, the data of before, or what a cut restore left."""
        name = self.given["remove"]
        if name == "restored":
            noted = self.journal.read()
            if noted.get("phase") in UNDER_WAY:
                raise RestoreFailed(
                    f"the restore to '{noted['target']}' is half switched: run it again with the same restore_to, which ends it"
                )
            data = Path(noted["restored"]) if noted.get("restored") else None
            self.journal.clear()
        else:
            data = self.beside(name)
        gone = self.cluster(name).remove(data)
        return {
            "phase": "",
            "changed": gone,
            "lines": [f"{self.version}/{name} {'is removed' if gone else 'was not there'}."],
        }

    # -- parts of them

    def _way(self) -> tuple[Target, repository.Way]:
        target = parse(self.given["restore_to"], time.time())
        store = recover.ask_repository(self.given["stanza"])
        same = self._system_id() == store.system_id
        if same:
            problem = recover.mark_end(self.live)
            self.lines += [f"Note: {problem}."] if problem else []
        way = repository.choose(
            store, target, self.given["timeline"], recover.timeline(self.live) if same else None, self.given["backup"]
        )
        self._refuse(way, self.given["place"])
        return target, way

    def _refuse(self, way: repository.Way, place: bool) -> None:
        beside = self.beside("before")
        if place and (problem := mounted_apart(self.data)):
            raise RestoreFailed(problem)
        if place and beside.exists():
            raise RestoreFailed(
                f"{beside} has the data of before an earlier restore: -e restore_remove=before removes it"
            )
        noted = self.journal.read()
        own = Path(noted.get("restored", "")) if place and noted.get("restored") else self.beside("scratch")
        free = recover.free_bytes(self.data) + _size(own)
        if way.bytes_needed > free:
            others = [name for name in ("scratch", "before") if self.beside(name).exists()]
            hint = (
                f" or give -e restore_remove={others[0]}, which frees {_size(self.beside(others[0])) / 1e9:.2f} GB,"
                if others
                else ""
            )
            raise RestoreFailed(
                f"the restore needs {way.bytes_needed / 1e9:.2f} GB beside {self.data}, and {free / 1e9:.2f} GB are free: make room{hint} "
                "and run it again"
            )

    def _report(self, found: recover.Recovered, cluster: Cluster) -> None:
        if found.note:
            self.lines.append(f"Note: {found.note}.")
        self.lines.append(f"From {found.label}; the last transaction in it is of {found.last or 'before the backup'}.")
        for one in recover.contents(cluster):
            self.lines.append(f"{one['name']}: {one['tables']} tables, {one['bytes'] / 1e6:.1f} MB")

    def _system_id(self) -> str:
        with contextlib.suppress(RestoreFailed):
            return self.live.ask("SELECT system_identifier FROM pg_control_system()")
        control = Path(self.data, "global", "pg_control")
        if control.exists():
            said = recover.run(
                [f"{self.live.programs}/pg_controldata", str(self.data)], "read pg_control", as_postgres=True
            )
            found = re.search(r"system identifier:\s+(\d+)", said)
            return found[1] if found else ""
        return ""


def found() -> dict[str, Any]:
    """Whether this host has what a restore needs: a cluster main, and pgBackRest with its configuration."""
    try:
        version = installed()
    except RestoreFailed:
        version = ""
    ready = (
        bool(version) and shutil.which("pgbackrest") is not None and Path("/etc/pgbackrest/pgbackrest.conf").exists()
    )
    return {"phase": "", "ready": ready, "lines": []}


def when(target: Target, last: str) -> float:
    """The moment of what was restored, for the files that belong to it, in seconds since the epoch; 0 is the latest, and -1 is not known.

    A transaction, or a restore point without its moment in its name, is as old as the last transaction before it.
    """
    if target.kind == "latest":
        return 0
    if target.moment is not None:
        return target.moment
    try:
        return datetime.datetime.fromisoformat(last).timestamp()
    except ValueError:
        return -1


def _size(path: Path) -> int:
    """What a directory of data takes on the disk, in bytes; 0 where there is none."""
    total = 0
    for directory, _names, files in os.walk(path):
        for name in files:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(directory, name)).st_blocks * 512
    return total
