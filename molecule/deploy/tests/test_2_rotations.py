"""Secrets that are replaced while the site serves: no request fails, and nobody is logged out."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests
import yaml
from deploying import DOMAIN, WEB, Visitor
from site_playbooks import on, play
from site_visitor import LAB

pytestmark = pytest.mark.thorough
ROTATE = "playbooks/rotate_secrets.yml"


def secrets(application: str) -> dict[str, str]:
    """What the file of secrets has of an application."""
    return yaml.safe_load((LAB / "secrets.yml").read_text())["secrets"]["applications"][application]


@contextmanager
def asking(*questions: Callable[[], requests.Response]) -> Iterator[dict[str, Any]]:
    """Ask all the while; how often, and which answers were no success."""
    seen: dict[str, Any] = {"requests": 0, "failed": []}
    enough = threading.Event()

    def ask(question: Callable[[], requests.Response]) -> None:
        while not enough.is_set():
            try:
                answer = question()
                said = "" if answer.status_code in (200, 202) else f"{answer.status_code} {answer.text[:200]}"
            except (requests.RequestException, OSError) as error:
                said = repr(error)
            seen["requests"] += 1
            if said:
                seen["failed"].append(said)
            time.sleep(0.05)

    threads = [threading.Thread(target=ask, args=(one,), daemon=True) for one in questions]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        enough.set()
        for thread in threads:
            thread.join(60)


class Administrator:
    """Somebody who has logged in on the first host, and asks one host after the other with what the last answer made of that session:
    Django gives it another name wherever the key that signs is another one."""

    def __init__(self) -> None:
        self.hosts = [Visitor(name, DOMAIN) for name in WEB]
        for one in self.hosts:
            one.session.cookies = self.hosts[0].session.cookies
        fields = {"username": "admin", "password": secrets("plain")["admin_password"]}
        answer = self.hosts[0].submit("/admin/login/?next=/admin/", fields)
        assert "Log out" in answer.text, answer.text[:500]

    def ask(self) -> requests.Response:
        """A page of the next host. Who is logged out is sent to the login."""
        self.hosts.reverse()
        return self.hosts[0].get("/admin/", allow_redirects=False)


@pytest.fixture(scope="module")
def idle() -> list[Administrator]:
    """Two who have logged in before the key is replaced, and ask for nothing meanwhile: their sessions are signed with the old one."""
    return [Administrator(), Administrator()]


@pytest.mark.usefixtures("idle")
def test_an_administrator_stays_logged_in_while_the_key_of_django_is_replaced() -> None:
    old = secrets("plain")["secret_key"]
    with asking(Administrator().ask) as seen:
        done = play(ROTATE, "-e", "what=secret_key", "-e", "app=plain")
    assert not seen["failed"], seen["failed"][:5]
    assert seen["requests"] > 50
    own = secrets("plain")
    new = own["secret_key"]
    assert own["secret_key_fallbacks"] == f"{new},{old}"
    assert "secret_key_rotation_began" not in own
    assert "run this again with -e finish=true" in " ".join(done.output.split())
    assert old not in done.output and new not in done.output


def test_what_was_signed_with_the_old_key_counts_until_that_is_ended(idle: list[Administrator]) -> None:
    came_back, away = idle
    # Whoever comes meanwhile gets a session of the new key.
    assert came_back.ask().status_code == 200
    with asking(came_back.ask) as seen:
        done = play(ROTATE, "-e", "what=secret_key", "-e", "app=plain", "-e", "finish=true")
    assert not seen["failed"], seen["failed"][:5]
    assert "secret_key_fallbacks" not in secrets("plain")
    for _host in WEB:
        answer = away.ask()
        assert (answer.status_code, answer.headers["Location"]) == (302, "/admin/login/?next=/admin/")
    assert came_back.ask().status_code == 200
    assert secrets("plain")["secret_key"] not in done.output


def test_passwords_of_redis_are_replaced_while_the_cache_and_the_queue_are_used() -> None:
    host, old = on("web1"), secrets("shop")["redis_password"]
    administrator = host.check_output("cat /usr/local/sbin/redis-admin")
    shops = [Visitor(name, "shop.test") for name in WEB]
    questions = [lambda one=one: one.get("/status/") for one in shops]
    questions += [lambda one=one: one.post("/check/?seconds=0") for one in shops]
    with asking(*questions) as seen:
        done = play(ROTATE, "-e", "what=redis")
    assert not seen["failed"], seen["failed"][:5]
    assert seen["requests"] > 50
    new = secrets("shop")["redis_password"]
    assert new != old
    assert "redis_password_old" not in secrets("shop")
    assert old not in done.output and new not in done.output
    login = "REDISCLI_AUTH={} redis-cli --no-auth-warning --user shop -s /run/redis/redis-server.sock ping 2>&1"
    assert host.run(login.format(new)).stdout.strip() == "PONG"
    assert "WRONGPASS" in host.run(login.format(old)).stdout
    assert host.check_output("redis-admin ping") == "PONG"
    assert host.check_output("cat /usr/local/sbin/redis-admin") != administrator
