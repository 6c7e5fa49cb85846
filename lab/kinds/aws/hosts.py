# SPDX-License-Identifier: MIT
"""The loop that makes the lab's hosts what the account's instances are, and tells the account how that went."""

from __future__ import annotations

import contextlib
import json
import threading
import time
import traceback
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from lab.core import containers, images, ssh
from lab.core.files import write_private
from lab.core.model import Machine, container_name
from lab.core.podman import Podman
from lab.core.settings import LabError, Settings
from lab.kinds.aws import plan, snapshots
from lab.kinds.aws.endpoint import corrections
from lab.kinds.aws.endpoint.account import Account, Instance

KIND = "aws"
SECONDS = 2
LOOK_SECONDS = 10
AT_ONCE = 4
STOP_SECONDS = 20
# An instance of AWS is waited for as long as its waiters do; other hosts of a lab are waited for by a person.
BOOT_SECONDS = 300
# Waits until systemd says that the host runs, and prints its first boot's log and the keys of its SSH server, as cloud-init does.
CONSOLE = """\
state=$(systemctl is-system-running --wait 2>/dev/null)
case "$state" in running) ;; *) echo "$state"; systemctl --failed --no-legend --plain; exit 1;; esac
cat /var/log/cloud-init-output.log
echo '-----BEGIN SSH HOST KEY FINGERPRINTS-----'
for key in /etc/ssh/ssh_host_*_key.pub; do ssh-keygen -lf $key; done
echo '-----END SSH HOST KEY FINGERPRINTS-----'
echo '-----BEGIN SSH HOST KEY KEYS-----'
cat /etc/ssh/ssh_host_*_key.pub
echo '-----END SSH HOST KEY KEYS-----'
"""


