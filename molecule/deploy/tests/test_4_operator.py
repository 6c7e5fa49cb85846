"""What an operator does with a running application, and how one goes that is needed no more."""

from __future__ import annotations

import json

import pytest
from deploying import DOMAIN, WEB, Visitor
from site_playbooks import Run, on, play

UNITS = "systemctl list-unit-files --no-legend --plain 'shop*' 'uwsgi-shop*'"


def test_a_command_runs_on_one_host_and_the_log_says_who_ran_it() -> None:
    said = play("playbooks/manage.yml", "-e", "app=plain", "-e", 'command=shell -c \'print("it", "is $5")\'')
    assert "it is $5" in said.output
    assert said.changed == {WEB[0]: 1}
    failed = play("playbooks/manage.yml", "-e", "app=plain", "-e", "command=no_such_command", code=2)
    # YAML doubles the quotes, and breaks lines.
    said = " ".join(failed.output.replace("''", "'").split())
    assert "Unknown command: 'no_such_command'" in said
    assert f"'no_such_command' ended with exit code 1 on {WEB[0]}" in said
    for name in WEB:
        Visitor(name, DOMAIN).get(f"/asked-of-{name}/")
    log = play("playbooks/logs.yml", "-e", "app=plain", "-e", "since=5m").output
    assert "plain-manage: " in log
    assert "ran: no_such_command" in log
    # Of both hosts, in the order of time.
    places = [log.index(f"/asked-of-{name}/ 404") for name in WEB]
    assert places == sorted(places)


@pytest.fixture(scope="module")
def removed() -> Run:
    """The shop is removed: it has services, Redis and a database."""
    foreseen = play("playbooks/remove_app.yml", "-e", "app=shop", "-e", "confirm=shop", "--check")
    assert "Would be removed: db1: database shop" in foreseen.output
    assert Visitor(WEB[0], "shop.test").get("/up/").status_code == 200
    return play("playbooks/remove_app.yml", "-e", "app=shop", "-e", "confirm=shop")


def test_nothing_is_removed_without_its_name_repeated() -> None:
    refused = play("playbooks/remove_app.yml", "-e", "app=shop", "-e", "confirm=shpo", code=2)
    assert "Repeat its name to go on: -e app=shop -e confirm=shop" in refused.output


@pytest.mark.parametrize("name", WEB)
def test_a_removed_application_leaves_nothing_on_a_web_host(removed: Run, name: str) -> None:
    host = on(name)
    # Without a unit, systemctl fails.
    assert host.run(UNITS).stdout == ""
    for path in (
        "/srv/shop",
        "/etc/nginx/sites-enabled/shop.conf",
        "/usr/local/sbin/shop-manage",
        "/etc/ssl/shop",
        "/etc/uwsgi/shop.ini",
    ):
        assert not host.file(path).exists, path
    assert host.run("getent passwd shop; getent group shop").stdout == ""
    assert "shop" not in host.check_output("id -Gn www-data").split()
    assert host.run("pgrep -u shop").rc != 0
    # Its pooler knows neither its database nor its login any more.
    assert host.run("grep --recursive --word-regexp shop /etc/pgbouncer").stdout == ""
    # The others serve.
    assert Visitor(name, DOMAIN).get("/").status_code == 200
    assert host.file("/etc/nginx/sites-enabled/plain.conf").exists


def test_its_database_is_gone_and_its_last_dump_is_whole(removed: Run) -> None:
    host = on("db1")
    sql = "SELECT count(*) FROM pg_roles WHERE rolname LIKE 'shop%' UNION ALL SELECT count(*) FROM pg_database WHERE datname = 'shop'"
    assert host.check_output(f'cd / && runuser -u postgres -- psql -Atc "{sql}"').split() == ["0", "0"]
    place = host.check_output("ls /var/backups/shop/*.dump | tail -n 1")
    assert f"Kept: db1:{place}" in removed.output
    assert host.file(place).mode == 0o600
    assert "TABLE DATA public" in host.check_output(f"pg_restore --list {place}")


def test_its_user_of_redis_is_gone(removed: Run) -> None:
    host = on(WEB[0])
    assert "user shop " not in host.check_output("redis-admin acl list")
    assert "user shop " not in host.check_output("cat /etc/redis/users.acl")


def test_what_is_left_of_others_is_named(removed: Run) -> None:
    """An application that is in no inventory any more, in check mode and without a change."""
    host = on(WEB[0])
    host.check_output("mkdir -p /srv/bygone/slots/blue")
    try:
        said = play(
            "site.yml",
            "--check",
            "--tags",
            "release",
            "--limit",
            WEB[0],
            "-e",
            json.dumps({"release_policy": "converge"}),
        )
    finally:
        host.check_output("rm -r /srv/bygone")
    assert "playbooks/remove_app.yml -e app=bygone -e confirm=bygone" in " ".join(said.output.split())
