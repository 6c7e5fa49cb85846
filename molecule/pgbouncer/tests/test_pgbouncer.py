"""Applications reach their databases through the pooler of their host, and nobody else does."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from controller import PROJECT, connect, play
from exposure import exposed

INSTANCE = "self_hosted-transaction"
UNIT = f"pgbouncer@{INSTANCE}.service"
CLIENT = """
import json, os, sys, time, psycopg2
given = json.loads(sys.argv[1])
sql, times, pause, end = (given.pop(name) for name in ("sql", "times", "pause", "end"))
answers, failed, slowest = [], [], 0
while times and not os.path.exists(end):
    times -= 1
    began = time.monotonic()
    try:
        connection = psycopg2.connect(**given)
        connection.autocommit = True
        cursor = connection.cursor()
        cursor.execute(sql)
        answers.append(cursor.fetchall()[0] if cursor.description else None)
        connection.close()
    except psycopg2.Error as error:
        failed.append(" ".join(str(error).split()))
    slowest = max(slowest, time.monotonic() - began)
    time.sleep(pause)
print(json.dumps({"answers": answers, "failed": failed, "slowest": slowest}, default=str))
"""


def words(
    account: str, sql: str, times: int = 1, pause: float = 0.0, instance: str = INSTANCE, **given: Any
) -> list[str]:
    """The words of a client that runs as an account."""
    options = {
        "host": f"/run/pgbouncer/{instance}", "port": 6432, "dbname": account, "user": account, "connect_timeout": 40,
        "sql": sql, "times": times, "pause": pause, "end": "", **given,
    }  # fmt: skip
    return ["runuser", "-u", account, "--", "python3", "-c", CLIENT, json.dumps(options)]


def ask(host: Any, account: str = "shop", sql: str = "SELECT 1", **given: Any) -> dict[str, Any]:
    """What the pooler answers an account."""
    program = words(account, sql, **given)
    return json.loads(host.check_output(" ".join(["%s"] * len(program)), *program))


def start(host: Any, name: str, **given: Any) -> None:
    """Start a client that goes on asking; its answers are fetched with `end`."""
    program = words("shop", given.pop("sql", "SELECT 1"), **given)
    form = (
        "systemd-run --quiet --collect --unit=client-%s --property=StandardOutput=truncate:/tmp/client-%s "
        + " ".join(["%s"] * len(program))
    )
    host.check_output(form, name, name, *program)


def end(host: Any, name: str) -> dict[str, Any]:
    host.check_output("while systemctl is-active --quiet client-%s; do sleep 0.1; done", name)
    return json.loads(host.check_output("cat /tmp/client-%s", name))


def control(host: Any, call: str, fails: bool = False) -> Any:
    """A function of module_utils/pgbouncer/control.py on the host, as modules call it; with `fails`, what it refuses with."""
    source = PROJECT / "collections/ansible_collections/django_ec2/site/plugins/module_utils/pgbouncer"
    root = "/tmp/tested/ansible_collections/django_ec2/site/plugins/module_utils/pgbouncer"
    for name in ("__init__", "console", "plan", "control"):
        host.check_output(
            "mkdir -p %s && printf %%s %s > %s/%s.py", root, (source / f"{name}.py").read_text(), root, name
        )
    package = "ansible_collections.django_ec2.site.plugins.module_utils.pgbouncer"
    program = f"from {package} import control; import json; print(json.dumps({call}))"
    done = host.run("cd /tmp/tested && python3 -c %s", program)
    assert (done.rc != 0) is fails, done.stderr
    return done.stderr if fails else json.loads(done.stdout)


def wait_until(true: Callable[[], Any], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.fixture
def database() -> Iterator[Any]:
    """The database's host; its server runs when the test ends."""
    host = connect("pgbouncer-db")
    yield host
    host.check_output("systemctl start postgresql@17-main")


