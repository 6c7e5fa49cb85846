"""Disks that are full, and clocks that are wrong."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from tests.faults.site import WEB, Site

# What a web host writes.
WRITTEN = "/var/log/nginx /var/lib/nginx/body /srv/bench/shared/media"
FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"


@contextmanager
def small_cluster(site: Site, options: str) -> Iterator[None]:
    """PostgreSQL's data on a disk that can be filled."""
    with site.small_disk("db1", site.sql("SHOW data_directory", "postgres"), site.postgres(), options):
        yield


def fill(site: Site) -> None:
    """Every byte, and the log has to grow."""
    directory = site.sql("SHOW data_directory", "postgres")
    site.run("db1", f"dd if=/dev/zero of={directory}/fill bs=1M 2>/dev/null; true")
    grow(site)


def fill_inodes(site: Site) -> None:
    """Every inode, and the log has to grow."""
    directory = site.sql("SHOW data_directory", "postgres")
    site.run(
        "db1",
        f"mkdir {directory}/fill; n=0; while : > {directory}/fill/$n; do n=$((n+1)); done 2>/dev/null; true",
        check=False,
    )
    grow(site)


def grow(site: Site) -> None:
    """Make the write-ahead log need new files, until it cannot have one."""
    ask = "SELECT pg_logical_emit_message(true, 'fault', 'x'); SELECT pg_switch_wal()"
    site.run(
        "db1",
        f'for n in $(seq 60); do runuser -u postgres -- psql -XAtq -d bench -c "{ask}" || exit 0; done',
        check=False,
    )


def room(site: Site) -> None:
    """Somebody makes room."""
    site.run("db1", "rm -rf /var/lib/postgresql/*/main/fill")


@contextmanager
def small_web(site: Site) -> Iterator[None]:
    """What a web host writes, on disks that can be filled: nginx's logs and bodies, and media."""
    for host in WEB:
        site.run(
            host,
            f"for d in {WRITTEN}; do o=$(stat -c uid=%u,gid=%g,mode=%a $d); mount -t tmpfs -o size=1m,$o tmpfs $d; done; "
            "systemctl reload nginx; sleep 1",
        )
    try:
        yield
    finally:
        for host in WEB:
            site.run(host, f"for d in {WRITTEN}; do umount -l $d; done; systemctl reload nginx")


def fill_web(site: Site) -> None:
    """Every byte of it."""
    for host in WEB:
        site.run(
            host,
            f"for d in {WRITTEN}; do dd if=/dev/zero of=$d/fill bs=64k 2>/dev/null; done; true",
        )


def room_web(site: Site) -> None:
    """Somebody makes room."""
    for host in WEB:
        site.run(host, f"for d in {WRITTEN}; do rm -f $d/fill; done")


def wrong_clock(hours: int) -> Callable[[Site], AbstractContextManager[None]]:
    """The application's clock so many hours off: its processes are told another time, as a container has its machine's clock."""

    @contextmanager
    def around(site: Site) -> Iterator[None]:
        directory = "/run/systemd/system/uwsgi-bench@.service.d"
        for host in WEB:
            site.run(host, f"test -e {FAKETIME} || apt-get install --yes -q libfaketime >/dev/null")
            site.run(
                host,
                f"mkdir -p {directory}; printf '[Service]\\nEnvironment=LD_PRELOAD={FAKETIME} FAKETIME={hours:+d}h "
                f"FAKETIME_DONT_FAKE_MONOTONIC=1\\n' > {directory}/clock.conf; systemctl daemon-reload; "
                f"systemctl restart {site.server(host)}",
            )
            # Without the library the loader only warns, and the clock would be right.
            site.run(host, f"grep -q libfaketime /proc/{site.main(host, site.server(host))}/maps")
        try:
            yield
        finally:
            for host in WEB:
                site.run(host, f"rm -r {directory}; systemctl daemon-reload; systemctl restart {site.server(host)}")

    return around


def watch(seconds: float) -> Callable[[Site], None]:
    """Nothing more than what was prepared."""
    return lambda _site: time.sleep(seconds)
