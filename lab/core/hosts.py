# SPDX-License-Identifier: MIT
"""The life cycle of the lab's hosts: started, added to, taken from, removed without a trace."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lab import kinds
from lab.core import containers, inventory, names, network, plan, ssh
from lab.core.lock import locked
from lab.core.model import SHARED_MOUNT, Host, Machine, container_name
from lab.core.podman import Podman
from lab.core.settings import PROJECT, LabError, Settings


def _resolvers(machines: Iterable[Machine]) -> list[str]:
    """The addresses where hosts answer for names that Podman doesn't know."""
    answers = [kinds.find(machine.kind).resolver(machine) for machine in machines]
    return [address for address in answers if address]


def start(settings: Settings, limit: str = "all") -> dict[str, str]:
    """Bring the hosts of the inventory up, and remove those that were taken out of it.

    Args:
        settings: the lab.
        limit: an inventory pattern; hosts outside it stay as they are.

    Returns:
        The address of each host of the pattern.

    Raises:
        LabError: something is in the way; nothing was changed when the message names a setting.
    """
    podman = Podman(settings)
    with locked(settings):
        hosts = inventory.read(settings, limit)
        existing = containers.machines(settings, podman)
        plan.check_owner(settings.name, str(PROJECT), existing)
        plan.check_unchanged(hosts, existing)
        asked = {name: kinds.find(name) for name in sorted({host.kind for host in hosts})}
        listed_in = inventory.recorded(settings)
        todo = plan.decide(hosts, existing, listed_in, str(settings.inventory), whole=limit == "all")
        publish = todo.publish if settings.port else ""
        if publish and not any(machine.port == str(settings.port) for machine in todo.remove):
            network.check_port(settings)
        containers.ensure_kernel_settings(settings)
        subnet = network.ensure(settings, podman)
        images = {
            (kind, suite): asked[kind].ensure_image(settings, podman, suite)
            for kind, suite in sorted({(host.kind, host.suite) for host in todo.create})
        }
        public_key = ssh.ensure_key(settings)
        _say_what_goes(settings, todo, listed_in)
        staying = [machine for machine in existing if machine not in todo.remove]
        names.write(settings, _resolvers(machine for machine in staying if machine.running), subnet)
        _remove_machines(settings, podman, todo.remove)

        addresses = network.assign_addresses(
            [host.name for host in hosts], subnet, {machine.name: machine.address for machine in staying}
        )
        new = [_machine(settings, host, addresses[host.name]) for host in todo.create]
        inventory.record(settings, addresses, [machine.name for machine in staying])
        for machine in new:
            more = asked[machine.kind].run_words(settings, machine)
            image = images[machine.kind, machine.suite]
            containers.create(settings, podman, machine, image, more, publish=machine.name == publish)
        for machine in todo.wake:
            settings.say(f"Starting {machine.name} again")
            podman("start", machine.container)
        if new:
            settings.say(f"Booting {', '.join(machine.name for machine in new)}")
        booted = [machine for machine in [*staying, *new] if machine.name in addresses]
        keys = _in_parallel(lambda machine: containers.wait_for_boot(podman, machine, public_key), booted)
        for machine in booted:
            asked[machine.kind].after_boot(settings, podman, machine, subnet)
        # Not before the resolvers answer: a lookup waits for one that doesn't.
        answering = [machine for machine in [*staying, *new] if machine.running or machine in booted]
        names.write(settings, _resolvers(answering), subnet)
        told = names.tell_unmounted(settings, podman, {machine.name: machine.container for machine in booted})
        if told:
            settings.say(
                f"An earlier version of the lab made {', '.join(told)}: new names are lost when one of them reboots, "
                "until the next 'make up'"
            )
        _note_shared_files(settings, [*staying, *new])
        ssh.write_files(settings, _addresses([*staying, *new]), dict(zip(_addresses(booted), keys, strict=True)))
    return addresses


def _note_shared_files(settings: Settings, machines: Sequence[Machine]) -> None:
    """Note whether all hosts share a file system, by which group_vars/env_lab chooses where the sample application keeps uploads."""
    lacking = [machine.name for machine in machines if not machine.shared]
    note = settings.directory / "shared-files"
    if not lacking:
        note.touch()
        return
    note.unlink(missing_ok=True)
    settings.say(
        f"An earlier version of the lab made {', '.join(lacking)}, without the file system that hosts share ({SHARED_MOUNT}): "
        "uploads stay on the host that took them, until 'make down' and 'make up'"
    )


def _addresses(machines: Iterable[Machine]) -> dict[str, str]:
    """The address of each host, by name."""
    return {machine.name: machine.address for machine in machines}


def _machine(settings: Settings, host: Host, address: str) -> Machine:
    return Machine(host.name, container_name(settings, host.name), host.suite, host.kind, address, shared=True)


