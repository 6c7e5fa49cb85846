"""Processes that are killed or frozen."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.faults.site import Site


def kill(host: str, unit: str, child: bool = False, signal: str = "KILL") -> Callable[[Site], None]:
    """A signal to the main process of a unit, or to its first child. ``unit`` may be ``server`` or ``postgres``."""

    def strike(site: Site) -> None:
        name = site.server(host) if unit == "server" else site.postgres() if unit == "postgres" else unit
        process = site.child(host, name) if child else site.main(host, name)
        site.run(host, f"kill -{signal} {process}")

    return strike


def backend(signal: str) -> Callable[[Site], None]:
    """A signal to one backend of the application."""

    def strike(site: Site) -> None:
        process = site.sql("SELECT pid FROM pg_stat_activity WHERE usename = 'bench' ORDER BY query_start DESC LIMIT 1")
        site.run("db1", f"kill -{signal} {process}")

    return strike


# A control group (version 1) beside the unit's, so that the kernel ends this one backend and nothing else.
MEMORY = "/sys/fs/cgroup/memory/hungry"
HUNGRY = """
set -e
ask="runuser -u postgres -- psql --no-psqlrc -At"
mkdir -p $group
echo 64M >$group/memory.limit_in_bytes
PGAPPNAME=hungry $ask -c 'SELECT pg_sleep(2)' -c "SELECT length(string_agg(repeat('x', 1000000), '')) FROM generate_series(1, 900)" &
sleep 1
$ask -c "SELECT pid FROM pg_stat_activity WHERE application_name = 'hungry'" >$group/cgroup.procs
! wait $!
grep -q '^oom_kill 1' $group/memory.oom_control
"""


def out_of_memory(site: Site) -> None:
    """One backend takes more memory than it may have, and the kernel ends it."""
    site.run("db1", f"group={MEMORY}\n{HUNGRY}")


@contextmanager
def without_limits(site: Site) -> Iterator[None]:
    """Remove the control group of `out_of_memory` afterwards."""
    yield
    site.run("db1", f"rmdir {MEMORY}")


def auxiliary(site: Site) -> None:
    """The checkpointer."""
    process = site.sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'")
    site.run("db1", f"kill -KILL {process}")


def over_the_limit(site: Site) -> None:
    """The postmaster again and again, until systemd gives up."""
    unit = site.postgres()
    end = time.monotonic() + 90
    while site.run("db1", f"systemctl is-active {unit}", check=False) != "failed":
        assert time.monotonic() < end, "the limit was never reached"
        site.run(
            "db1", f"p=$(systemctl show --property MainPID --value {unit}); test $p = 0 || kill -KILL $p", check=False
        )
        time.sleep(0.3)


def service_of_shop(site: Site) -> None:
    """The main process of a service, with no visitor of its own."""
    slot = site.run("web1", "basename $(readlink /srv/shop/live)")
    unit = f"shop-worker@{slot}.service"
    before = site.main("web1", unit)
    site.run("web1", f"kill -KILL {before}")
    site.until(
        "the service's return",
        "web1",
        f"p=$(systemctl show -P MainPID {unit}); test $p != 0 && test $p != {before}",
        30,
    )


def redis(site: Site) -> None:
    """Redis, with what was written to it."""
    site.run("db1", "redis-admin -n 1023 set fault kept >/dev/null; sleep 1.2")
    site.run("db1", f"kill -KILL {site.main('db1', 'redis-server.service')}")
    site.until("Redis's return", "db1", "test $(redis-admin -n 1023 get fault) = kept", 30)


def sshd(site: Site) -> None:
    """The one that takes new sessions."""
    before = site.main("web1", "ssh.service")
    site.run("web1", f"kill -KILL {before}")
    site.until("sshd's return", "web1", f"p=$(systemctl show -P MainPID ssh); test $p != 0 && test $p != {before}", 30)


def thaw(host: str) -> Callable[[Site], None]:
    """Let every process of a host go on that was stopped."""

    def heal(site: Site) -> None:
        site.run(
            host,
            "for s in $(grep -l '^State:.T' /proc/[0-9]*/status); do kill -CONT $(echo $s | cut -d/ -f3); done",
            check=False,
        )

    return heal
