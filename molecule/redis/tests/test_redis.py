"""Redis as the applications of its own host see it, with the role's defaults, on both Debians."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

import pytest
from controller import connect, play
from exposure import exposed

HOSTS = ("redis-13", "redis-12")
PASSWORDS = {"shop": "shop-password", "blog": 'blog\'s "password"'}
# They follow from the names.
DATABASES = {"shop": 511, "blog": 668}


def ask(host: Any, *words: str, user: str = "shop", database: int | None = None, where: str = "-h 127.0.0.1") -> str:
    """What Redis answers an application."""
    number = DATABASES[user] if database is None else database
    command = f"REDISCLI_AUTH=%s redis-cli --no-auth-warning --user %s {where} -n {number}" + " %s" * len(words)
    return host.run(command, PASSWORDS[user], user, *words).stdout.strip()


def admin(host: Any, words: str) -> str:
    """What Redis answers the operator."""
    return host.check_output(f"redis-admin {words}")


def test_it_runs_and_comes_back_after_a_reboot(host: Any) -> None:
    service = host.service("redis-server")
    assert service.is_running
    assert service.is_enabled


def test_nothing_listens_on_the_network(host: Any) -> None:
    listening = host.check_output("ss -Hltn 'sport = :6379'").splitlines()
    assert {line.split()[3] for line in listening} <= {"127.0.0.1:6379", "[::1]:6379"}
    assert listening


def test_an_application_writes_and_reads_its_own(host: Any) -> None:
    assert ask(host, "set", "greeting", "hello") == "OK"
    assert ask(host, "get", "greeting") == "hello"
    assert ask(host, "get", "greeting", where="-s /run/redis/redis-server.sock") == "hello"


def test_another_application_sees_nothing_of_it(host: Any) -> None:
    ask(host, "set", "greeting", "hello")
    assert ask(host, "get", "greeting", user="blog") == ""
    for words in (
        ("select", "511"),
        ("swapdb", "511", "668"),
        ("move", "greeting", "511"),
        ("copy", "greeting", "other", "db", "511"),
    ):
        assert "NOPERM" in ask(host, *words, user="blog")
    said = ask(host, "eval", "return redis.call('select', 511)", "0", user="blog")
    assert "can't run this command" in said or "has no permissions" in said


@pytest.mark.parametrize(
    "words",
    ["flushall", "config get maxmemory", "acl list", "shutdown", "keys *", "latency doctor", "monitor", "function list",
     "client list", "client kill id 1", "replicaof no one", "save"],
)  # fmt: skip
def test_an_application_does_not_administrate(host: Any, words: str) -> None:
    assert "NOPERM" in ask(host, *words.split())


def test_what_django_and_celery_ask_is_allowed(host: Any) -> None:
    assert "redis_version" in ask(host, "info", "server")
    # Redis 7.0 does not know it yet, and redis-py does not mind.
    assert re.match(r"OK|ERR unknown subcommand", ask(host, "client", "setinfo", "lib-name", "redis-py"))
    assert ask(host, "publish", f"/{DATABASES['shop']}.celery.pidbox", "x") == "0"
    assert ask(host, "publish", "celery-task-meta-1", "x") == "0"
    assert ask(host, "eval", "return redis.call('get', KEYS[1])", "1", "nothing") == ""
    assert ask(host, "flushdb") == "OK"


def test_channels_can_be_closed(host: Any) -> None:
    assert ask(host, "publish", "blog:news", "x", user="blog") == "0"
    assert "NOPERM" in ask(host, "publish", f"/{DATABASES['shop']}.celery.pidbox", "x", user="blog")


def test_nobody_enters_without_a_password(host: Any) -> None:
    assert "NOAUTH" in host.run("redis-cli ping").stdout
    assert "WRONGPASS" in host.run("redis-cli --user shop --pass wrong ping 2>&1").stdout


def test_the_operator_may_do_everything(host: Any) -> None:
    assert admin(host, "acl whoami") == "admin"
    assert admin(host, "config get maxmemory-policy").split() == ["maxmemory-policy", "noeviction"]
    assert int(admin(host, "config get maxmemory").split()[1]) == 128 * 1024 * 1024
    with host.sudo("nobody"):
        assert host.run("redis-admin ping").rc != 0


def test_no_password_lies_on_the_host_in_clear(host: Any) -> None:
    assert host.file("/usr/local/sbin/redis-admin").mode == 0o700
    text = host.file("/etc/redis/users.acl").content_string
    assert not any(password in text for password in PASSWORDS.values())


def test_writes_survive_a_kill(host: Any) -> None:
    ask(host, "set", "kept", "yes")
    # Within a second they are on the disk.
    host.check_output("sleep 1.2; systemctl kill --signal KILL redis-server; sleep 1")
    host.check_output("for n in $(seq 50); do redis-admin ping | grep -q PONG && exit 0; sleep 0.2; done; exit 1")
    assert ask(host, "get", "kept") == "yes"


def test_redis_does_not_write_its_configuration(host: Any) -> None:
    assert "Read-only file system" in host.run("redis-admin config rewrite").stdout


def test_the_unit_is_closed(host: Any) -> None:
    assert exposed(host, "redis-server.service") == {}


class NewUser(NamedTuple):
    """What a host showed before a run with one more user, after it, and after a run without: one for all hosts."""

    process_before: str
    process_after: str
    answer: str
    answer_without: str


def process(name: str) -> str:
    return connect(name).check_output("systemctl show --property MainPID --value redis-server")


@pytest.fixture(scope="session")
def new_user() -> dict[str, NewUser]:
    """By host, what a new user changed."""
    users = [{"name": "shop", "password": PASSWORDS["shop"]}, {"name": "blog", "password": PASSWORDS["blog"]},
             {"name": "wiki", "password": "wiki-password"}]  # fmt: skip
    ping = "redis-cli --user wiki --pass wiki-password --no-auth-warning ping 2>&1"
    before = {name: process(name) for name in HOSTS}
    play("redis/converge.yml", "-e", json.dumps({"example_users": users}), limit="redis")
    with_it = {name: (process(name), connect(name).run(ping).stdout.strip()) for name in HOSTS}
    play("redis/converge.yml", limit="redis")
    return {name: NewUser(before[name], *with_it[name], connect(name).run(ping).stdout) for name in HOSTS}


def test_a_new_user_is_taken_up_without_a_restart(host: Any, new_user: dict[str, NewUser]) -> None:
    """Clients stay connected: only the file of users is read again."""
    seen = new_user[host.backend.get_hostname()]
    assert seen.process_after == seen.process_before
    assert seen.answer == "PONG"
    assert "WRONGPASS" in seen.answer_without


@pytest.fixture(scope="session")
def refused() -> dict[str, tuple[str, str]]:
    """By host, the digest of the configuration before a run that Redis refuses, and what the run said."""
    before = {name: connect(name).file("/etc/redis/redis.conf").sha256sum for name in HOSTS}
    wrong = json.dumps({"redis_settings": {"maxclients": "many"}})
    done = play("redis/converge.yml", "-e", wrong, limit="redis", check=False)
    assert done.returncode != 0
    failed = dict(re.findall(r"^(\S+)\s+: .*\bfailed=(\d+)", done.stdout, re.MULTILINE))
    assert failed == dict.fromkeys(HOSTS, "1"), done.stdout
    return {name: (before[name], done.stdout) for name in HOSTS}


def test_a_configuration_that_redis_refuses_never_lands(host: Any, refused: dict[str, tuple[str, str]]) -> None:
    before, said = refused[host.backend.get_hostname()]
    assert "maxclients" in said
    assert host.file("/etc/redis/redis.conf").sha256sum == before
    assert ask(host, "ping") == "PONG"


def test_a_log_is_not_begun_over_data(host: Any) -> None:
    """The check refuses to turn the log on by a restart, which would forget what is in the snapshot."""
    host.check_output(
        "mv /var/lib/redis/appendonlydir /var/lib/redis/kept; mv /var/lib/redis/dump.rdb /var/lib/redis/kept.rdb 2>/dev/null; "
        "head -c 4096 /dev/zero > /var/lib/redis/dump.rdb"
    )
    try:
        done = host.run("redis-check-config")
        assert done.rc == 1
        assert "config set appendonly yes" in done.stderr
    finally:
        host.check_output(
            "rm /var/lib/redis/dump.rdb; mv /var/lib/redis/kept /var/lib/redis/appendonlydir; "
            "[ ! -e /var/lib/redis/kept.rdb ] || mv /var/lib/redis/kept.rdb /var/lib/redis/dump.rdb"
        )
    assert host.run("redis-check-config").rc == 0
