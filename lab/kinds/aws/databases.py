# SPDX-License-Identifier: MIT
"""The loop that makes a host with PostgreSQL of each instance of RDS, with the data that it is to have, and tells the account."""

from __future__ import annotations

import contextlib
import json
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from lab.core import containers
from lab.core.model import Machine, container_name
from lab.core.podman import Podman
from lab.core.settings import LabError, Settings
from lab.kinds.aws import certificates, plan
from lab.kinds.aws.endpoint.account import Account, Database, Snapshot

KIND = "database"
# Debian's PostgreSQL of this suite is the one version that an instance has, whatever version the account says.
SUITE = "trixie"
SECONDS = 1.0
AT_ONCE = 2
MAKE_SECONDS = 600
STOP_SECONDS = 60
# Of a db.t4g.micro, about.
MAX_CONNECTIONS = 80
# In the host, where the volume is mounted.
BACKUPS = "/var/lib/lab-database"


def host_name(resource: str) -> str:
    """The name of an instance's host in the lab: an instance can be renamed."""
    return f"rds-{resource.removeprefix('db-')[:12].lower()}"


def base_name(resource: str) -> str:
    """The name of the copy of an instance with which each recovery of it begins."""
    return f"base-{resource}"


class Databases:
    """The hosts behind the instances of RDS."""

    def __init__(
        self, settings: Settings, account: Account, lock: threading.RLock, changed: threading.Event, home: Path
    ) -> None:
        """Prepare; see `lab.kinds.aws.hosts.Hosts`."""
        self.settings, self.account, self.lock, self.changed, self.home = settings, account, lock, changed, home
        self.podman = Podman(settings)
        self._pool = ThreadPoolExecutor(AT_ONCE)
        self._busy: dict[str, Future[None]] = {}
        self._there: set[str] | None = None

    def run_once(self) -> None:
        """Compare, and begin what is to be done; each instance has one thing done to it at a time."""
        with self.lock:
            instances = {one.resource: one for one in self.account.databases()}
            snapshots = self.account.snapshots()
        self._busy = {name: work for name, work in self._busy.items() if not work.done()}
        if self._there is None:
            self._wake_all(list(instances.values()))
        for resource, one in instances.items():
            pending = [
                snapshot for snapshot in snapshots if snapshot.resource == resource and snapshot.state == "creating"
            ]
            actions = [] if one.failed else plan.changes(one.wanted, one.applied)
            if actions:
                self._begin(resource, self._change, one, actions)
            elif pending and not one.failed and one.wanted["up"]:
                self._begin(resource, self._copy, resource, pending)
        self._leave(set(instances), snapshots)

    def _wake_all(self, instances: list[Database]) -> None:
        """After a start of this machine nobody else starts them."""
        halted = [one.name for one in self._machines() if not one.running]
        for one in instances:
            if host_name(one.resource) in halted and one.applied and one.applied["up"] and one.wanted["up"]:
                self._begin(one.resource, self._wake, one)

    def _machines(self) -> list[Machine]:
        return [one for one in containers.machines(self.settings, self.podman) if one.kind == KIND]

    def _leave(self, instances: set[str], snapshots: list[Snapshot]) -> None:
        """Remove the hosts of instances that were deleted, once their last snapshots are made."""
        wanted = {host_name(one) for one in instances}
        last = [one for one in snapshots if one.state == "creating" and one.resource not in instances]
        # Asking Podman costs: only where a host may have to go, or has to be there for a last snapshot.
        if self._there is None or self._there - wanted or last:
            for machine in self._machines():
                if machine.name not in wanted:
                    self._begin(
                        machine.name,
                        self._remove,
                        machine,
                        [one for one in last if host_name(one.resource) == machine.name],
                    )
        if self._there is None or last or not self._busy:
            self._there = {one.name for one in self._machines()}
        for one in last:
            if host_name(one.resource) not in self._there:
                self._told(self.account.set_snapshot, one.directory, "failed")

    def _begin(self, name: str, what: Callable[..., None], *words: Any) -> None:
        if name not in self._busy:
            self._busy[name] = self._pool.submit(self._try, name, what, *words)

    def _try(self, name: str, what: Callable[..., None], *words: Any) -> None:
        try:
            what(*words)
        except Exception:  # the next pass compares anew
            print(f"{name}:", flush=True)
            traceback.print_exc()

    def _told(self, what: Callable[..., None], *words: Any) -> None:
        with self.lock:
            what(*words)
        self.changed.set()

    def _change(self, one: Database, actions: list[str]) -> None:
        work = {
            plan.CREATE: self._create, plan.RENAME: self._rename, plan.PROMOTE: self._promote, plan.PASSWORD: self._password,
            plan.RESTART: self._restart, plan.HALT: self._halt, plan.WAKE: self._wake,
        }  # fmt: skip
        for action in actions:
            print(f"{one.name}: {action}", flush=True)
            try:
                work[action](one)
            except LabError as error:
                print(f"{one.name}: {action}: {error}", flush=True)
                if action == plan.CREATE:
                    self._told(self.account.set_database, one.resource, None, True)
                return
        self._told(self.account.set_database, one.resource, one.wanted)

    def _create(self, one: Database) -> None:
        from lab.kinds import find  # noqa: PLC0415 - it imports this package
        from lab.kinds.database import volume  # noqa: PLC0415 - so does this

        with self.lock:
            address = self.account.database_address(one.resource)
        self.changed.set()
        name = host_name(one.resource)
        container = container_name(self.settings, name)
        if not self.podman.succeeds("container", "exists", container):
            image = find(KIND).ensure_image(self.settings, self.podman, SUITE)
            machine = Machine(name, container, SUITE, KIND, address, shared=True)
            words = ["--network-alias", one.wanted["endpoint"], "--volume", f"{volume(self.settings)}:{BACKUPS}"]
            containers.create(self.settings, self.podman, machine, image, words)
        self._wake(one)
        identity = json.loads((self.home / certificates.DATABASES).read_text())
        told = {
            **identity, **one.description, "resource": one.resource, "max_connections": MAX_CONNECTIONS,
            "parameters": one.parameters, "password": one.password, "origin": self._origin(one),
        }  # fmt: skip
        self._run(one.resource, "make", stdin=json.dumps(told))
        if one.password and one.origin["kind"] in ("copy", "point"):
            self._password(one)
        if not one.wanted["follows"]:
            self._run(one.resource, "copy", base_name(one.resource))
        if not one.wanted["up"]:
            self._halt(one)

    def _origin(self, one: Database) -> dict[str, Any]:
        """Where the data of an instance come from, as its host is told: the source ends the segment of its log in hand."""
        origin: dict[str, Any] = dict(one.origin)
        if origin["kind"] == "point":
            origin["directory"] = base_name(origin["resource"])
            source = host_name(origin["resource"])
            # Of one that is stopped the whole log is in the volume, and may end before the moment: nothing was written since.
            origin["ended"] = not any(one.name == source and one.running for one in self._machines())
            if not origin["ended"]:
                # One that can't end its segment makes no instance: another moment than the one that was asked for would be worse.
                self._run(origin["resource"], "mark")
        if origin["kind"] == "follow":
            with self.lock:
                origin["address"] = self.account.database_address(origin["resource"])
            origin["port"] = one.description["port"]
        return origin

    def _rename(self, one: Database) -> None:
        """The new name leads there and the old one nowhere; connections end, as they do on RDS."""
        container = self._container(one.resource)
        with self.lock:
            address = self.account.database_address(one.resource)
        self.podman("network", "disconnect", self.settings.name, container)
        words = ["--ip", address, "--alias", host_name(one.resource), "--alias", one.wanted["endpoint"]]
        self.podman("network", "connect", *words, self.settings.name, container)
        self._run(one.resource, "announce")

    def _promote(self, one: Database) -> None:
        self._run(one.resource, "promote")
        self._run(one.resource, "copy", base_name(one.resource))

    def _password(self, one: Database) -> None:
        if one.password:
            self._run(one.resource, "password", stdin=one.password)

    def _restart(self, one: Database) -> None:
        self._run(one.resource, "settings", stdin=json.dumps(one.parameters))

    def _halt(self, one: Database) -> None:
        self.podman("stop", "--time", str(STOP_SECONDS), self._container(one.resource), timeout=STOP_SECONDS + 60)

    def _wake(self, one: Database) -> None:
        container = self._container(one.resource)
        self.podman("start", container)
        self.podman.script(container, "systemctl is-system-running --wait", timeout=containers.BOOT_SECONDS)
        self._run(one.resource, "announce")

    def _copy(self, resource: str, snapshots: list[Snapshot]) -> None:
        for one in snapshots:
            print(f"{one.directory}: copy {host_name(resource)}", flush=True)
            state = "available"
            try:
                self._run(resource, "copy", one.directory)
            except LabError as error:
                print(f"{one.directory}: {error}", flush=True)
                state = "failed"
            self._told(self.account.set_snapshot, one.directory, state)

    def _remove(self, machine: Machine, last: list[Snapshot]) -> None:
        print(f"{machine.name}: remove", flush=True)
        if last:
            self.podman("start", machine.container)
            self.podman.script(machine.container, "systemctl is-system-running --wait", timeout=containers.BOOT_SECONDS)
            self._copy(last[0].resource, last)
        containers.remove(self.podman, [machine.container])
        self._told(self.account.free_address, machine.address)
        self._there = None

    def _container(self, resource: str) -> str:
        return container_name(self.settings, host_name(resource))

    def _run(self, resource: str, *words: str, stdin: str = "") -> None:
        command = ["exec", "--interactive", self._container(resource), "lab-database", *words]
        self.podman(*command, stdin=stdin, timeout=MAKE_SECONDS)

    def settle(self) -> None:
        """Nothing more is begun; for the end of the process."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        for work in self._busy.values():
            with contextlib.suppress(Exception):
                work.result(1)
