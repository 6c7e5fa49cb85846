"""The faults: what is done to the site, what undoes it where nothing does by itself, and in which words the table says so."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from tests.faults import disks, networks, processes
from tests.faults.site import Site


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong.

    Attributes:
        what: in the words of the table.
        strike: makes it.
        back: what brings the site back, in the words of the table.
        hold: seconds until somebody heals it; 0 where it heals by itself.
        heal: what that somebody does.
        around: what has to be prepared, and is cleared away afterwards; not measured.
        within: seconds after which visitors have to be served again, from the moment when it heals.
    """

    what: str
    strike: Callable[[Site], object]
    back: str
    hold: float = 0
    heal: Callable[[Site], object] = lambda _site: None
    around: Callable[[Site], AbstractContextManager[None]] = lambda _site: nullcontext()
    within: float = 60


SYSTEMD = "systemd starts it again"
MASTER = "its master replaces it"

FAULTS = {
    "nginx-worker": Fault("nginx: a worker killed", processes.kill("web1", "nginx.service", child=True), MASTER),
    "nginx-master": Fault("nginx: the master killed", processes.kill("web1", "nginx.service"), SYSTEMD),
    "uwsgi-worker": Fault("uWSGI: a worker killed", processes.kill("web1", "server", child=True), MASTER),
    "uwsgi-master": Fault("uWSGI: the master killed", processes.kill("web1", "server"), SYSTEMD),
    "postgres-backend": Fault(
        "PostgreSQL: a backend killed, as for memory",
        processes.backend("KILL"),
        "the postmaster starts all backends anew",
    ),
    "postgres-memory": Fault(
        "PostgreSQL: a backend ended by the kernel, out of memory",
        processes.out_of_memory,
        "the same",
        around=processes.without_limits,
    ),
    "postgres-checkpointer": Fault("PostgreSQL: the checkpointer killed", processes.auxiliary, "the same"),
    "postgres-postmaster": Fault("PostgreSQL: the postmaster killed", processes.kill("db1", "postgres"), SYSTEMD),
    "postgres-limit": Fault(
        "PostgreSQL: the postmaster killed until systemd gave up",
        processes.over_the_limit,
        "`start-again@`, 20 s later",
        within=90,
    ),
    "redis": Fault("Redis killed", processes.redis, SYSTEMD),
    "service": Fault("a service of an application killed", processes.service_of_shop, SYSTEMD),
    "sshd": Fault("sshd killed", processes.sshd, SYSTEMD),
    "frozen-nginx": Fault(
        "nginx: a worker frozen for 10 s",
        processes.kill("web1", "nginx.service", True, "STOP"),
        "the other workers; its own connections wait",
        10,
        processes.thaw("web1"),
    ),
    "frozen-uwsgi": Fault(
        "uWSGI: a worker frozen for 20 s",
        processes.kill("web1", "server", True, "STOP"),
        "the other workers",
        20,
        processes.thaw("web1"),
    ),
    "frozen-master": Fault(
        "uWSGI: the master frozen for 20 s",
        processes.kill("web1", "server", False, "STOP"),
        "the workers go on",
        20,
        processes.thaw("web1"),
    ),
    "frozen-backend": Fault(
        "PostgreSQL: a backend frozen for 20 s",
        processes.backend("STOP"),
        "the other workers; one waits",
        20,
        processes.thaw("db1"),
    ),
    "reboot-web": Fault(
        "a web host rebooted", networks.reboot("web1"), "it boots; the other one serves meanwhile", within=120
    ),
    "reboot-db": Fault(
        "the database host rebooted", networks.reboot("db1"), "it boots; connections are made anew", within=120
    ),
    "power-web": Fault(
        "a web host without power for 5 s",
        networks.power_cut("web1"),
        "the same",
        5,
        networks.power_back("web1"),
        within=120,
    ),
    "power-db": Fault(
        "the database host without power for 5 s",
        networks.power_cut("db1"),
        "the same; PostgreSQL recovers from its log",
        5,
        networks.power_back("db1"),
        within=120,
    ),
    "network-cut": Fault(
        "no network between web hosts and database for 60 s",
        networks.cut,
        "connections end in seconds and are made anew",
        60,
        networks.whole,
    ),
    "network-delay": Fault(
        "300 ms between web hosts and database for 20 s",
        networks.delay,
        "nothing to do",
        20,
        networks.undelay,
        networks.relay,
    ),
    "network-loss": Fault(
        "5 % of the packets between web hosts and database lost for 20 s",
        networks.lose,
        "TCP sends again",
        20,
        networks.whole,
    ),
    "dns": Fault(
        "no DNS for 20 s, and every connection to the database ended",
        networks.no_dns,
        "the address is known",
        20,
        networks.whole,
    ),
    "disk-db": Fault(
        "PostgreSQL's disk full for 20 s",
        disks.fill,
        "room; `start-again@` where systemd gave up",
        20,
        disks.room,
        lambda site: disks.small_cluster(site, "size=400m"),
        within=90,
    ),
    "inodes-db": Fault(
        "PostgreSQL's disk without inodes for 20 s",
        disks.fill_inodes,
        "the same",
        20,
        disks.room,
        lambda site: disks.small_cluster(site, "size=600m,nr_inodes=3000"),
        within=90,
    ),
    "disk-web": Fault(
        "the disks of web hosts full (logs, bodies, media) for 10 s",
        disks.fill_web,
        "room",
        10,
        disks.room_web,
        disks.small_web,
    ),
    "clock-back": Fault(
        "the application's clock two hours late", disks.watch(10), "nothing to do", 0, around=disks.wrong_clock(-2)
    ),
    "clock-ahead": Fault(
        "the application's clock two hours ahead", disks.watch(10), "nothing to do", 0, around=disks.wrong_clock(2)
    ),
}
