# SPDX-License-Identifier: MIT
"""The lab's network, the addresses in it, and the port of this machine that leads to it."""

from __future__ import annotations

import ipaddress
import json
import socket
import zlib
from collections.abc import Iterable, Mapping

from lab.core.podman import Podman, project_label, run
from lab.core.settings import LabError, Settings

FIRST_ADDRESS = 11


def _used(podman: Podman, own: str) -> list[ipaddress.IPv4Network]:
    routes = json.loads(run(["ip", "-json", "route"], what="the routes cannot be read").stdout or "[]")
    used = [
        ipaddress.IPv4Network(route["dst"])
        for route in routes
        if route["dst"] not in ("default", "0.0.0.0/0")
        and ":" not in route["dst"]
        and "unreachable" not in route.get("type", "")
    ]
    for network in podman.networks():
        if network["name"] != own:
            used += [
                ipaddress.IPv4Network(one["subnet"]) for one in network.get("subnets", []) if ":" not in one["subnet"]
            ]
    return used


def choose_subnet(settings: Settings, podman: Podman) -> ipaddress.IPv4Network:
    """A network that nothing else on this machine uses; the one asked for, or one derived from the lab's name."""
    used = _used(podman, settings.name)
    if settings.subnet:
        taken = next((network for network in used if network.overlaps(settings.subnet)), None)
        if taken:
            raise LabError(f"LAB_SUBNET={settings.subnet} overlaps {taken}, which is in use: give another, or none.")
        return settings.subnet
    start = zlib.crc32(settings.name.encode()) % 200
    for step in range(200):
        candidate = ipaddress.IPv4Network(f"10.89.{20 + (start + step) % 200}.0/24")
        if not any(network.overlaps(candidate) for network in used):
            return candidate
    raise LabError("no free network in 10.89.20.0 to 10.89.219.0: give one with LAB_SUBNET=, such as 10.90.7.0/24.")


def find(settings: Settings, podman: Podman) -> ipaddress.IPv4Network | None:
    """The lab's network, or None where it has none yet."""
    mine = [one for one in podman.networks(f"name=^{settings.name}$") if one["name"] == settings.name]
    return ipaddress.IPv4Network(mine[0]["subnets"][0]["subnet"]) if mine else None


def ensure(settings: Settings, podman: Podman) -> ipaddress.IPv4Network:
    """The lab's network, made where it is missing."""
    network = find(settings, podman)
    if network:
        if settings.subnet and network != settings.subnet:
            raise LabError(
                f"the lab '{settings.name}' stands on {network}: run 'make down' before giving it {settings.subnet}."
            )
        return network
    network = choose_subnet(settings, podman)
    labels = ["--label", f"lab.name={settings.name}", "--label", project_label()]
    podman("network", "create", *labels, "--subnet", str(network), settings.name)
    return network


def remove(settings: Settings, podman: Podman) -> bool:
    """Remove the lab's network; whether there was one."""
    names = [one["name"] for one in podman.networks(f"label=lab.name={settings.name}")]
    for name in names:
        podman("network", "rm", "--force", name)
    return bool(names)


def assign_addresses(hosts: Iterable[str], network: ipaddress.IPv4Network, taken: Mapping[str, str]) -> dict[str, str]:
    """An address a host; those that have one keep it, the others take the next free.

    Args:
        hosts: names of hosts.
        network: the lab's network.
        taken: the addresses of the hosts that run, by name.

    Raises:
        LabError: the network has no address left.
    """
    free = (str(network[number]) for number in range(FIRST_ADDRESS, 255) if str(network[number]) not in taken.values())
    given = {host: taken.get(host) or next(free, "") for host in hosts}
    if without := [host for host, address in given.items() if not address]:
        raise LabError(f"{network} has no address left for {', '.join(without)}: take hosts out of the inventory.")
    return given


def check_port(settings: Settings) -> None:
    """Refuse a port of this machine that is in use."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", settings.port))
        except OSError:
            raise LabError(
                f"port {settings.port} of this machine is in use: choose another, as in 'LAB_PORT=9443 make up'."
            ) from None