def test_an_application_is_known_by_its_account(host: Any) -> None:
    found = ask(host, sql="SELECT current_user, current_database(), ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
    assert found["answers"] == [["shop", "shop", True]]
    assert "rejected" in ask(host, account="blog", dbname="shop", user="shop")["failed"][0]
    assert ask(host, account="blog", dbname="shop", user="blog")["failed"], "the database of another application"
    assert ask(host, account="blog", dbname="pgbouncer", user="root")["failed"], "the console is root's"


def test_the_logins_are_readable_to_nobody_else(host: Any) -> None:
    file = host.file(f"/etc/pgbouncer/{INSTANCE}/target.ini")
    assert (file.user, file.group, file.mode) == ("root", "pgbouncer", 0o640)
    assert host.run("runuser -u shop -- cat /etc/pgbouncer/%s/target.ini", INSTANCE).rc != 0
    for name in ("pgbouncer.ini", "hba.conf", "users.txt"):
        assert "blog-password" not in host.file(f"/etc/pgbouncer/{INSTANCE}/{name}").content_string


def test_nothing_listens_to_the_network(host: Any) -> None:
    assert "pgbouncer" not in host.check_output("ss -Hltnp")
    assert host.check_output("systemctl is-enabled pgbouncer.service || true") == "masked"


def test_connections_to_the_server_are_shared_and_not_more_than_the_pool(host: Any) -> None:
    start(host, "crowd-a", sql="SELECT pg_backend_pid(), pg_sleep(0.3)", times=4)
    start(host, "crowd-b", sql="SELECT pg_backend_pid(), pg_sleep(0.3)", times=4)
    start(host, "crowd-c", sql="SELECT pg_backend_pid(), pg_sleep(0.3)", times=4)
    found = [end(host, f"crowd-{one}") for one in "abc"]
    assert not any(one["failed"] for one in found)
    assert len({answer[0] for one in found for answer in one["answers"]}) <= 2


def test_the_name_of_an_application_reaches_the_server(host: Any) -> None:
    assert ask(host, sql="SHOW application_name", application_name="shop")["answers"] == [["shop"]]


def test_a_pooler_that_is_killed_comes_back_while_clients_wait(host: Any) -> None:
    start(host, "killed", times=40, pause=0.05)
    for _ in range(2):
        time.sleep(0.5)
        host.check_output("systemctl kill --signal=KILL %s", UNIT)
    found = end(host, "killed")
    # One that it was answering is lost; those that come while it starts wait.
    assert len(found["failed"]) <= 2, found
    host.check_output("systemctl reset-failed %s; systemctl restart %s", UNIT, UNIT)


def test_a_restart_waits_for_what_is_in_hand(host: Any) -> None:
    start(host, "restarted", sql="SELECT pg_sleep(0.02)", times=40, pause=0.02)
    time.sleep(0.5)
    host.check_output("systemctl restart %s", UNIT)
    found = end(host, "restarted")
    # PgBouncer 1.18 closes on those that came while it waited for the others.
    assert len(found["failed"]) <= (1 if "1.18" in host.check_output("/usr/sbin/pgbouncer --version") else 0), found


def test_the_database_away_and_back(host: Any, database: Any) -> None:
    """Nobody hangs while it is away, and all is well a second after it is back."""
    database.check_output("systemctl stop postgresql@17-main")
    found = ask(host)
    assert found["failed"]
    assert found["slowest"] < 33
    assert ask(host)["slowest"] < 2, "once it is known to be away, nobody waits"
    database.check_output("systemctl start postgresql@17-main")
    time.sleep(2)
    ask(host)
    assert ask(host)["failed"] == []


def test_all_are_paused_or_none(host: Any) -> None:
    names = ["self_hosted-session", INSTANCE]
    start(host, "long", sql="SELECT pg_sleep(25)")
    wait_until(lambda: control(host, f"[one for one in control._pools('{INSTANCE}') if int(one['sv_active'])]"))
    found = control(host, f"control.pause({names}, 0.5, 30, 'a test')")
    assert (found["paused"], "shop (1 connections in use)" in found["busy"]) == (False, True)
    assert {one["state"] for one in control(host, f"control.status({names})").values()} == {"active"}
    assert end(host, "long")["failed"] == []
    assert "pgbouncer-resume" not in host.check_output("systemctl list-timers --all")


def test_clients_wait_while_it_is_paused(host: Any) -> None:
    found = control(host, f"control.pause(['{INSTANCE}'], 2, 30, 'a test')")
    assert found["paused"]
    start(host, "held", times=3)
    time.sleep(3)
    assert control(host, f"control.resume(['{INSTANCE}'], '{found['token']}')") == {
        "resumed": [INSTANCE],
        "expired": False,
    }
    held = end(host, "held")
    assert held["failed"] == []
    assert held["slowest"] > 0.5


def test_a_pause_that_nobody_ends_is_ended(host: Any) -> None:
    """A run that was killed leaves a pooler that goes on by itself, and its token is good for nothing afterwards."""
    found = control(host, f"control.pause(['{INSTANCE}'], 2, 2, 'a run that is killed')")
    assert found["paused"]
    answer = ask(host)
    assert answer["failed"] == []
    assert answer["slowest"] < 5
    assert control(host, f"control.resume(['{INSTANCE}'], '{found['token']}')")["expired"] is True
    host.check_output("rm -f /run/pgbouncer-control/*")


def test_another_target_is_proved_and_switched_to(host: Any) -> None:
    place = f"/etc/pgbouncer/{INSTANCE}"
    text = host.file(f"{place}/target.ini").content_string
    wrong = text.replace("blog-password", "wrong-password")
    assert "password authentication failed" in control(host, f"control.stage('{INSTANCE}', {wrong!r})", fails=True)
    assert not host.file(f"{place}/target.ini.next").exists
    other = text.replace("dbname='shop' user='shop'", "dbname='blog' user='blog'").replace(
        "password='it''s \"shop\"''s $ password'", "password='blog-password'"
    )
    assert other != text
    try:
        assert control(host, f"control.stage('{INSTANCE}', {other!r})")["targets"]
        start(host, "moved", sql="SELECT current_database()", times=100000, pause=0.05, end="/tmp/moved")
        time.sleep(2)
        token = control(host, f"control.pause(['{INSTANCE}'], 3, 30, 'a test')")["token"]
        assert control(host, f"control.switch(['{INSTANCE}'], '{token}')") == {"switched": [INSTANCE], "expired": False}
        assert control(host, f"control.resume(['{INSTANCE}'], '{token}')")["expired"] is False
        time.sleep(1)
        host.check_output("touch /tmp/moved")
        found = end(host, "moved")
        assert found["failed"] == []
        assert [one[0] for one in found["answers"]] == sorted([one[0] for one in found["answers"]], reverse=True)
        assert {one[0] for one in found["answers"]} == {"shop", "blog"}
        assert control(host, f"control.status(['{INSTANCE}'])")[INSTANCE]["moved"]["to"]
    finally:
        token = control(host, f"control.pause(['{INSTANCE}'], 3, 30, 'a test')")["token"]
        control(host, f"control.switch(['{INSTANCE}'], '{token}', 'previous')")
        control(host, f"control.resume(['{INSTANCE}'], '{token}')")
        host.check_output(
            "rm -f %s/target.ini.next %s/target.ini.previous /etc/ansible/facts.d/pgbouncer.fact", place, place
        )
    assert host.file(f"{place}/target.ini").content_string == text


def test_what_does_not_work_is_refused_and_the_old_one_serves(host: Any) -> None:
    """Wrong password, wrong authority: before anything is loaded."""
    name = host.check_output("hostname")
    if name != "pgbouncer-13":
        pytest.skip("once is enough")
    done = play("pgbouncer/poolers.yml", "-e", "shop_password=wrong", limit=name, check=False)
    assert done.returncode != 0
    assert "password authentication failed" in done.stdout
    assert "shop can't be reached" in done.stdout
    other = "authority=/etc/ssl/certs/ca-certificates.crt"
    done = play("pgbouncer/poolers.yml", "-e", other, limit=name, check=False)
    assert done.returncode != 0
    assert "certificate verify failed" in done.stdout
    assert ask(host)["failed"] == []


def test_another_login_is_taken_over_without_a_failed_query(host: Any, database: Any) -> None:
    """As in a rotation, where two logins take turns; the old pooler of a mode that nobody asks for stays while it is used."""
    name = host.check_output("hostname")
    if name != "pgbouncer-13":
        pytest.skip("once is enough")
    database.check_output("runuser -u postgres -- psql -qc %s", "DROP ROLE IF EXISTS shop_b")
    sql = "CREATE ROLE shop_b LOGIN PASSWORD 'second' IN ROLE shop; ALTER ROLE shop_b SET role = shop"
    database.check_output("runuser -u postgres -- psql -qc %s", sql)
    start(host, "rotated", sql="SELECT session_user", times=100000, pause=0.02, end="/tmp/rotated")
    play("pgbouncer/poolers.yml", "-e", "shop_user=shop_b", "-e", "shop_password=second", limit=name)
    host.check_output("touch /tmp/rotated")
    found = end(host, "rotated")
    assert found["failed"] == []
    assert {one[0] for one in found["answers"]} == {"shop", "shop_b"}
    assert ask(host, sql="SELECT session_user")["answers"] == [["shop_b"]]


def test_little_of_the_host_is_in_reach(host: Any) -> None:
    assert exposed(host, UNIT) == {}