def _in_parallel(work: Callable[[Machine], str], machines: Sequence[Machine]) -> list[str]:
    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(work, machines))


def _say_what_goes(settings: Settings, todo: plan.Plan, listed_in: Mapping[str, str]) -> None:
    """Say which hosts are no longer listed, and what happens to each."""
    where = inventory.title(settings.inventory)
    if todo.remove:
        settings.say(f"Removing {', '.join(one.name for one in todo.remove)}: no longer in {where}")
    for machine in todo.keep:
        other = listed_in.get(machine.name)
        why = f"{inventory.title(Path(other))} lists it" if other else "an earlier version of the lab made it"
        settings.say(
            f"{machine.name} is not in {where} and stays, because {why}: remove it with 'make remove HOST={machine.name}'"
        )
    if settings.port and any(machine.port for machine in todo.remove) and not todo.front:
        settings.say(
            f"Port {settings.port} of this machine led to a host that is removed. A port is given to a host when it is "
            "made: add a web host, or run 'make down' and 'make up', for it to lead to the site again"
        )


def _remove_machines(settings: Settings, podman: Podman, doomed: Sequence[Machine]) -> None:
    """Remove hosts with the files that tell of them; names and SSH files are the caller's."""
    if not doomed:
        return
    ssh.close_connections(settings, [machine.name for machine in doomed])
    containers.remove(podman, [machine.container for machine in doomed])
    for machine in doomed:
        for path in kinds.find(machine.kind).files(settings, machine):
            path.unlink(missing_ok=True)


def _remove_some(settings: Settings, podman: Podman, doomed: Sequence[Machine], existing: Sequence[Machine]) -> None:
    """Remove hosts of a lab whose other hosts go on, and what the lab's files and names say of them."""
    if not doomed:
        return
    staying = [machine for machine in existing if machine not in doomed]
    subnet = network.find(settings, podman)
    if subnet:
        names.write(settings, _resolvers(machine for machine in staying if machine.running), subnet)
    _remove_machines(settings, podman, doomed)
    inventory.record(settings, [], [machine.name for machine in staying])
    ssh.write_files(settings, _addresses(staying))
    settings.say(f"{', '.join(machine.container for machine in doomed)} removed")


def remove_listed(settings: Settings, limit: str) -> None:
    """Remove the hosts that match an inventory pattern, and leave the others and the network."""
    podman = Podman(settings)
    with locked(settings):
        existing = containers.machines(settings, podman)
        plan.check_owner(settings.name, str(PROJECT), existing)
        listed = {host.name for host in inventory.read(settings, limit)}
        _remove_some(settings, podman, [machine for machine in existing if machine.name in listed], existing)


def remove_host(settings: Settings, name: str) -> None:
    """Remove one host by its name, whichever inventory lists it.

    Raises:
        LabError: the lab has no such host.
    """
    podman = Podman(settings)
    with locked(settings):
        existing = containers.machines(settings, podman)
        plan.check_owner(settings.name, str(PROJECT), existing)
        check_known(settings, name, [machine.name for machine in existing])
        _remove_some(settings, podman, [machine for machine in existing if machine.name == name], existing)


def check_known(settings: Settings, name: str, there: Sequence[str]) -> None:
    """Refuse a host that the lab doesn't have, and name those that it has.

    Raises:
        LabError: there is no lab of this name, no host is named, or the lab has none of that name.
    """
    if not there:
        raise LabError(f"the lab '{settings.name}' does not run: start it with 'make up'.")
    hosts = ", ".join(there)
    if not name:
        raise LabError(f"HOST= is missing: give one of {hosts}.")
    if name not in there:
        raise LabError(f"the lab '{settings.name}' has no host '{name}': give one of {hosts}.")


def remove(settings: Settings, force: bool = False) -> bool:
    """Remove the lab's containers, network and files.

    Args:
        settings: the lab.
        force: also when a lab of this name belongs to another checkout.

    Returns:
        Whether there was anything to remove.
    """
    podman = Podman(settings)
    with locked(settings):
        if not force:
            plan.check_owner(settings.name, str(PROJECT), containers.machines(settings, podman))
        # What makes hosts by itself ends first.
        for name in kinds.names():
            kinds.find(name).end(settings)
        existing = containers.machines(settings, podman)
        if existing:
            containers.remove(podman, [machine.container for machine in existing])
        for name in kinds.names():
            kinds.find(name).clear(settings)
        podman("volume", "rm", "--force", containers.shared_volume(settings))
        had_network = network.remove(settings, podman)
        ssh.close_connections(settings, ssh.addresses(settings))
        # Releases and screenshots below build/ are no part of the lab's hosts; all else goes with it.
        shutil.rmtree(settings.directory, ignore_errors=True)
    (settings.directory.parent / f"{settings.name}.lock").unlink(missing_ok=True)
    return bool(existing) or had_network
