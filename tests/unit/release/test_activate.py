"""The module release_activate: against a real uwsgi-protocol server, with stand-ins for systemctl, ss and journalctl."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from ansible_collections.django_ec2.site.plugins.module_utils.release import (
    checks,
    deploy_lock,
    drain,
    owed,
    question,
    switch,
)
from ansible_collections.django_ec2.site.plugins.module_utils.release.services import Units
from ansible_collections.django_ec2.site.plugins.modules import release_activate as module_release_activate
from ansible_collections.django_ec2.site.plugins.modules import release_health, release_settle

from tests.conftest import RunModule


class Server:
    """A uwsgi-protocol server on a unix socket; ``answers`` are given one after the other, the last one for ever."""

    def __init__(self, path: Path, *answers: bytes, delay: float = 0) -> None:
        self.answers = list(answers)
        self.questions: list[dict[str, str]] = []
        self._delay = delay
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(16)
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with client:
                _modifier, size, _modifier2 = struct.unpack("<BHB", client.recv(4, socket.MSG_WAITALL))
                packet = client.recv(size, socket.MSG_WAITALL)
                words = []
                while packet:
                    (length,) = struct.unpack_from("<H", packet)
                    words.append(packet[2 : 2 + length].decode())
                    packet = packet[2 + length :]
                self.questions.append(dict(zip(words[::2], words[1::2], strict=True)))
                time.sleep(self._delay)
                answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
                try:
                    client.sendall(answer)
                except BrokenPipeError:
                    continue

    def close(self) -> None:
        self._listener.close()


def http(status: int, body: str = "") -> bytes:
    return f"HTTP/1.1 {status} Word\r\nContent-Type: text/plain\r\n\r\n{body}".encode()


class Host:
    """A directory that stands for a host with an application whose slot blue is live."""

    def __init__(self, directory: Path, sockets: Path, module: ModuleType, run: RunModule) -> None:
        self.root = directory / "srv"
        self.log = directory / "calls"
        self.queue = directory / "queue"
        self.settings = directory / "shop.ini"
        self.settings.write_text("[uwsgi]\n")
        self.log.touch()
        self._sockets = sockets
        self._module = module
        self._run = run
        self._servers: list[Server] = []
        for slot in ("blue", "green"):
            (self.root / "slots" / slot).mkdir(parents=True)
        for release in ("old", "new"):
            (self.root / "releases" / release).mkdir(parents=True)
        (self.root / "live").symlink_to("slots/blue")
        (self.root / "slots" / "blue" / "slot.json").write_text(json.dumps({"release": "old"}))

    def socket(self, slot: str) -> Path:
        return self._sockets / f"{slot}.sock"

    def serve(self, slot: str, *answers: bytes, delay: float = 0) -> Server:
        server = Server(self.socket(slot), *answers, delay=delay)
        self._servers.append(server)
        return server

    def activate(self, *, check_mode: bool = False, **changes: Any) -> dict[str, Any]:
        arguments = {
            "name": "shop",
            "root": str(self.root),
            "slot": "green",
            "release": "new",
            "fingerprint": "f2",
            "unit": "uwsgi-shop@{slot}.service",
            "socket": str(self.socket("{slot}")),
            "settings": [str(self.settings)],
            "host": "www.example.org",
            "health_path": "/readyz?full=1",
            "start_timeout": 4,
            "drain_timeout": 1,
            **changes,
        }
        return self._run(self._module, check_mode=check_mode, **arguments)

    @property
    def live(self) -> str:
        return os.readlink(self.root / "live")

    def calls(self) -> list[str]:
        return self.log.read_text().splitlines()

    def close(self) -> None:
        for server in self._servers:
            server.close()


@pytest.fixture
def host(
    tmp_path: Path,
    run_module: RunModule,
    fake_bin: Callable[[str, str], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Host]:
    module = module_release_activate
    # A socket's path has at most 107 bytes; pytest's directories are longer.
    with tempfile.TemporaryDirectory(prefix="activate-") as sockets:
        one = Host(tmp_path, Path(sockets), module, run_module)
        fake_bin(
            "systemctl",
            f'echo "systemctl $*" >> {one.log}\n'
            f'[ "$1" = show ] && printf "ActiveState=%s\\nNRestarts=0\\n" "$(cat {tmp_path}/state 2>/dev/null || echo active)"\n'
            f'[ "$1" = list-units ] && cat {tmp_path}/running 2>/dev/null\n'
            f'[ "$1" = is-active ] && {{ cat {tmp_path}/service-state 2>/dev/null || echo active; }}\n'
            f'[ ! -e {tmp_path}/refuse-"$1" ] || {{ echo "refused" >&2; exit 1; }}',
        )
        fake_bin("journalctl", "echo 'ImproperlyConfigured: no SECRET_KEY'")
        fake_bin(
            "ss",
            f"waiting=$(head -n 1 {one.queue} 2>/dev/null); sed -i 1d {one.queue} 2>/dev/null\n"
            f'echo "ss ${{waiting:-0}}" >> {one.log}\n'
            f'echo "u_str LISTEN ${{waiting:-0}} 1024 {one.socket("blue")} 4711 * 0"\n'
            f'echo "u_str LISTEN 9 1024 {one.socket("green")} 4712 * 0"',
        )
        yield one
        one.close()


def test_a_slot_that_answers_becomes_live(host: Host) -> None:
    server = host.serve("green", http(200))
    answer = host.activate()
    assert (answer["changed"], answer["old_release"], host.live) == (True, "old", "slots/green")
    record = json.loads((host.root / "slots" / "green" / "slot.json").read_text())
    assert (record["release"], record["fingerprint"]) == ("new", "f2")
    assert len(record["settings"]) == 16
    question = server.questions[0]
    assert question["HTTP_HOST"] == question["SERVER_NAME"] == "www.example.org"
    assert (question["PATH_INFO"], question["QUERY_STRING"]) == ("/readyz", "full=1")
    assert question["HTTPS"] == "on", "an application that insists on HTTPS would redirect"


def test_it_is_done_in_the_order_that_loses_no_request(host: Host) -> None:
    host.serve("green", http(200))
    host.activate()
    new, old = "uwsgi-shop@green.service", "uwsgi-shop@blue.service"
    assert host.calls() == [
        f"systemctl stop {new}",
        f"systemctl reset-failed {new}",
        f"systemctl start --no-block {new}",
        f"systemctl enable --quiet --no-reload {new}",
        "ss 0",
        "ss 0",
        "ss 0",
        f"systemctl disable --quiet --no-reload {old}",
        f"systemctl stop {old}",
        "systemctl daemon-reload",
    ]


def test_services_start_before_the_switch_and_end_after_it(host: Host) -> None:
    host.serve("green", http(200))
    old = {"release": "old", "services": ["worker", "beat", "gone"]}
    (host.root / "slots" / "blue" / "slot.json").write_text(json.dumps(old))
    services = [{"name": "worker", "singleton": False}, {"name": "beat", "singleton": True}]
    assert "failed" not in host.activate(services=services)
    calls = [line for line in host.calls() if "shop-" in line and "uwsgi" not in line and "reset" not in line]
    assert calls == [
        "systemctl enable --quiet --no-reload shop-worker@green.service",
        "systemctl start shop-worker@green.service",
        "systemctl is-active shop-worker@green.service",
        # Two of it must never run at once.
        "systemctl disable --quiet --no-reload shop-beat@blue.service",
        "systemctl stop shop-beat@blue.service",
        "systemctl enable --quiet --no-reload shop-beat@green.service",
        "systemctl start shop-beat@green.service",
        "systemctl is-active shop-beat@green.service",
        # What the application has no more ends, too.
        "systemctl disable --quiet --no-reload shop-worker@blue.service shop-gone@blue.service",
        "systemctl stop --no-block shop-worker@blue.service shop-gone@blue.service",
    ]
    record = json.loads((host.root / "slots" / "green" / "slot.json").read_text())
    assert record["services"] == ["worker", "beat"]


def test_a_service_that_ends_at_once_keeps_the_release_away(host: Host) -> None:
    host.serve("green", http(200))
    (host.log.parent / "service-state").write_text("failed")
    answer = host.activate(services=[{"name": "worker", "singleton": False}])
    assert answer["failed"] is True
    assert "its service shop-worker@green.service does not run (failed)" in answer["msg"]
    assert host.live == "slots/blue"
    assert host.calls()[-1] == "systemctl stop uwsgi-shop@green.service shop-worker@green.service"
    assert (host.root / "releases" / "new" / ".bad").exists()


FRONT = {"path": "/", "status": 0, "text": ""}
ABOUT = {"path": "/about/?full=1", "status": 200, "text": "About us"}


def test_pages_are_asked_after_the_health_and_before_the_switch(host: Host) -> None:
    server = host.serve("green", http(200), http(404), http(200, "x" * 100_000 + "About us"))
    assert "failed" not in host.activate(checks=[FRONT, ABOUT])
    assert [one["REQUEST_URI"] for one in server.questions] == ["/readyz?full=1", "/", "/about/?full=1"]
    assert host.live == "slots/green"


@pytest.mark.parametrize(
    ("check", "answer", "words"),
    [
        (FRONT, http(500, "Server Error"), "/ answered 500: Server Error"),
        (ABOUT, http(302), "/about/?full=1 answered 302 instead of 200"),
        (ABOUT, http(200, "Nothing"), "/about/?full=1 answered 200 without the text 'About us': Nothing"),
        (FRONT, b"", "/ answered 0"),
    ],
)
def test_a_page_that_is_broken_keeps_the_release_away(
    check: dict[str, Any], answer: bytes, words: str, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "PAUSE_SECONDS", 0)
    server = host.serve("green", http(200), answer)
    said = host.activate(checks=[check])
    assert said["failed"] is True
    assert words in said["msg"]
    assert host.live == "slots/blue"
    assert (host.root / "releases" / "new" / ".bad").exists()
    assert len(server.questions) == 1 + checks.ATTEMPTS


def test_a_page_that_fails_once_is_asked_again(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "PAUSE_SECONDS", 0)
    host.serve("green", http(200), http(500), http(200))
    assert "failed" not in host.activate(checks=[FRONT])


def test_a_rollback_is_not_held_up_by_a_page(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "PAUSE_SECONDS", 0)
    host.serve("green", http(200), http(404))
    assert "failed" not in host.activate(checks=[ABOUT], action="rollback")
    assert host.live == "slots/green"


def test_a_rollback_withdraws_the_release_that_was_live(host: Host) -> None:
    host.serve("green", http(200))
    (host.root / "releases" / "new" / ".withdrawn").write_text("earlier\n")
    host.activate(action="rollback", who="admin", version="v1")
    assert "by admin" in (host.root / "releases" / "old" / ".withdrawn").read_text()
    assert not (host.root / "releases" / "new" / ".withdrawn").exists()
    (line,) = (json.loads(one) for one in (host.root / "history.jsonl").read_text().splitlines())
    assert {key: line[key] for key in ("action", "release", "from", "version", "who")} == {
        "action": "rollback", "release": "new", "from": "old", "version": "v1", "who": "admin",
    }  # fmt: skip


def test_what_a_killed_controller_left_running_is_ended(host: Host) -> None:
    host.serve("green", http(200))
    script = (
        "import fcntl, os, sys, time\n"
        "handle = open(sys.argv[1], 'a+'); fcntl.flock(handle, fcntl.LOCK_EX)\n"
        "handle.write(str(os.getpid())); handle.flush(); print(flush=True); time.sleep(60)\n"
    )
    left = subprocess.Popen([sys.executable, "-c", script, str(host.root / "activate.lock")], stdout=subprocess.PIPE)
    assert left.stdout
    left.stdout.readline()
    assert "failed" not in host.activate()
    assert left.wait(timeout=10) == -signal.SIGKILL
    left.stdout.close()
    assert host.live == "slots/green"


RUN = {"controller": "c1", "process": 1, "started": "5"}


def test_a_module_whose_run_is_over_switches_nothing(host: Host) -> None:
    server = host.serve("green", http(200))
    said = host.activate(run=RUN)
    assert said["failed"] is True
    assert "the run that began this is over" in said["msg"]
    assert server.questions == []
    deploy_lock.take(str(host.root), "admin", RUN, 120, False)
    assert "failed" not in host.activate(run=RUN)
    assert not deploy_lock.held(str(host.root), RUN), "it was given back"


def test_a_run_that_ends_while_its_release_starts_does_not_make_it_live(host: Host) -> None:
    deploy_lock.take(str(host.root), "admin", RUN, 120, False)
    host.serve("green", http(503), http(200), delay=0.5)
    threading.Timer(0.3, deploy_lock.give_back, (str(host.root), RUN)).start()
    said = host.activate(run=RUN, start_timeout=5)
    assert (said["failed"], host.live) == (True, "slots/blue")
    assert not (host.root / "releases" / "new" / ".bad").exists(), "it says nothing about the release"
    assert host.calls()[-1] == "systemctl stop uwsgi-shop@green.service"


def settle(host: Host, run_module: RunModule, running: str) -> dict[str, Any]:
    """What the next run does; ``running`` is what systemd says of the slot."""
    (host.log.parent / "running").write_text(running)
    host.log.write_text("")
    arguments = {"name": "shop", "root": str(host.root), "unit": "uwsgi-shop@{slot}.service", "drain_timeout": 1}
    return run_module(release_settle, socket=str(host.socket("{slot}")), **arguments)


def test_a_switch_that_was_cut_after_the_pointer_moved_is_finished_by_the_next_run(
    host: Host, run_module: RunModule, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.serve("green", http(200))

    def cut(*_words: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(switch, "drain", cut)
        with pytest.raises(KeyboardInterrupt):
            host.activate()
    assert (host.live, owed.owed(str(host.root))) == ("slots/green", True)
    found = settle(
        host, run_module, "uwsgi-shop@blue.service loaded active running x\nshop-worker@blue.service loaded active x\n"
    )
    assert found["ended"] == ["uwsgi-shop@blue.service", "shop-worker@blue.service"]
    calls = [line for line in host.calls() if "list-units" not in line]
    assert calls == [
        "systemctl disable --quiet --no-reload shop-worker@blue.service",
        "systemctl stop shop-worker@blue.service",
        "ss 0",
        "ss 0",
        "ss 0",
        "systemctl disable --quiet --no-reload uwsgi-shop@blue.service",
        "systemctl stop uwsgi-shop@blue.service",
    ]
    assert not owed.owed(str(host.root))
    assert settle(host, run_module, "")["changed"] is False


def test_a_switch_that_was_cut_before_it_leaves_what_is_live(
    host: Host, run_module: RunModule, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(*_words: object) -> None:
        raise KeyboardInterrupt

    host.serve("green", http(200))
    monkeypatch.setattr(switch.Switch, "check_pages", cut)
    with pytest.raises(KeyboardInterrupt):
        host.activate()
    assert (host.live, owed.owed(str(host.root))) == ("slots/blue", True)
    settle(host, run_module, "uwsgi-shop@green.service loaded active running x\n")
    assert host.calls()[-1] == "systemctl stop uwsgi-shop@green.service"


@pytest.mark.parametrize("action", ["deploy", "rollback"])
def test_nothing_is_owed_after_a_switch_and_after_one_that_was_given_up(host: Host, action: str) -> None:
    host.serve("green", http(500))
    assert host.activate(action=action)["failed"] is True
    assert not owed.owed(str(host.root))
    assert not (host.root / "releases" / "old" / ".withdrawn").exists()
    host.socket("green").unlink()
    host.serve("green", http(200))
    assert "failed" not in host.activate(action=action)
    assert not owed.owed(str(host.root))


@pytest.mark.parametrize("what", ["mark", "pointer"])
def test_what_cannot_be_written_keeps_the_release_away(host: Host, what: str) -> None:
    host.serve("green", http(200))
    if what == "mark":
        shutil.rmtree(host.root / "releases" / "old")
    else:
        (host.root / "live.new").mkdir()
    said = host.activate(action="rollback")
    assert (said["failed"], host.live) == (True, "slots/blue")
    assert host.calls()[-1] == "systemctl stop uwsgi-shop@green.service"
    assert not (host.root / "releases" / "old" / ".withdrawn").exists()


def test_services_that_an_interrupted_run_left_in_the_slot_do_not_stay(host: Host) -> None:
    host.serve("green", http(200))
    host.activate(services=[{"name": "worker", "singleton": False}])
    assert host.calls()[0] == "systemctl stop uwsgi-shop@green.service shop-worker@green.service"


def test_a_slot_that_needs_time_is_asked_again(host: Host) -> None:
    host.serve("green", http(503, "migrations are pending"), http(500), http(200))
    assert "failed" not in host.activate(start_timeout=5)
    assert host.live == "slots/green"


def test_a_socket_that_comes_late_is_waited_for(host: Host) -> None:
    threading.Timer(0.4, lambda: host.serve("green", http(200))).start()
    answer = host.activate(start_timeout=5)
    assert "failed" not in answer
    assert answer["seconds_start"] >= 0.3


def given_up(host: Host, answer: dict[str, Any]) -> None:
    assert answer["failed"] is True
    assert host.live == "slots/blue"
    assert host.calls()[-1] == "systemctl stop uwsgi-shop@green.service"
    assert "systemctl stop uwsgi-shop@blue.service" not in host.calls()
    assert not (host.root / "slots" / "green" / "slot.json").exists()
    assert "What was live before still serves." in answer["msg"]
    assert "ImproperlyConfigured: no SECRET_KEY" in answer["msg"], "the log says why"


def test_a_slot_that_stays_unready_is_given_up(host: Host) -> None:
    host.serve("green", http(503, "the database does not answer"))
    answer = host.activate()
    given_up(host, answer)
    assert "no good answer within 4 seconds; the last was: status 503: the database does not answer" in answer["msg"]
    assert "no good answer" in (host.root / "releases" / "new" / ".bad").read_text()


def test_a_slot_that_hangs_is_given_up_in_time(host: Host) -> None:
    host.serve("green", http(200), delay=60)
    began = time.monotonic()
    given_up(host, host.activate())
    # Long before it answers; how long a busy machine takes is another matter.
    assert time.monotonic() - began < 30


def test_a_master_that_ends_is_given_up_at_once(host: Host, tmp_path: Path) -> None:
    (tmp_path / "state").write_text("failed")
    began = time.monotonic()
    answer = host.activate(start_timeout=60)
    given_up(host, answer)
    assert "its master ended" in answer["msg"]
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("word", ["start", "enable"])
def test_a_systemd_that_refuses_leaves_what_is_live(host: Host, tmp_path: Path, word: str) -> None:
    host.serve("green", http(200))
    (tmp_path / f"refuse-{word}").touch()
    answer = host.activate()
    given_up(host, answer)
    assert "refused" in answer["msg"]


def test_the_same_release_with_another_environment_is_not_marked_bad(host: Host) -> None:
    host.serve("green", http(503))
    given_up(host, host.activate(release="old"))
    assert not (host.root / "releases" / "old" / ".bad").exists()


def test_a_release_that_was_bad_and_now_answers_is_good(host: Host) -> None:
    (host.root / "releases" / "new" / ".bad").touch()
    host.serve("green", http(200))
    host.activate()
    assert not (host.root / "releases" / "new" / ".bad").exists()


def test_the_first_release_has_nothing_to_drain(host: Host) -> None:
    (host.root / "live").unlink()
    (host.root / "live.new").symlink_to("slots/left-by-an-interrupted-run")
    host.serve("blue", http(200))
    answer = host.activate(slot="blue")
    assert (answer["old_release"], host.live) == ("", "slots/blue")
    assert not any(call.startswith("ss") for call in host.calls())
    assert not os.path.lexists(host.root / "live.new")


def test_nothing_is_live_is_said_when_the_first_release_fails(host: Host) -> None:
    (host.root / "live").unlink()
    host.serve("blue", http(500))
    assert "Nothing is live yet." in host.activate(slot="blue")["msg"]
    assert not os.path.lexists(host.root / "live")


def test_the_switch_is_one_rename(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """At no time is there no ``live``: nginx follows it at each request."""
    host.serve("green", http(200))
    live = str(host.root / "live")
    seen = []
    replace, unlink = os.replace, os.unlink

    def watched_replace(source: str, target: str) -> None:
        before = os.readlink(live)
        replace(source, target)
        if target == live:
            seen.append((before, os.readlink(live)))

    def watched_unlink(path: str, **more: Any) -> None:
        assert str(path) != live
        unlink(path, **more)

    monkeypatch.setattr(os, "replace", watched_replace)
    monkeypatch.setattr(os, "unlink", watched_unlink)
    host.activate()
    assert seen == [("slots/blue", "slots/green")]


def test_the_old_master_ends_when_nobody_waits_at_its_socket(host: Host) -> None:
    host.queue.write_text("3\n1\n0\n2\n0\n0\n0\n")
    host.serve("green", http(200))
    host.activate(drain_timeout=60)
    calls = host.calls()
    drained = [call for call in calls if call.startswith("ss")]
    assert drained == ["ss 3", "ss 1", "ss 0", "ss 2", "ss 0", "ss 0", "ss 0"]
    assert calls.index("systemctl stop uwsgi-shop@blue.service") > calls.index("ss 2")


def test_a_queue_that_never_empties_is_waited_for_until_the_timeout(host: Host) -> None:
    host.queue.write_text("5\n" * 200)
    host.serve("green", http(200))
    answer = host.activate()
    assert host.calls()[-2:] == ["systemctl stop uwsgi-shop@blue.service", "systemctl daemon-reload"]
    assert 1 <= answer["seconds_switch"] < 5


@pytest.mark.skipif(
    shutil.which("ss", path="/usr/bin:/bin:/usr/sbin:/sbin") is None, reason="iproute2 is not installed"
)
def test_the_kernels_own_count_is_read(host: Host) -> None:
    real = shutil.which("ss", path="/usr/bin:/bin:/usr/sbin:/sbin")

    class Module:
        @staticmethod
        def run_command(words: list[str]) -> tuple[int, str, str]:
            done = subprocess.run([real, *words[1:]], capture_output=True, text=True, check=True)
            return done.returncode, done.stdout, done.stderr

    place = str(host.socket("blue"))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(place)
        listener.listen(16)
        clients = [socket.socket(socket.AF_UNIX) for _ in range(3)]
        for client in clients:
            client.connect(place)
        assert drain.waiting(Units(Module()), place) == 3
        listener.accept()[0].close()
        assert drain.waiting(Units(Module()), place) == 2
        for client in clients:
            client.close()


@pytest.mark.parametrize(
    ("status", "path", "becomes_live"),
    [
        (200, "/", True),
        (302, "/", True),
        (401, "/", True),
        # A project may have no page there.
        (404, "/", True),
        (404, "/readyz", False),
        (500, "/", False),
        (302, "/readyz", False),
        (204, "/x", False),
    ],
)
def test_what_counts_as_a_good_answer(status: int, path: str, becomes_live: bool) -> None:
    assert question.good(status, path) is becomes_live


def test_an_answer_that_is_no_http_is_not_good(host: Host) -> None:
    host.serve("green", b"nonsense")
    answer = host.activate()
    given_up(host, answer)
    assert "status 0" in answer["msg"]


def test_the_release_that_serves_is_asked_for_its_pages(
    host: Host, run_module: RunModule, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "PAUSE_SECONDS", 0)
    host.serve("blue", http(200), http(200), http(404))
    asked = {"socket": str(host.socket("blue")), "host": "www.example.org", "health_path": "/readyz"}
    said = run_module(release_health, **asked, checks=[FRONT, ABOUT], attempts=3)
    assert said["good"] is True
    assert list(said["failures"]) == [ABOUT["path"]]


def test_check_mode_does_nothing(host: Host) -> None:
    answer = host.activate(check_mode=True)
    assert (answer["changed"], answer["old_release"], host.live) == (True, "old", "slots/blue")
    assert host.calls() == []
