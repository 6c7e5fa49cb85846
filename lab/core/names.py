# SPDX-License-Identifier: MIT
"""How hosts find each other by name.

Podman answers for the hosts' names at the network's first address, and knows of hosts that come and go. A host that
has further names of its own (RDS) brings a resolver, which all hosts ask first. Where to ask is in one file of
the lab, mounted into every host as /etc/resolv.conf: it is written in place, so hosts that run learn of a change.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
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
    # With a choice of servers, a second is enough to wait for one that is down; a busy machine may need more of them.
    options = "options timeout:1 attempts:4\n" if len(servers) > 1 else ""
    return "".join(f"nameserver {server}\n" for server in servers) + options


def write(settings: Settings, resolvers: Iterable[str], network: ipaddress.IPv4Network) -> None:
    """Tell all hosts where to ask."""
    write_in_place(path(settings), resolver_file(resolvers, network))


# Writes the file, unless its first servers are those that it should have, and says so. Podman's own may have more.
TELL = """\
wanted=$(echo "$1" | grep ^nameserver)
[ "$(grep ^nameserver /etc/resolv.conf | head -n "$(echo "$wanted" | wc -l)")" = "$wanted" ] && exit
echo "$1" > /etc/resolv.conf && echo told
"""


def tell_unmounted(settings: Settings, podman: Podman, containers: Mapping[str, str]) -> list[str]:
    """Tell hosts that don't have the lab's file mounted, because an earlier version made them.

    They have a file of Podman's, which Podman makes anew when they reboot.

    Args:
        settings: the lab.
        podman: this machine's Podman.
        containers: the hosts' containers, by name of host.

    Returns:
        The hosts that had to be told.

    Raises:
        LabError: a host can't be told: its mount leads to a file that was removed.
    """
    told = []
    for host, container in containers.items():
        done = podman.script(container, TELL, path(settings).read_text().strip())
        if done.returncode != 0:
            raise LabError(
                f"{host} can't be told new names, because {path(settings)} was removed while it ran: "
                f"run 'make remove HOST={host}', then the same command again."
            )
        if done.stdout.strip():
            told.append(host)
    return told
