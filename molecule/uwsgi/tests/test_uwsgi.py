"""What a master does for its clients, and what it may do on the host."""

from __future__ import annotations

import json

import pytest
from exposure import exposed
from slots import ask, show, socket_path, wait_until_active, workers

UNIT = "uwsgi-demo@blue.service"


def test_role_starts_nothing(host):
    for slot in ("blue", "green"):
        state = show(host, f"uwsgi-idle@{slot}.service", "LoadState", "ActiveState", "UnitFileState", "NRestarts")
        assert state == {
            "LoadState": "loaded",
            "ActiveState": "inactive",
            "UnitFileState": "disabled",
            "NRestarts": "0",
        }
    assert host.check_output("systemctl is-enabled uwsgi-demo@blue || true") == "disabled"


def test_application_answers(host):
    answer = ask(host)
    assert answer["status"] == 200
    assert answer["body"]["greeting"] == "hello"


def test_two_masters_run_side_by_side(host):
    blue, green = ask(host), ask(host, slot="green")
    assert (blue["body"]["slot"], green["body"]["slot"]) == ("blue", "green")
    assert (blue["body"]["greeting"], green["body"]["greeting"]) == ("hello", "good evening")
    assert blue["body"]["pid"] != green["body"]["pid"]


def test_socket_is_for_the_applications_group_alone(host):
    socket = host.file(socket_path("demo", "blue"))
    assert (socket.user, socket.group, socket.mode) == ("demo", "demo", 0o660)
    assert host.run(f"runuser -u nobody -- uwsgi-get {socket_path('demo', 'blue')} /").stdout.find('"status": 0') > 0


def test_no_port_is_open(host):
    processes = host.check_output("pgrep --uid demo").split()
    assert len(processes) >= 3
    listening = host.check_output("ss --listening --tcp --udp --processes --no-header")
    assert not [line for line in listening.splitlines() if any(f"pid={pid}," in line for pid in processes)]


def test_workers_follow_the_hosts_cpus_and_memory(host):
    cpus = int(host.check_output("nproc"))
    # The lab's hosts count with 1024 MB: half of it at 100 MB a worker.
    expected = max(2, min(2 * cpus, 5))
    assert len(workers(host)) == expected
    assert not ask(host)["body"]["threads"]


def test_connections_may_wait(host):
    assert host.sysctl("net.core.somaxconn") == 1024
    line = next(
        line for line in host.check_output("ss -lxH").splitlines() if socket_path("demo", "blue") in line.split()
    )
    assert line.split()[3] == "1024"


def test_open_files_are_limited(host):
    assert ask(host)["body"]["open_files"] == 16384


def test_systemd_knows_when_it_is_ready(host):
    state = show(host, UNIT, "Type", "StatusText", "User")
    assert state == {"Type": "notify", "StatusText": "uWSGI is ready", "User": "demo"}


def test_request_in_flight_is_answered_at_a_stop(host):
    unit = "uwsgi-demo@green.service"
    said = host.check_output(
        f"uwsgi-get {socket_path('demo', 'green')} '/slow?2' > /run/answer & sleep 0.5; systemctl stop {unit}; wait; cat /run/answer"
    )
    answer = json.loads(said)
    assert answer["status"] == 200, answer
    assert answer["seconds"] >= 2
    state = show(host, unit, "ActiveState", "Result")
    assert state == {"ActiveState": "inactive", "Result": "success"}
    host.check_output(f"systemctl start {unit}")
    assert ask(host, slot="green")["status"] == 200


def test_killed_master_comes_back(host):
    before = show(host, UNIT, "MainPID")["MainPID"]
    host.check_output(f"kill -KILL {before}")
    wait_until_active(host, UNIT, not_pid=before)
    assert ask(host)["status"] == 200


def test_frozen_worker_stops_nobody_else(host):
    pids = [worker["pid"] for worker in workers(host)]
    assert len(pids) > 1
    # One after the other: whichever of them would be the one that the rest waits for is among them.
    for pid in pids:
        host.check_output(f"kill -STOP {pid}")
        try:
            answers = [ask(host) for _ in range(5)]
        finally:
            host.check_output(f"kill -CONT {pid}")
        assert {answer["status"] for answer in answers} == {200}
        assert max(answer["seconds"] for answer in answers) < 5


def test_killed_worker_comes_back(host):
    count = len(workers(host))
    pid = ask(host)["body"]["pid"]
    host.check_output(f"kill -KILL {pid}")
    assert ask(host)["body"]["pid"] != pid
    assert len(workers(host)) == count


@pytest.mark.parametrize(
    "path",
    [
        "/srv/demo/slots/blue/release/app/hello/wsgi.py", "/srv/demo/open/file", "/home/open/file", "/etc/file",
        "/usr/local/bin/file", "/run/file", "/var/lib/file", "/root/file", "/proc/sys/net/core/somaxconn",
    ],
)  # fmt: skip
def test_application_cannot_write(host, path):
    answer = ask(host, f"/write?{path}")
    assert answer["status"] == 403, answer


def test_sandbox_forbids_what_the_files_modes_would_allow(host):
    assert "Read-only file system" in ask(host, "/write?/srv/demo/open/file")["body"]["said"]
    assert "Permission denied" in ask(host, "/write?/home/open/file")["body"]["said"]


def test_temporary_files_are_its_own(host):
    assert ask(host, "/write?/tmp/file-of-the-application")["status"] == 200
    assert not host.file("/tmp/file-of-the-application").exists


def test_exposure_is_low(host):
    assert exposed(host, UNIT) == {}


def test_settings_are_not_the_applications(host):
    for path in ("/etc/uwsgi/demo.ini", "/etc/uwsgi/demo_wsgi.py", "/etc/systemd/system/uwsgi-demo@.service"):
        file = host.file(path)
        assert (file.user, file.group, file.mode) == ("root", "root", 0o644)
    account = host.user("demo")
    assert (account.home, account.shell) == ("/srv/demo", "/usr/sbin/nologin")
