"""The mount of shared files: through TLS to a server that is known, and what happens where it is away. The kernel's NFS is played."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from controller import connect
from exposure import exposed

HOSTS = ("shared-files-13", "shared-files-12")
MOUNT = "mnt-applications.mount"
SERVER = "shared-files-server"
OPTIONS = "nfsvers=4.1,rsize=1048576,wsize=1048576,hard,timeo=600,retrans=2,noresvport,port=20049"


def until(what: Callable[[], bool], seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} seconds"
        time.sleep(1)


def active(host: Any, unit: str) -> bool:
    return bool(host.run("systemctl is-active %s", unit).stdout.strip() == "active")


def answers(host: Any) -> bool:
    """Whether the server is heard through the tunnel."""
    asked = 'exec 3<> /dev/tcp/127.0.0.1/20049 && IFS= read -r -t 5 line <&3 && [ "$line" = here ]'
    return bool(host.run("timeout 10 bash -c %s", asked).rc == 0)


def test_it_is_mounted_with_the_options_that_aws_recommends(host: Any) -> None:
    assert host.mount_point("/mnt/applications").exists
    assert active(host, MOUNT)
    source, directory, options = host.file("/var/log/mount.nfs4").content_string.splitlines()[0].split()
    assert (source, directory) == ("127.0.0.1:/", "/mnt/applications")
    assert OPTIONS in options
    for unit in (MOUNT, "shared-files-tls.service", "shared-files-mount.timer"):
        assert host.service(unit).is_enabled


def test_nothing_new_listens_on_the_network(host: Any) -> None:
    listening = {line.split()[3] for line in host.check_output("ss -Hltn").splitlines()}
    assert {one for one in listening if not one.endswith(":22")} == {"127.0.0.1:20049"}
    assert not [line for line in host.check_output("ss -Hlun").splitlines() if line.split()[3].endswith(":111")]


def test_its_services_reach_little_of_the_host(host: Any) -> None:
    assert exposed(host, "shared-files-tls.service", "shared-files-mount.service") == {}


def test_a_tunnel_that_starts_again_unmounts_nothing(host: Any) -> None:
    host.check_output("systemctl start application.service")
    host.check_output("systemctl restart shared-files-tls.service")
    assert active(host, MOUNT)
    assert active(host, "application.service")
    until(lambda: answers(host))


def test_a_host_without_its_server_waits_and_goes_on_by_itself() -> None:
    """At once on both hosts: the application ends with the mount, writes nothing below it, and comes back with the server."""
    server, hosts = connect(SERVER), [connect(name) for name in HOSTS]
    for host in hosts:
        host.check_output("systemctl start application.service")
    server.check_output("systemctl stop server.service")
    for host in hosts:
        host.check_output("systemctl stop %s", MOUNT)
        assert not active(host, "application.service")
        assert host.run("systemctl start application.service").rc != 0
        assert host.check_output("ls -A /mnt/applications") == ""
        # No account of an application may write there.
        assert host.run("runuser -u nobody -- touch /mnt/applications/lost").rc != 0
    # Several tries come to nothing.
    time.sleep(12)
    assert not any(active(host, MOUNT) for host in hosts)
    server.check_output("systemctl start server.service")
    for host in hosts:
        until(lambda host=host: active(host, MOUNT))  # type: ignore[misc]
        until(lambda host=host: active(host, "application.service"))  # type: ignore[misc]


def test_another_server_is_not_believed() -> None:
    """It has a certificate of an authority that counts, and another name."""
    server, hosts = connect(SERVER), [connect(name) for name in HOSTS]
    use = "cat /etc/ssl/private/{0}.key /etc/ssl/{0}.pem > /etc/server.pem && systemctl restart server.service"
    assert all(answers(host) for host in hosts)
    server.check_output(use.format("other.test"))
    try:
        for host in hosts:
            assert not answers(host)
            said = host.check_output("journalctl --no-pager --unit shared-files-tls.service --lines 50")
            assert "Rejected by CERT at depth=0: CN=other.test" in said, said
    finally:
        server.check_output(use.format("files.test"))
    for host in hosts:
        until(lambda host=host: answers(host))  # type: ignore[misc]
