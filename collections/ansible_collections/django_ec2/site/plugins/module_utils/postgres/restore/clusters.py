# SPDX-License-Identifier: MIT
"""Clusters of Debian's kind on one host: the live one, and those that are restored beside it.

A cluster beside the live one has the live one's configuration, with a port of its own, reachable by this host's socket alone, and it never
writes into the archive: those settings stand on its command line, where nothing that came with the backup outranks them.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.django_ec2.site.plugins.module_utils.postgres.restore.commands import USER, RestoreFailed, run

SOCKET = "/var/run/postgresql"
STARTS = 60
PAUSE = 0.3
# Beyond the archive: copies must not fetch rows from elsewhere, nor run what a scheduler finds in them.
QUIET = {
    "archive_mode": "off",
    "max_logical_replication_workers": "0",
    "primary_conninfo": "",
    "autovacuum": "off",
    "cron.launch_active_jobs": "off",
}


@dataclass(frozen=True)
class Cluster:
    """A cluster by its version and name, and the port of its socket."""

    version: str
    name: str
    port: int

    @property
    def config(self) -> Path:
        """The directory of its configuration."""
        return Path("/etc/postgresql", self.version, self.name)

    @property
    def unit(self) -> str:
        """Its systemd unit."""
        return f"postgresql@{self.version}-{self.name}.service"

    @property
    def log(self) -> Path:
        """Its log."""
        return Path("/var/log/postgresql", f"postgresql-{self.version}-{self.name}.log")

    @property
    def programs(self) -> str:
        """The directory of the server's programs."""
        return f"/usr/lib/postgresql/{self.version}/bin"

    # -- questions

    def setting(self, name: str) -> str:
        """A setting as the files have it."""
        words = [f"{self.programs}/postgres", "-C", name, "-c", f"config_file={self.config}/postgresql.conf"]
        return run(words, f"read {name} of {self.config}", as_postgres=True).strip()

    def ask(self, *statements: str, database: str = "postgres", timeout: float = 60) -> str:
        """Ask the running server, as its superuser; values of a row are separated by tabs. Each statement is a transaction."""
        words = [
            "psql",
            "-XAtq",
            "-F",
            "\t",
            "-v",
            "ON_ERROR_STOP=1",
            "-h",
            SOCKET,
            "-p",
            str(self.port),
            "-d",
            database,
        ]
        words += [word for statement in statements for word in ("-c", statement)]
        return run(words, f"ask {self.version}/{self.name}", as_postgres=True, timeout=timeout).strip()

    def answers(self) -> bool:
        """Whether it takes connections."""
        with contextlib.suppress(RestoreFailed):
            run(["pg_isready", "-q", "-h", SOCKET, "-p", str(self.port)], "ask it", as_postgres=True)
            return True
        return False

    def running(self) -> bool:
        """Whether its postmaster lives."""
        with contextlib.suppress(OSError, ValueError):
            number = int(Path(f"/run/postgresql/{self.version}-{self.name}.pid").read_text().split()[0])
            os.kill(number, 0)
            return True
        return False

    def logged(self, start: int) -> str:
        """What it logged from a place in the file on; an empty text where there is no log."""
        with contextlib.suppress(OSError), self.log.open(errors="replace") as handle:
            handle.seek(start)
            return handle.read()
        return ""

    def log_end(self, start: int, lines: int = 12) -> str:
        """The end of what it logged from there on, without who came and went."""
        said = [line for line in self.logged(start).splitlines() if not re.search(r"LOG:  (dis)?connection", line)]
        return "\n".join(said[-lines:])

    def log_size(self) -> int:
        """Where its log ends now."""
        return self.log.stat().st_size if self.log.exists() else 0

    # -- changes

    def start(self) -> None:
        """Start it, and give it the time to say that it can't; recovery may take longer than that."""
        start = self.log_size()
        run(["systemctl", "reset-failed", self.unit], "forget earlier failures") if self._known() else None
        try:
            run(["systemctl", "start", self.unit], f"start {self.unit}")
        except RestoreFailed as error:
            # It can end before systemd has seen it run. Its log says why, and whoever waits for it reads that.
            if "FATAL" not in self.logged(start):
                raise RestoreFailed(f"{error}\n{self.log_end(start)}".strip()) from None
            return
        deadline = time.monotonic() + STARTS
        while not self.running() and time.monotonic() < deadline:
            if "FATAL" in self.logged(start):
                return
            time.sleep(PAUSE)

    def stop(self) -> None:
        """Stop it, with a checkpoint and the rest of its WAL archived."""
        run(["systemctl", "stop", self.unit], f"stop {self.unit}")
        deadline = time.monotonic() + STARTS
        while self.running():
            if time.monotonic() > deadline:
                raise RestoreFailed(f"{self.unit} was stopped, and its postmaster still runs")
            time.sleep(PAUSE)

    def configure(self, model: Cluster, data: Path, **settings: str) -> None:
        """Write its configuration: that of another cluster, with a data directory and a port of its own, quiet, and not started at boot.

        Args:
            model: the live cluster.
            data: the directory of its data.
            settings: further ones, for its command line.
        """
        if self.name == "main":
            raise RestoreFailed("the cluster main has its configuration from the role postgres")
        shutil.rmtree(self.config, ignore_errors=True)
        run(["cp", "--archive", str(model.config), str(self.config)], f"copy {model.config}")
        own = {
            "data_directory": str(data), "hba_file": f"{self.config}/pg_hba.conf", "ident_file": f"{self.config}/pg_ident.conf",
            "external_pid_file": f"/run/postgresql/{self.version}-{self.name}.pid", "port": str(self.port),
            "cluster_name": f"{self.version}/{self.name}", "listen_addresses": "", "shared_buffers": "128MB",
        }  # fmt: skip
        lines = [
            f"# Beside {model.config}: made by playbooks/database_restore.yml.",
            *(f"{key} = '{value}'" for key, value in own.items()),
        ]
        self._write("conf.d/99-beside.conf", "\n".join(lines) + "\n")
        words = " ".join(f"-o -c{key}={value}" for key, value in {**QUIET, **settings}.items())
        self._write("pg_ctl.conf", f"pg_ctl_options = '{words}'\n")
        self._write("start.conf", "manual\n")

    def remove(self, data: Path | None = None) -> bool:
        """Stop it and remove its configuration, its log and its data; returns whether there was any of it."""
        there = self.config.exists() or (data is not None and data.exists())
        if self.name == "main":
            raise RestoreFailed("the cluster main is the live one: nothing was removed")
        if self.running():
            self.stop()
        for path in filter(None, (self.config, data, data and tablespaces(data))):
            shutil.rmtree(path, ignore_errors=True)
        self.log.unlink(missing_ok=True)
        return there

    def _known(self) -> bool:
        return not self.running() and bool(
            run(["systemctl", "list-units", "--all", "--no-legend", self.unit], "list units").strip()
        )

    def _write(self, name: str, text: str) -> None:
        path = self.config / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        shutil.chown(path, USER, USER)


def tablespaces(data: Path) -> Path:
    """Where the tablespaces of a restored cluster go: never to the live one's."""
    return data.with_name(f"{data.name}.tablespaces")


def installed() -> str:
    """The version of the cluster main that this host has.

    Raises:
        RestoreFailed: it has none, or several.
    """
    found = [path.parent.name for path in Path("/etc/postgresql").glob("*/main") if (path / "postgresql.conf").exists()]
    if len(found) != 1:
        raise RestoreFailed(
            f"this host has {'no cluster' if not found else 'the clusters ' + ', '.join(sorted(found))} main: run site.yml"
        )
    return found[0]


def setting_lines(text: str, changes: dict[str, str | None]) -> str:
    """A text of postgresql.auto.conf with settings replaced, or taken out where the value is None."""
    kept = [
        line
        for line in text.splitlines()
        if not (found := re.match(r"\s*(\w[\w.]*)\s*=", line)) or found[1] not in changes
    ]
    added = [f"{name} = '{value}'" for name, value in changes.items() if value is not None]
    return "\n".join([*kept, *added]) + "\n"
