"""Everything that the role lets one change has another value, and the host follows."""

from __future__ import annotations

import json
import time

from controller import play
from slots import ask, show, socket_path, workers


def test_two_applications_run_as_two_users(host):
    assert ask(host)["body"]["greeting"] == "hello"
    assert ask(host, name="other")["body"]["greeting"] == "salut"
    users = {name: show(host, f"uwsgi-{name}@blue.service", "User")["User"] for name in ("demo", "other")}
    assert users == {"demo": "demo", "other": "other"}


def test_workers_follow_the_given_cpus_and_memory(host):
    assert len(workers(host)) == 5


def test_workers_follow_a_number_given_for_all():
    said = play("uwsgi_full/converge.yml", "--check", "--diff", "-e", "uwsgi_processes=7", limit="uwsgi_full").stdout
    assert "-processes = 5" in said
    assert "+processes = 7" in said


def test_threads_of_one_worker_answer_side_by_side(host):
    assert len(workers(host, "other")) == 1
    assert ask(host, name="other")["body"]["threads"]
    socket = socket_path("other", "blue")
    said = host.check_output(
        f"for n in 1 2 3; do uwsgi-get {socket} '/slow?1' > /run/answer$n & done; wait; cat /run/answer1 /run/answer2 /run/answer3"
    )
    answers = [json.loads(line) for line in said.splitlines()]
    assert [answer["status"] for answer in answers] == [200, 200, 200]
    assert max(answer["seconds"] for answer in answers) < 1.9


def test_stuck_request_is_ended(host):
    answer = ask(host, "/slow?30")
    assert answer["status"] == 0
    # harakiri is 3; uWSGI counts whole seconds of the clock.
    assert 1.9 < answer["seconds"] < 8
    assert ask(host)["status"] == 200
    assert len(workers(host)) == 5
    log = host.check_output("journalctl --sync && journalctl --unit uwsgi-demo@blue --no-pager --output cat")
    assert "HARAKIRI" in log


def test_systemd_waits_a_little_longer_than_the_longest_request(host):
    assert show(host, "uwsgi-demo@blue", "TimeoutStopUSec")["TimeoutStopUSec"] == "18s"
    assert show(host, "uwsgi-other@blue", "TimeoutStopUSec")["TimeoutStopUSec"] == "1min 15s"


def test_workers_are_replaced_after_some_requests(host):
    time.sleep(1.1)
    before = {worker["pid"] for worker in workers(host)}
    ends = host.check_output(
        f"for n in $(seq 160); do uwsgi-get {socket_path('demo', 'blue')} /; done | grep -c '\"status\": 200'"
    )
    assert ends == "160"
    assert {worker["pid"] for worker in workers(host)} != before


def test_worker_that_grew_is_replaced(host):
    time.sleep(1.1)
    before = workers(host, "other")[0]["pid"]
    # Only demo's workers may be replaced after a second; other's have to live a minute.
    grown = ask(host, "/grow?160")["body"]["pid"]
    deadline = time.monotonic() + 10
    while grown in {worker["pid"] for worker in workers(host)} and time.monotonic() < deadline:
        time.sleep(0.2)
    assert grown not in {worker["pid"] for worker in workers(host)}
    assert workers(host, "other")[0]["pid"] == before


def test_connections_may_wait(host):
    assert host.sysctl("net.core.somaxconn") == 2048
    line = next(
        line for line in host.check_output("ss -lxH").splitlines() if socket_path("demo", "blue") in line.split()
    )
    assert line.split()[3] == "2048"


def test_open_files_are_limited(host):
    assert ask(host)["body"]["open_files"] == 4096


def test_application_writes_where_it_may_and_nowhere_else(host):
    assert ask(host, "/write?/srv/demo/data/file")["status"] == 200
    assert host.file("/srv/demo/data/file").user == "demo"
    assert ask(host, "/write?/srv/demo/open/file")["status"] == 403
    assert ask(host, "/write?/srv/demo/data/other", name="other")["status"] == 403


def test_further_settings_are_followed(host):
    assert ask(host)["headers"]["X-Demo"] == "changed"
    assert "X-Demo" not in ask(host, name="other")["headers"]
