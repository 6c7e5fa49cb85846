"""Hosts that go away and come back, and what lies between them: packets lost, late, or none, and names without an answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults.site import WEB, Site

RELAY = Path(__file__).with_name("relay.py")


def reboot(host: str) -> Callable[[Site], object]:
    """An orderly reboot; returns when the host has begun to boot."""

    def strike(site: Site) -> None:
        before = site.pid(host)
        site.run(host, "systemctl reboot", check=False)
        end = time.monotonic() + 90
        while site.pid(host) in (before, 0):
            assert time.monotonic() < end, f"{host} does not reboot"
            time.sleep(0.2)

    return strike


def power_cut(host: str) -> Callable[[Site], object]:
    """The whole host at once, without a word."""
    return lambda site: site.power_cut(host)


def power_back(host: str) -> Callable[[Site], object]:
    """Start the host again."""
    return lambda site: site.power_back(host)


def cut(site: Site) -> None:
    """No packet between the web hosts and the database."""
    addresses = ", ".join(site.address(host) for host in WEB)
    site.packets("db1", f"chain in {{ type filter hook input priority 0; ip saddr {{ {addresses} }} drop; }}")


def lose(site: Site) -> None:
    """One packet of twenty, either way, between the web hosts and the database."""
    rule = "numgen random mod 100 < 5 drop"
    addresses = ", ".join(site.address(host) for host in WEB)
    site.packets("db1", f"chain in {{ type filter hook input priority 0; ip saddr {{ {addresses} }} {rule}; }}")
    for host in WEB:
        site.packets(host, f"chain in {{ type filter hook input priority 0; ip saddr {site.address('db1')} {rule}; }}")


def whole(site: Site) -> None:
    """The network as it was."""
    for host in (*WEB, "db1"):
        site.packets(host)


@contextmanager
def relay(site: Site) -> Iterator[None]:
    """On each web host a program that can pass on what goes to the database, 150 ms late each way."""
    for host in WEB:
        site.podman("cp", str(RELAY), f"{site.container(host)}:/run/relay.py")
        site.run(host, f"systemd-run --quiet --unit relay python3 /run/relay.py {site.address('db1')} 0.15")
    try:
        yield
    finally:
        for host in WEB:
            site.run(host, "systemctl stop relay", check=False)


def delay(site: Site) -> None:
    """300 ms there and back between the web hosts and the database, for all connections."""
    for host in WEB:
        rule = f"ip daddr {site.address('db1')} tcp dport 5432 meta skuid != 0 redirect to :15432"
        site.packets(host, f"chain out {{ type nat hook output priority -100; {rule}; }}")
    site.sql("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = 'bench'")


def undelay(site: Site) -> None:
    """Straight to the database again."""
    whole(site)
    for host in WEB:
        site.run(host, "systemctl restart relay", check=False)


def no_dns(site: Site) -> None:
    """No answer from any resolver, and every worker has to connect anew."""
    for host in WEB:
        site.packets(host, "chain in { type filter hook input priority 0; udp sport 53 drop; tcp sport 53 drop; }")
    site.sql("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = 'bench'")
