"""``python -m lab COMMAND``: what the Makefile calls."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable

from lab import hosts
from lab.podman import Podman
from lab.settings import PROJECT, LabError, Settings, from_environment


def _environment(settings: Settings) -> dict[str, str]:
    return {
        **os.environ,
        "LAB_NAME": settings.name,
        "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg"),
        "PATH": f"{PROJECT / '.venv/bin'}:{os.environ['PATH']}",
    }


def _playbook(settings: Settings, *words: str) -> None:
    command = [str(PROJECT / ".venv/bin/ansible-playbook"), "-i", str(settings.inventory), *words]
    if subprocess.run(command, cwd=PROJECT, env=_environment(settings), check=False).returncode != 0:
        again = f"ansible-playbook -i {settings.inventory.relative_to(PROJECT)} {shlex.join(words)}"
        raise LabError(f"the playbook failed, see above. The hosts still run; repeat with: {again}")


def _sites(settings: Settings) -> dict[str, dict[str, str]]:
    """What lab/sites.yml wrote: the first domain of each application and the name of its administrator, or ""."""
    path = settings.directory / "sites.json"
    if not path.exists():
        raise LabError(f"the lab '{settings.name}' serves no site yet: 'make up' runs site.yml on its hosts.")
    return json.loads(path.read_text())


def _urls(settings: Settings) -> dict[str, str]:
    """The address of each application."""
    containers = hosts.lab_containers(settings, Podman(settings))
    if not containers:
        raise LabError(f"the lab '{settings.name}' does not run: start it with 'make up'.")
    front = next((one for one in containers if one["Labels"].get("lab.port")), None)
    port = f":{front['Labels']['lab.port']}" if front else ""
    return {name: f"https://{domain}{port}/" for name, domain in _sites(settings)["domains"].items()}


def url(settings: Settings) -> None:
    """The addresses alone, one a line."""
    for address in _urls(settings).values():
        print(address)


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
    stage("image and hosts", lambda: hosts.start(settings))
    settings.say("Running site.yml")
    stage("secrets", lambda: _playbook(settings, "playbooks/secrets.yml"))
    stage("site.yml", lambda: _playbook(settings, "site.yml"))
    _playbook(settings, "lab/sites.yml")
    summary(settings, stages)


def summary(settings: Settings, stages: list[tuple[str, float]]) -> None:
    """What runs where and how to reach it."""
    addresses = json.loads((settings.directory / "hosts.json").read_text())
    listed = {host.name: host for host in hosts.inventory_hosts(settings)}
    admins = _sites(settings)["admins"]
    print()
    for name, address in _urls(settings).items():
        print(f"  {name:<14} {address}")
        if admins[name]:
            print(f"                 administrator '{admins[name]}', password in {settings.directory / 'secrets.yml'}")
            print(f"                 (secrets.applications.{name}.admin_password)")
    print(f"  Certificate    signed by the lab's own CA: {settings.directory / 'ca.pem'}")
    for name, address in addresses.items():
        groups = [group for group in listed[name].groups if group in ("web", "database", "balancer", "rds")]
        print(f"  {name:<14} {address:<15} {', '.join(groups)}   ssh -F .lab/{settings.name}/ssh_config {name}")
    print("  Took           " + ", ".join(f"{name} {seconds:.0f} s" for name, seconds in stages))
    print("  Remove it      make down\n")


def down(settings: Settings, force: bool = False) -> None:
    """Remove the lab."""
    found = hosts.remove(settings, force)
    settings.say(f"Lab '{settings.name}' removed" if found else f"There is no lab '{settings.name}'")


def clean(settings: Settings) -> None:
    """Remove the lab and the images."""
    down(settings)
    hosts.remove_images(settings)
    settings.say("Images removed")


COMMANDS: dict[str, Callable[[Settings, argparse.Namespace], object]] = {
    "up": lambda settings, _given: up(settings),
    "hosts": lambda settings, given: hosts.start(settings, given.limit),
    "remove": lambda settings, given: hosts.remove_hosts(settings, given.limit),
    "url": lambda settings, _given: url(settings),
    "down": lambda settings, given: down(settings, given.force),
    "clean": lambda settings, _given: clean(settings),
}


def main() -> int:
    """Entry point; the exit code is 0 or 1."""
    parser = argparse.ArgumentParser(prog="lab", description=__doc__)
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("--limit", default="all", help="inventory pattern, for hosts and remove (default: all)")
    parser.add_argument("--force", action="store_true", help="down: also a lab of this name of another checkout")
    arguments = parser.parse_args()
    try:
        COMMANDS[arguments.command](from_environment(), arguments)
    except LabError as error:
        print(f"make: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("make: interrupted; the same command goes on from here, 'make down' removes all.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
