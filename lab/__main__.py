# SPDX-License-Identifier: MIT
"""``python -m lab COMMAND``: what the Makefile calls."""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace

from lab import kinds, sites
from lab.core import containers, hosts, images, inventory, ssh
from lab.core.model import Machine
from lab.core.podman import Podman, project_label
from lab.core.settings import PROJECT, LabError, Settings, from_environment
from lab.kinds.aws import control, rehearsal

SHOWN_GROUPS = ("web", "database", "redis", "backup", "balancer", "rds")


def _environment(settings: Settings) -> dict[str, str]:
    return {
        **os.environ,
        "LAB_NAME": settings.name,
        "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg"),
        # Ansible wants a locale in UTF-8 that is there, and this one always is.
        "LC_ALL": "C.UTF-8",
        "PATH": f"{PROJECT / '.venv/bin'}:{os.environ['PATH']}",
    }


def _playbook(settings: Settings, *words: str) -> None:
    command = [str(PROJECT / ".venv/bin/ansible-playbook"), "-i", str(settings.inventory), *words]
    if subprocess.run(command, cwd=PROJECT, env=_environment(settings), check=False).returncode != 0:
        again = f"ansible-playbook -i {inventory.title(settings.inventory)} {shlex.join(words)}"
        raise LabError(f"the playbook failed, see above. The hosts still run; repeat with: {again}")


