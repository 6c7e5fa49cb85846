# SPDX-License-Identifier: MIT
"""What bringing a lab up does to its hosts: decided from what is there and what is listed, before anything changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lab.core.model import Host, Machine
from lab.core.settings import LabError

# Visitors go to the balancer where there is one.
FRONT_GROUPS = ("balancer", "web")


@dataclass(frozen=True)
class Plan:
    """What is to be done.

    Attributes:
        create: hosts that have no container yet.
        wake: hosts whose container does not run.
        remove: hosts that were taken out of the inventory.
        keep: hosts that another inventory listed, and this one does not.
        publish: the new host that this machine's port leads to, or "".
        front: the host that the port leads to afterwards, or "".
    """

    create: list[Host] = field(default_factory=list)
    wake: list[Machine] = field(default_factory=list)
    remove: list[Machine] = field(default_factory=list)
    keep: list[Machine] = field(default_factory=list)
    publish: str = ""
    front: str = ""


def check_owner(name: str, project: str, machines: Sequence[Machine]) -> None:
    """Refuse to touch hosts of another checkout.

    Raises:
        LabError: a lab of this name belongs to another one.
    """
    owner = next((machine.project for machine in machines if machine.project != project), None)
    if owner is not None:
        raise LabError(
            f"a lab named '{name}' of {owner} runs on this machine: choose another name with LAB_NAME=, "
            f"or run 'make down' in {owner}."
        )


def check_unchanged(hosts: Sequence[Host], machines: Sequence[Machine]) -> None:
    """Refuse what a host that is there cannot become.

    Raises:
        LabError: the inventory asks for another Debian or another kind.
    """
    there = {machine.name: machine for machine in machines}
    for host in hosts:
        old = there.get(host.name)
        if old and old.suite != host.suite:
            raise LabError(
                f"{host.name} runs {old.suite}, not {host.suite}: run 'make down' first; it removes the lab."
            )
        if old and old.kind != host.kind:
            raise LabError(
                f"{host.name} is of lab_kind {old.kind}, not {host.kind}: run 'make remove HOST={host.name}', "
                "then the same command again."
            )


def decide(
    hosts: Sequence[Host],
    machines: Sequence[Machine],
    listed_in: Mapping[str, str],
    inventory: str,
    whole: bool = True,
) -> Plan:
    """Compare what the inventory lists with what is there.

    A host that is not listed any more is removed when this very inventory listed it last. One that another inventory
    listed stays: after a change of LAB the site still needs it, until site.yml has moved what it keeps.

    Args:
        hosts: what the inventory lists.
        machines: the hosts that have a container.
        listed_in: by host, the inventory that listed it last.
        inventory: the one that is used now.
        whole: whether ``hosts`` is all of it; a part says nothing about the other hosts.
    """
    there = {machine.name: machine for machine in machines}
    listed = {host.name for host in hosts}
    gone = [machine for machine in machines if machine.name not in listed] if whole else []
    remove = [machine for machine in gone if listed_in.get(machine.name) == inventory]
    create = [host for host in hosts if host.name not in there]
    published = next((machine for machine in machines if machine.port and machine not in remove), None)
    # A port is given to a container when it is made.
    candidates = [host.name for group in FRONT_GROUPS for host in create if group in host.groups]
    publish = next(iter(candidates), "") if not published else ""
    return Plan(
        create=create,
        wake=[there[name] for name in sorted(listed & there.keys()) if not there[name].running],
        remove=remove,
        keep=[machine for machine in gone if machine not in remove],
        publish=publish,
        front=published.name if published else publish,
    )
