# SPDX-License-Identifier: MIT
"""The loop that makes a host with HAProxy of each load balancer, and tells the account how healthy its targets are."""

from __future__ import annotations

import socket
import threading
import time

from lab.core import containers, network
from lab.core.model import Machine, container_name
from lab.core.podman import Podman
from lab.core.settings import LabError, Settings
from lab.kinds.aws import haproxy
from lab.kinds.aws.endpoint.account import Account, Balancer

KIND = "balancer"
ANSWER_SECONDS = 10
# Writes the file where it is good, and reloads: what the old process has in hand it finishes.
APPLY = """\
set -e
cat > /etc/haproxy/new.cfg
haproxy -c -q -f /etc/haproxy/new.cfg
mv /etc/haproxy/new.cfg /etc/haproxy/haproxy.cfg
systemctl reload-or-restart haproxy.service
"""
WRITE_CERTIFICATE = f"umask 077; cat > {haproxy.CERTIFICATE}"


class Balancers:
    """The hosts behind the load balancers."""

    def __init__(self, settings: Settings, account: Account, lock: threading.RLock, changed: threading.Event) -> None:
        """Prepare; see `lab.kinds.aws.hosts.Hosts`."""
        self.settings, self.account, self.lock, self.changed = settings, account, lock, changed
        self.podman = Podman(settings)
        # The hosts by name, and whether Podman has to be asked about them.
        self._machines: dict[str, Machine] = {}
        self._ask_podman = True
        self._written: dict[str, str] = {}
        self._active: set[str] = set()
        # By host, backend and server: when a target that is no longer registered may go.
        self._until: dict[tuple[str, str, str], float] = {}
        self._drain: dict[str, int] = {}
        self._health: dict[tuple[str, str], haproxy.State] = {}

    def health(self, group: str, target: str) -> haproxy.State | None:
        """State, reason and description of a target; None where no balancer leads to its group."""
        return self._health.get((group, target))

    def known(self, group: str) -> list[str]:
        """The targets of a group that its balancer knows: those that were deregistered a moment ago, too."""
        return [target for arn, target in self._health if arn == group]

    def run_once(self) -> None:
        """Compare, make, write, ask."""
        with self.lock:
            wanted = {host_name(one.name): one for one in self.account.balancers()}
        if self._ask_podman:
            there = containers.machines(self.settings, self.podman)
            self._machines = {one.name: one for one in there if one.kind == KIND}
            self._ask_podman = False
        for name in self._machines.keys() - wanted.keys():
            self._remove(name)
        known: dict[tuple[str, str], haproxy.State] = {}
        for name, balancer in wanted.items():
            try:
                known |= self._serve(name, balancer)
            except (LabError, OSError) as error:
                print(f"{name}: {error}", flush=True)
                # What nobody could ask is as it was; whether its host is there is asked anew.
                known |= {key: state for key, state in self._health.items() if key[0] in _arns(balancer)}
                self._ask_podman = True
        self._health = known

    def _serve(self, name: str, balancer: Balancer) -> dict[tuple[str, str], haproxy.State]:
        """Make one balancer what the account says; the state of each of its targets."""
        machine = self._machines.get(name)
        if machine is None or not machine.running:
            machine = self._machines[name] = self._boot(name, balancer)
        if name not in self._written:
            # The endpoint was ended meanwhile: HAProxy goes on.
            shown = self.podman.script(machine.container, "head -n 1 /etc/haproxy/haproxy.cfg").stdout
            self._written[name] = shown.removeprefix("#").strip()
        if self._written[name] != haproxy.digest(balancer):
            self._write(name, machine, balancer)
        if name not in self._active:
            with self.lock:
                self.account.balancer_works(balancer.name)
            self._active.add(name)
            self.changed.set()
        there = self._servers(machine)
        commands = haproxy.decide(balancer, there, self._over(name, balancer, there))
        if commands:
            said = _ask(machine.address, commands)
            print(f"{name}: {'; '.join(commands)}: {' '.join(said.split())}", flush=True)
            there = self._servers(machine)
        return haproxy.states(balancer, there)

    def _write(self, name: str, machine: Machine, balancer: Balancer) -> None:
        try:
            serving = [
                key for key, one in self._servers(machine).items() if one.weight and one.state != haproxy.STOPPED
            ]
        except OSError:
            # It has no file of the lab's yet.
            serving = []
        if balancer.certificate:
            self._run(machine, WRITE_CERTIFICATE, balancer.certificate)
        self._run(machine, APPLY, haproxy.settings(balancer, serving))
        self._written[name] = haproxy.digest(balancer)
        if not containers.answers(machine.address, time.monotonic() + containers.BOOT_SECONDS, haproxy.ADMIN_PORT):
            raise LabError("HAProxy does not answer")

    def _over(self, name: str, balancer: Balancer, there: haproxy.Servers) -> list[tuple[str, str]]:
        """The servers of targets that are not registered, and whose deregistration delay is over."""
        registered = {(haproxy.backend(group), target.id) for group in balancer.groups for target in group.targets}
        self._drain |= {haproxy.backend(group): group.drain_seconds for group in balancer.groups}
        now = time.monotonic()
        leaving = {
            (name, *key): self._until.get((name, *key), now + self._drain.get(key[0], 0))
            for key in there.keys() - registered
        }
        self._until = {key: end for key, end in self._until.items() if key[0] != name} | leaving
        return [key[1:] for key, end in leaving.items() if end <= now]

    def _boot(self, name: str, balancer: Balancer) -> Machine:
        """The balancer's host, made where it is missing. The first one gets the lab's port of this machine."""
        from lab.kinds import find  # noqa: PLC0415 - it imports this package

        with self.lock:
            address = self.account.balancer_address(balancer.name)
        self.changed.set()
        container = container_name(self.settings, name)
        machine = Machine(name, container, self.settings.suite, KIND, address, running=True, shared=True)
        if not self.podman.succeeds("container", "exists", container):
            print(f"{name}: create", flush=True)
            image = find(KIND).ensure_image(self.settings, self.podman, machine.suite)
            taken = any(one.port for one in containers.machines(self.settings, self.podman))
            publish = bool(self.settings.port) and not taken
            if publish:
                network.check_port(self.settings)
            words = ["--network-alias", balancer.dns_name]
            containers.create(self.settings, self.podman, machine, image, words, publish=publish)
        self.podman("start", container)
        self._written.pop(name, None)
        self.podman.script(container, "systemctl is-system-running --wait", timeout=containers.BOOT_SECONDS)
        return machine

    def _remove(self, name: str) -> None:
        machine = self._machines.pop(name)
        print(f"{name}: remove", flush=True)
        containers.remove(self.podman, [machine.container])
        with self.lock:
            self.account.free_address(machine.address)
        self._written.pop(name, None)
        self._active.discard(name)
        self._until = {key: end for key, end in self._until.items() if key[0] != name}

    def _run(self, machine: Machine, script: str, stdin: str) -> None:
        self.podman("exec", "--interactive", machine.container, "sh", "-c", script, stdin=stdin)

    def _servers(self, machine: Machine) -> dict[tuple[str, str], haproxy.Server]:
        return haproxy.servers(_ask(machine.address, ["show servers state"]))


def host_name(balancer: str) -> str:
    """The name of a balancer's host in the lab."""
    return f"alb-{balancer}"


def _arns(balancer: Balancer) -> set[str]:
    return {group.arn for group in balancer.groups}


def _ask(address: str, commands: list[str]) -> str:
    """What HAProxy's runtime API answers to commands.

    Raises:
        OSError: it does not answer.
    """
    with socket.create_connection((address, haproxy.ADMIN_PORT), ANSWER_SECONDS) as asked:
        asked.sendall((";".join(commands) + "\n").encode())
        asked.shutdown(socket.SHUT_WR)
        chunks = []
        while chunk := asked.recv(65536):
            chunks.append(chunk)
    return b"".join(chunks).decode()