def _sites(settings: Settings) -> dict[str, dict[str, str]]:
    """The first domain of each application and the name of its administrator, or ""."""

    def write() -> None:
        words = ["-i", str(settings.inventory), "lab/sites.yml"]
        done = subprocess.run(
            [str(PROJECT / ".venv/bin/ansible-playbook"), *words],
            cwd=PROJECT, env=_environment(settings), capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode != 0:
            lines = [line for line in (done.stderr + done.stdout).splitlines() if "ERROR" in line or "FAILED" in line]
            said = lines[0] if lines else f"ansible-playbook {' '.join(words)} failed"
            raise LabError(f"the lab '{settings.name}' has no address that could be told: {said}")

    return sites.read(settings, write)


def _machines(settings: Settings) -> list[Machine]:
    """The hosts of the lab.

    Raises:
        LabError: it has none; the message names the labs of this machine that have.
    """
    podman = Podman(settings)
    found = containers.machines(settings, podman)
    if not found:
        others = sorted({one["Labels"]["lab.name"] for one in podman.containers(f"label={project_label()}")})
        running = f" Labs that are here: {', '.join(others)} (choose with LAB_NAME=)." if others else ""
        raise LabError(f"the lab '{settings.name}' does not run: start it with 'make up'.{running}")
    # An instance is called by its tag `Name`, as in ssh_config.
    names = {address: name for name, address in ssh.addresses(settings).items()}
    return [replace(one, name=names.get(one.address, one.name)) for one in found]


def _urls(settings: Settings, machines: list[Machine]) -> dict[str, str]:
    """The address of each application."""
    port = next((f":{machine.port}" for machine in machines if machine.port), "")
    return {name: f"https://{domain}{port}/" for name, domain in _sites(settings)["domains"].items()}


def url(settings: Settings) -> None:
    """The addresses alone, one a line.

    Raises:
        LabError: nothing answers there.
    """
    machines = _machines(settings)
    front = next((machine for machine in machines if machine.port), None)
    if front and not front.running:
        raise LabError(f"{front.name}, which serves the site, does not run: start it with 'make up'.")
    if not sites.served(machine.address for machine in machines if machine.running):
        raise LabError(f"the lab '{settings.name}' serves no site yet: 'make up' runs site.yml on its hosts.")
    for address in _urls(settings, machines).values():
        print(address)


def shell(settings: Settings, host: str) -> None:
    """A shell on a host; takes this process's place.

    Raises:
        LabError: the lab has no such host.
    """
    machines = _machines(settings)
    hosts.check_known(settings, host, [machine.name for machine in machines])
    if not next(machine for machine in machines if machine.name == host).running:
        raise LabError(f"{host} does not run: start it with 'make up'.")
    config = settings.directory / "ssh_config"
    if host not in ssh.addresses(settings) or not config.exists():
        raise LabError(f"{host} runs, but {config} does not say how to reach it: run 'make up', which writes it again.")
    os.execvp("ssh", ["ssh", "-F", str(config), host])  # noqa: S606 - no shell is meant


def up(settings: Settings) -> None:
    """Hosts, then site.yml, then what to know about it."""
    stages: list[tuple[str, float]] = []

    def stage(name: str, work: Callable[[], object]) -> None:
        began = time.monotonic()
        work()
        stages.append((name, time.monotonic() - began))

    bootstrap = float(os.environ.get("LAB_BOOTSTRAP_SECONDS") or 0)
    if bootstrap:
        stages.append(("packages and .venv", bootstrap))
    rehearsal.check(settings)
    if rehearsal.is_one(settings):
        _provision(settings, stage)
    else:
        stage("image and hosts", lambda: hosts.start(settings))
    settings.say("Running site.yml")
    stage("secrets", lambda: _playbook(settings, "playbooks/secrets.yml"))
    stage("site.yml", lambda: _playbook(settings, "site.yml"))
    if rehearsal.is_one(settings):
        domains = _sites(settings)["domains"].values()
        stage("balancer", lambda: rehearsal.wait_for_visitors(settings, _machines(settings), domains))
    summary(settings, stages)


def _signed(settings: Settings, machines: list[Machine]) -> str:
    """Who signs the certificates of the sites, and where one finds out."""
    others = [told for machine in machines if (told := kinds.find(machine.kind).signs(settings, machine))]
    return others[0] if others else f"signed by the lab's own CA: {settings.directory / 'ca.pem'}"


def _provision(settings: Settings, stage: Callable[[str, Callable[[], object]], None]) -> None:
    """What an account has to have before site.yml: the endpoint, and in it what the environment's variables ask for."""
    stage("endpoint", lambda: control.start(settings))
    rehearsal.use(settings)
    stage("certificate", lambda: (_playbook(settings, "lab/certificate.yml"), rehearsal.ensure_certificate(settings)))
    settings.say("Running aws_provision.yml")
    stage("aws_provision.yml", lambda: _playbook(settings, "playbooks/aws_provision.yml"))


def summary(settings: Settings, stages: list[tuple[str, float]]) -> None:
    """What runs where and how to reach it."""
    machines = _machines(settings)
    listed = {host.name: host for host in inventory.read(settings)}
    admins = _sites(settings)["admins"]
    print()
    for name, address in _urls(settings, machines).items():
        print(f"  {name:<14} {address}")
        if admins[name]:
            print(f"                 administrator '{admins[name]}', password in {settings.directory / 'secrets.yml'}")
            print(f"                 (secrets.applications.{name}.admin_password)")
    print(f"  Certificate    {_signed(settings, [machine for machine in machines if machine.name in listed])}")
    for machine in machines:
        if machine.name in listed:
            shown = [group for group in listed[machine.name].groups if group in SHOWN_GROUPS]
        else:
            shown = [f"(not in {inventory.title(settings.inventory)})"]
        reach = f"ssh -F .lab/{settings.name}/ssh_config {machine.name}"
        print(f"  {machine.name:<14} {machine.address:<15} {', '.join(shown)}   {reach}")
    print("  Took           " + ", ".join(f"{name} {seconds:.0f} s" for name, seconds in stages))
    print("  Remove it      make down\n")


def down(settings: Settings, force: bool = False) -> None:
    """Remove the lab."""
    found = hosts.remove(settings, force)
    settings.say(f"Lab '{settings.name}' removed" if found else f"There is no lab '{settings.name}'")


def clean(settings: Settings) -> None:
    """Remove the lab and the images."""
    down(settings)
    images.remove(Podman(settings))
    settings.say("Images removed")


COMMANDS: dict[str, Callable[[Settings, argparse.Namespace], object]] = {
    "up": lambda settings, _given: up(settings),
    "hosts": lambda settings, given: hosts.start(settings, given.limit),
    "remove": lambda settings, given: (
        hosts.remove_listed(settings, given.limit) if given.host is None else hosts.remove_host(settings, given.host)
    ),
    "ssh": lambda settings, given: shell(settings, given.host or ""),
    "url": lambda settings, _given: url(settings),
    "down": lambda settings, given: down(settings, given.force),
    "clean": lambda settings, _given: clean(settings),
}


def main() -> int:
    """Entry point; the exit code is 0 or 1."""
    parser = argparse.ArgumentParser(prog="lab", description=__doc__)
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("--limit", default="all", help="inventory pattern, for hosts and remove (default: all)")
    parser.add_argument("--host", help="one host of the lab, for ssh and remove; listed or not")
    parser.add_argument("--force", action="store_true", help="down: also a lab of this name of another checkout")
    arguments = parser.parse_args()
    try:
        settings = from_environment()
        rehearsal.use(settings)
        COMMANDS[arguments.command](settings, arguments)
    except LabError as error:
        print(f"make: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("make: interrupted; the same command goes on from here, 'make down' removes all.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