class Hosts:
    """The hosts behind the instances.

    Attributes:
        failed: by instance, why its host did not start, for the log and for tests.
    """

    def __init__(
        self, settings: Settings, account: Account, lock: threading.RLock, changed: threading.Event, directory: Path
    ) -> None:
        """Prepare; nothing is done before `run_once`.

        Args:
            settings: of the lab.
            account: what the endpoint holds.
            lock: held while the account is read or changed.
            changed: set when the account was changed.
            directory: where the endpoint keeps its files.
        """
        self.settings, self.account, self.lock, self.changed, self.directory = (
            settings,
            account,
            lock,
            changed,
            directory,
        )
        self.podman = Podman(settings)
        self.failed: dict[str, str] = {}
        self._pool = ThreadPoolExecutor(AT_ONCE)
        self._busy: dict[str, Future[None]] = {}
        self._consoles: dict[str, str] = {}
        self._told: dict[str, str] = {}
        self._seen: dict[str, str] | None = None
        self._look_at = 0.0

    def run_once(self) -> None:
        """Compare, and begin what is to be done; each host has one thing done to it at a time."""
        with self.lock:
            instances = {one.id: one for one in self.account.instances()}
            made = [raw.id for raw in self.account.raw() if getattr(raw, "lab_made", False)]
        states = {name: one.state for name, one in instances.items()}
        busy = bool(self._busy)
        self._busy = {name: work for name, work in self._busy.items() if not work.done()}
        # Asking Podman costs more than all else here: a host that went away by itself is seen some seconds later.
        if states == self._seen and not busy and time.monotonic() < self._look_at:
            return
        self._seen, self._look_at = states, time.monotonic() + LOOK_SECONDS
        machines = {one.name: one for one in containers.machines(self.settings, self.podman) if one.kind == KIND}
        for name, what in plan.decide(states, made, {name: one.running for name, one in machines.items()}).items():
            if name not in self._busy:
                self._busy[name] = self._pool.submit(self._try, what, name, instances.get(name))
        self._tell([one for one in instances.values() if one.state == "running"])

    def settle(self, seconds: float) -> None:
        """Wait for what was begun, for a while; for the end of the process."""
        deadline = time.monotonic() + seconds
        for work in self._busy.values():
            with contextlib.suppress(Exception):
                work.result(max(0.0, deadline - time.monotonic()))
        self._pool.shutdown(wait=False, cancel_futures=True)

    def console(self, name: str) -> str:
        """What the console of an instance showed at its last boot."""
        path = self.directory / "consoles" / name
        return self._consoles.get(name) or (path.read_text() if path.exists() else "")

    def _try(self, what: str, name: str, instance: Instance | None) -> None:
        work: dict[str, Callable[[str, Any], None]] = {
            plan.CREATE: self._create, plan.BOOT: self._boot, plan.WAKE: self._wake,
            plan.HALT: self._halt, plan.REMOVE: self._remove, plan.LOST: self._lost,
        }  # fmt: skip
        print(f"{name}: {what}", flush=True)
        try:
            work[what](name, instance)
        except LabError as error:
            print(f"{name}: {what}: {error}", flush=True)
            if what in (plan.CREATE, plan.BOOT):
                self._fail(name, str(error))
        except Exception:  # the next pass tries again, and the log says why
            traceback.print_exc()

    def _machine(self, instance: Instance) -> Machine:
        suite = self.account.suite(instance.facts["ami-id"], self.settings.suite)
        return Machine(
            instance.id, container_name(self.settings, instance.id), suite, KIND, instance.address, shared=True
        )

    def _create(self, name: str, instance: Instance) -> None:
        from lab.kinds import find  # noqa: PLC0415 - it imports this package

        machine = self._machine(instance)
        image = snapshots.image_name(self.settings, instance.facts["ami-id"])
        if not images.exists(self.podman, image):
            image = find(KIND).ensure_image(self.settings, self.podman, machine.suite)
        # By this, and not by what a disk says, a host that started from another one's image knows that it is new.
        words = ["--env", f"LAB_INSTANCE={name}"]
        words += ["--hostname", instance.facts["local-hostname"].partition(".")[0]]
        words += ["--volume", f"{self.directory / 'metadata'}:/etc/lab-aws:ro"]
        containers.create(self.settings, self.podman, machine, image, words)
        self._boot(name, instance)

    def _boot(self, name: str, instance: Instance) -> None:
        self._mark(name, made=True)
        self._wake(name, instance)
        self._mark(name, ("pending",), corrections.RUNNING)

    def _wake(self, name: str, instance: Instance) -> None:
        machine = self._machine(instance)
        self.podman("start", machine.container)
        deadline = time.monotonic() + BOOT_SECONDS
        said = ""
        while time.monotonic() < deadline:
            done = self.podman.script(machine.container, CONSOLE, timeout=BOOT_SECONDS)
            said = done.stdout
            if done.returncode == 0 and containers.answers(machine.address, deadline):
                write_private(self.directory / "consoles" / name, said)
                self._consoles[name] = said
                return
            if said.startswith("degraded"):
                break
            time.sleep(0.5)
        raise LabError(f"the host did not boot within {BOOT_SECONDS} seconds ({said.strip() or 'no answer'})")

    def _halt(self, name: str, _instance: Instance | None) -> None:
        container = container_name(self.settings, name)
        self._close(name)
        if self.podman.succeeds("container", "exists", container):
            self.podman("stop", "--time", str(STOP_SECONDS), container, timeout=STOP_SECONDS + 60)
        self._mark(name, ("stopping",), corrections.STOPPED)

    def _remove(self, name: str, _instance: Instance | None) -> None:
        self._close(name)
        containers.remove(self.podman, [container_name(self.settings, name)])
        (self.directory / "consoles" / name).unlink(missing_ok=True)
        with self.lock:
            self.account.release(name)
        self._mark(name, ("shutting-down",), corrections.TERMINATED)

    def _lost(self, name: str, _instance: Instance | None) -> None:
        """A host that somebody removed has no disk that could come back: the instance is terminated, as one whose hardware failed."""
        self._fail(
            name, "Server.InternalError: the host of this instance was removed by hand, with its disk", again=False
        )

    def _fail(self, name: str, why: str, again: bool = True) -> None:
        """An instance that doesn't start is terminated at its first boot, and stopped at a later one; it says why."""
        self.failed[name] = why
        # While there is a container it has the address, and another instance could not start with it: `_remove` gives it back.
        holds = self.podman.succeeds("container", "exists", container_name(self.settings, name))
        with self.lock:
            for raw in self.account.raw():
                if raw.id == name:
                    first = not again or not getattr(raw, "lab_booted", False)
                    corrections.set_state(raw, corrections.TERMINATED if first else corrections.STOPPED)
                    raw.state_reason.code, raw.state_reason.message = "Server.InternalError", why
                    if first and not holds:
                        self.account.release(name)
        self.changed.set()

    def _mark(
        self, name: str, before: tuple[str, ...] = (), state: tuple[str, int] | None = None, made: bool = False
    ) -> None:
        """Tell the account of a host; a state that a call changed meanwhile stays."""
        with self.lock:
            for raw in self.account.raw():
                if raw.id == name:
                    raw.lab_made = made or getattr(raw, "lab_made", False)
                    if state and raw.state in before:
                        corrections.set_state(raw, state)
                        raw.lab_booted = getattr(raw, "lab_booted", False) or state == corrections.RUNNING
        self.changed.set()

    def _close(self, name: str) -> None:
        """End connections that Ansible keeps open to a host, by the name that it has in ssh_config."""
        ssh.close_connections(self.settings, [shown for shown, one in self._told.items() if one == name])

    def _tell(self, running: list[Instance]) -> None:
        """Write how the hosts are reached, by their tag `Name`: for `make ssh`, and for whoever looks into ``.lab``."""
        names = [one.name for one in running]
        shown = {one.name if names.count(one.name) == 1 else one.id: one for one in running}
        told = {name: one.id for name, one in shown.items()}
        keys = {name: _ed25519(self.console(one.id)) for name, one in shown.items()}
        addresses = {name: one.address for name, one in shown.items()}
        if told != self._told or json.dumps(addresses) != json.dumps(ssh.addresses(self.settings)):
            ssh.write_files(self.settings, addresses, {name: key for name, key in keys.items() if key})
            self._told = told


def _ed25519(console: str) -> str:
    """The host's key in a console's output, or ""."""
    return next((" ".join(line.split()[:2]) for line in console.splitlines() if line.startswith("ssh-ed25519 ")), "")


def image_name(suite: str, base: str) -> str:
    """Name and tag of the instances' image."""
    directory = Path(__file__).parent
    files = [directory / "Containerfile", *sorted((directory / "guest").iterdir())]
    return images.name("aws", suite, [base.encode(), *(path.read_bytes() for path in files)])
