"""Everything that the role lets one change has another value; the server is one that imitates RDS, found by its name."""

from __future__ import annotations

import time
from typing import Any

from controller import play
from rds import rds


def ask(host: Any, sql: str, instance: str = "rds-session") -> Any:
    form = f"runuser -u shop -- psql -XAtq -h /run/pgbouncer/{instance} -p 6432 -U shop -d postgres -c %s"
    return host.run(form, sql)


def console(host: Any, command: str) -> str:
    return host.check_output("psql -XAtq -h /run/pgbouncer/rds-session -p 6432 -U root -d pgbouncer -c %s", command)


def test_settings_follow(host: Any) -> None:
    found = dict(line.split("|")[:2] for line in console(host, "SHOW CONFIG").splitlines())
    expected = {
        "query_wait_timeout": "20", "server_connect_timeout": "2", "server_login_retry": "2", "dns_max_ttl": "1",
        "server_idle_timeout": "60", "server_lifetime": "120", "stats_period": "30", "log_connections": "1", "pool_mode": "session",
        "server_tls_sslmode": "verify-full", "server_tls_ca_file": "/etc/ssl/rds-ca.pem",
    }  # fmt: skip
    assert {name: found[name] for name in expected} == expected


def test_a_session_keeps_what_it_set_and_the_next_one_does_not_find_it(host: Any) -> None:
    assert ask(host, "SET statement_timeout = '7s'; SHOW statement_timeout").stdout.strip() == "7s"
    assert ask(host, "SHOW statement_timeout").stdout.strip() != "7s"


def test_reads_go_to_the_replica(host: Any) -> None:
    assert ask(host, "SELECT pg_is_in_recovery()").stdout.strip() == "f"
    assert ask(host, "SELECT pg_is_in_recovery()", "rds-session-replica").stdout.strip() == "t"


def test_a_failover_is_followed_by_name(host: Any) -> None:
    """The primary vanishes without a word, and its name leads elsewhere."""
    began = time.monotonic()
    rds("failover")
    while (
        said := ask(host, "CREATE TEMPORARY TABLE written (id int); SELECT pg_is_in_recovery()")
    ).stdout.strip() != "f":
        assert time.monotonic() - began < 40, said.stderr
        time.sleep(0.2)
    assert console(host, "SHOW DATABASES").count("rds.amazonaws.com") == 1
    rds("rejoin")


def test_a_playbook_pauses_all_and_resumes_them(host: Any) -> None:
    done = play("pgbouncer_full/steps.yml", limit="pgbouncer-full")
    assert "paused while it waited" in done.stdout
    assert ask(host, "SELECT 1").stdout.strip() == "1"
