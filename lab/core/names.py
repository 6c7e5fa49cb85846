"""How hosts find each other by name.

Podman answers for the hosts' names at the network's first address, and knows of hosts that come and go. A host that
plays something with names of its own (RDS) brings a resolver, which all hosts ask first. Where to ask is in one file of
the lab, mounted into every host as /etc/resolv.conf: it is written in place, so hosts that run learn of a change.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from pathlib import Path

from lab.core.files import write_in_place
from lab.core.podman import Podman
from lab.core.settings import LabError, Settings


def path(settings: Settings) -> Path:
    """The file that is every host's /etc/resolv.conf."""
    return settings.directory / "resolv.conf"


def resolver_file(resolvers: Iterable[str], network: ipaddress.IPv4Network) -> str:
    """Its text: the resolvers that hosts bring, then Podman's, which answers too where one of the others is down."""
    servers = [*sorted(set(resolvers), key=ipaddress.IPv4Address), str(network[1])]
    return "".join(f"nameserver {server}\n" for server in servers) + "options timeout:1 attempts:2\n"


def write(settings: Settings, resolvers: Iterable[str], network: ipaddress.IPv4Network) -> None:
    """Tell all hosts where to ask."""
    write_in_place(path(settings), resolver_file(resolvers, network))


def check(podman: Podman, containers: dict[str, str], resolvers: Iterable[str]) -> None:
    """Refuse to go on with hosts that cannot learn of a resolver.

    Args:
        podman: this machine's Podman.
        containers: the hosts' containers, by name of host.
        resolvers: what all of them have to ask.

    Raises:
        LabError: hosts were made before the lab had such a file, or it was removed by hand.
    """
    deaf = [
        host
        for host, container in containers.items()
        for resolver in resolvers
        if podman.script(container, 'grep -qxF "nameserver $1" /etc/resolv.conf', resolver).returncode != 0
    ]
    if deaf:
        raise LabError(
            f"{', '.join(sorted(set(deaf)))} cannot be told new names, because an earlier version of the lab made them "
            "or the lab's files were removed: run 'make down', then the same command again."
        )
