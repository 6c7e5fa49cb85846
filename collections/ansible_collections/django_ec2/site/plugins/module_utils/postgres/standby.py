# SPDX-License-Identifier: MIT
"""Make the cluster of this host a standby: by a copy of the primary's data, or by a rewind of its own.

What is done to the data directory is noted outside it before it is begun (cluster.write_note). A run that is cut leaves the note, and
the next one begins the copy anew. A cluster that takes writes is never touched by a copy.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pwd
import re
import time
from collections.abc import Iterator
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.postgres import cluster, programs
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.login import connect
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.programs import ProgramFailed
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.replication import SLOT_PREFIX

# Held while data is copied: the copy of a run whose controller died goes on, and the next run waits for its end.
LOCK = "/run/postgres-standby.lock"
# Room that is left beside the copy.
SPARE_BYTES = 1 << 30
GONE = re.compile(r"requested WAL segment \S+ has already been removed|can no longer get changes from replication slot")
DIVERGED = re.compile(r"is not a child of this server's history|forked off current database system timeline")


class StandbyProblem(Exception):
    """This host can't become a standby; the text says why and what to do."""


class Standby:
    """One host's way to a standby.

    Args:
        options: ``version``, ``port``, ``data_directory`` (empty is Debian's), ``conninfo``, ``primary`` (its name), ``slot``.
    """

    def __init__(self, options: dict[str, Any]) -> None:
        self.options = options
        self.version = str(options["version"])
        self.changes: list[str] = []

    def state(self) -> dict[str, Any]:
        """What the cluster of this host is now."""
        return cluster.read_cluster(self.options["port"])

    def plan(self, state: dict[str, Any], slot_lost: bool) -> str:
        """Why the data has to be copied; empty where it has not.

        Raises:
            StandbyProblem: there is a cluster that takes writes.
        """
        if state["role"] == "primary":
            raise StandbyProblem(
                f"The cluster of this host takes writes, so it is not replaced by a copy of {self.options['primary']}'s. "
                "playbooks/database_promote.yml brings a primary back as a standby."
            )
        if state["role"] == "none":
            return "there is no cluster yet"
        if state["role"] == "copying":
            return f"a {state['doing']} was begun and has not ended"
        if slot_lost:
            return f"{self.options['primary']} no longer has the log that it lacks"
        return ""

    def copy(self, why: str) -> None:
        """Copy the primary's data into an empty directory."""
        with alone():
            state = self.state()
            if state["role"] == "standby" and "no longer has" not in why:
                return  # The copy of another run has ended meanwhile.
            self.plan(state, slot_lost=False)
            self.same_major()
            self.slot()
            if not os.path.exists(f"{cluster.CONFIGURATION}/{self.version}/main/postgresql.conf"):
                cluster.write_note(self.version, {"doing": "copy"})
                words = ["pg_createcluster", "--start-conf", "auto", "--port", str(self.options["port"])]
                if self.options["data_directory"]:
                    words += ["--datadir", self.options["data_directory"]]
                programs.run([*words, self.version, "main"], user=None)
            data = cluster.data_directory_of(self.version)
            programs.systemctl("stop", self.version)
            cluster.write_note(self.version, {"doing": "copy"})
            self.room(data)
            owner = pwd.getpwnam(programs.USER)
            os.makedirs(data, mode=0o700, exist_ok=True)
            os.chown(data, owner.pw_uid, owner.pw_gid)
            os.chmod(data, 0o700)
            programs.empty(data)
            programs.run(
                [
                    programs.program(self.version, "pg_basebackup"), "--pgdata", data, "--dbname", self.options["conninfo"],
                    "--slot", self.options["slot"], "--wal-method", "stream", "--checkpoint", "fast", "--no-password",
                ]
            )  # fmt: skip
            set_signal(data, True)
            cluster.write_note(self.version, None)
            # A rewind that was cut left it so.
            programs.systemctl("unmask", self.version)
        self.changes.append(f"Copied the data of {self.options['primary']}: {why}")

    def drop_slots(self, slots: dict[str, Any]) -> None:
        """A host that was the primary drops the slots of its standbys, which follow another one now: they would keep its log."""
        ours = [name for name, slot in slots.items() if name.startswith(SLOT_PREFIX) and not slot["active"]]
        if not ours:
            return
        login = {"port": self.options["port"], "user": programs.USER, "database": "postgres"}
        with contextlib.closing(connect(login)) as connection, connection.cursor() as cursor:
            for name in ours:
                cursor.execute("SELECT pg_drop_replication_slot(%s)", [name])
                self.changes.append(f"Dropped the slot {name}, which is the primary's")
            connection.commit()

    def ask(self, statement: str, slot: str = "") -> str:
        """One value from the primary, by the way that standbys have; ``:'slot'`` stands for the slot's name."""
        words = ["psql", "-XAtq", "--no-password", "--set", f"slot={slot}", "--set", "ON_ERROR_STOP=1"]
        # psql fills in its variables in what it reads, not in -c.
        words += ["--dbname", f"{self.options['conninfo']} dbname=postgres"]
        return programs.run(words, seconds=60, given=statement).strip()

    def slot(self) -> None:
        """A slot on the primary from which the log can be had; one that lost it is made anew."""
        name = self.options["slot"]
        status = self.ask(
            "SELECT coalesce(wal_status, 'reserved') FROM pg_replication_slots WHERE slot_name = :'slot'", name
        )
        if status == "lost":
            self.ask("SELECT pg_drop_replication_slot(:'slot')", name)
        if status in ("lost", ""):
            self.ask("SELECT pg_create_physical_replication_slot(:'slot', true)", name)

    def same_major(self) -> None:
        """Refuse a primary of another major version: its files mean nothing here."""
        found = self.ask("SELECT current_setting('server_version_num')::int / 10000")
        if found != self.version:
            raise StandbyProblem(
                f"{self.options['primary']} has PostgreSQL {found}, this host's system brings {self.version}; a standby needs the same. "
                "Give this host the same Debian. To bring the databases here as an upgrade: playbooks/database_upgrade.yml "
                "-e to=<this host> (docs/database-upgrade.md)."
            )

    def room(self, data: str) -> None:
        """Refuse a copy that would fill the disk, before the old data goes."""
        needed = int(self.ask("SELECT sum(pg_database_size(oid)) FROM pg_database") or 0) + SPARE_BYTES
        there = programs.free_bytes(data) + used_bytes(data)
        if needed > there:
            raise StandbyProblem(
                f"The databases of {self.options['primary']} take {needed >> 20} MB with 1 GB in reserve, and {data} has room for "
                f"{there >> 20} MB. Give this host a larger disk."
            )

    def follow(self, seconds: int) -> None:
        """Wait until the standby receives the primary's log.

        Raises:
            StandbyProblem: it does not, with what its log says.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            state = self.state()
            if state.get("streaming"):
                self.drop_slots(state["slots"])
                return
            time.sleep(0.2)
        lines = programs.log_lines(self.version)
        text = " ".join(lines)
        if GONE.search(text):
            raise StandbyProblem(f"{self.options['primary']} no longer has the log that this standby lacks")
        if DIVERGED.search(text):
            raise StandbyProblem(
                f"This host took rows that {self.options['primary']} never had, so it can't follow. To give them up: "
                f"playbooks/database_promote.yml -e to={self.options['primary']} -e confirm_rewind=<this host>."
            )
        raise StandbyProblem(
            f"The standby does not receive the log of {self.options['primary']} within {seconds} seconds. The end of its log: "
            + " | ".join(lines[-5:])
        )


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """One copy or rewind at a time; whoever comes second waits."""
    with open(LOCK, "a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def set_signal(data: str, standby: bool) -> None:
    """Decide what a cluster is when it starts next: a standby, or a server that takes writes. On disk when this returns."""
    path = f"{data}/{cluster.STANDBY_SIGNAL}"
    if standby:
        owner = os.stat(data)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        os.fchown(handle, owner.st_uid, owner.st_gid)
        os.fsync(handle)
        os.close(handle)
    else:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
    cluster.sync_directory(data)


def used_bytes(path: str) -> int:
    """Bytes that the files below a directory take."""
    total = 0
    for where, _directories, files in os.walk(path):
        for name in files:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(where, name)).st_blocks * 512
    return total


def rewind(standby: Standby) -> None:
    """Take a cluster that went its own way back to where it left the primary's, and make it a standby.

    A cluster without checksums and hints in its log, or whose log does not reach back to the fork, is copied instead.
    """
    version, data = standby.version, cluster.data_directory_of(standby.version)
    with alone():
        # From here on it is no cluster that could take writes: pg_rewind lets a crashed one recover, and that works without the
        # signal alone. A host that starts again meanwhile does not start it.
        cluster.write_note(version, {"doing": "rewind"})
        programs.systemctl("mask", version)
        programs.systemctl("stop", version)
        set_signal(data, False)
        why = ""
        try:
            standby.slot()
            programs.run(
                [
                    programs.program(version, "pg_rewind"), "--target-pgdata", data,
                    "--source-server", f"{standby.options['conninfo']} dbname=postgres",
                    "--config-file", f"{cluster.CONFIGURATION}/{version}/main/postgresql.conf",
                ]
            )  # fmt: skip
        except ProgramFailed as error:
            why = str(error)
        if not why:
            set_signal(data, True)
            cluster.write_note(version, None)
            programs.systemctl("unmask", version)
            standby.changes.append(f"Rewound to where {standby.options['primary']} went on")
            return
    standby.copy(f"pg_rewind could not ({why})")
