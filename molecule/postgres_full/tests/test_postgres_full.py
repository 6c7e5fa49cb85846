"""PostgreSQL with every default changed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import yaml
from controller import play

LAB = Path(os.environ["MOLECULE_PROJECT_DIRECTORY"]) / ".lab" / os.environ.get("LAB_NAME", "molecule")
BOARD = yaml.safe_load((LAB / "secrets.yml").read_text())["secrets"]["applications"]["board"]
ROLES = {
    "shop_migrations": ("shop", BOARD["database_owner_password"]),
    "shop_web": ("shop", BOARD["database_password"]),
    "all_owner": ("all", "owner-of-all"),
    "replication": ("all", "user-of-all"),
}


def psql(host: Any, user: str, sql: str, server: str = "postgres-full", database: str | None = None) -> Any:
    """Ask as a client does: over TCP and TLS."""
    own, password = ROLES[user]
    where = f"host={server} port=5544 user={user} dbname={database or own} sslmode=verify-full connect_timeout=5"
    return host.run(
        "PGPASSWORD=%s PGSSLROOTCERT=/etc/ssl/postgres/ca.pem psql -XAtq -v ON_ERROR_STOP=1 %s -c %s",
        password,
        where,
        sql,
    )


def postgres(host: Any, sql: str, database: str = "postgres") -> str:
    """Ask as superuser, by the socket."""
    return host.check_output("runuser -u postgres -- psql -XAtq -p 5544 -d %s -c %s", database, sql)


def logs(host: Any) -> str:
    """What to read when a test fails."""
    return host.run("journalctl -u 'postgresql@*' -n 20 --no-pager; tail -n 30 /var/log/postgresql/*.log").stdout


def test_all_roles_get_into_their_own_database_only(host: Any) -> None:
    for user, (own, _) in ROLES.items():
        answer = psql(host, user, "SELECT current_database()")
        assert (answer.rc, answer.stdout.strip()) == (0, own), answer.stderr + logs(host)
        other = "all" if own == "shop" else "shop"
        assert "rejects connection" in psql(host, user, "SELECT 1", database=other).stderr


def test_rights_on_what_the_owner_makes(host: Any) -> None:
    assert psql(host, "shop_migrations", "CREATE TABLE things (id serial, name citext)").rc == 0
    try:
        answer = psql(
            host, "shop_web", "INSERT INTO things (name) VALUES ('A'); SELECT count(*) FROM things WHERE name = 'a'"
        )
        assert answer.stdout.strip() == "1", answer.stderr
        assert "permission denied" in psql(host, "shop_web", "CREATE TABLE mine (id int)").stderr
    finally:
        psql(host, "shop_migrations", "DROP TABLE things")


def test_extensions(host: Any) -> None:
    assert (
        postgres(host, "SELECT string_agg(extname, ' ' ORDER BY extname) FROM pg_extension", "shop")
        == "citext pg_trgm plpgsql"
    )
    assert psql(host, "shop_web", "SELECT similarity('word', 'words') > 0.5").stdout.strip() == "t"
    assert psql(host, "replication", "SELECT '10.0.0.1'::ip4").stdout.strip() == "10.0.0.1"


def test_connection_limit(host: Any) -> None:
    assert postgres(host, "SELECT rolconnlimit FROM pg_roles WHERE rolname = 'shop_web'") == "3"


def test_settings_arrived(host: Any) -> None:
    expected = {
        "port": "5544",
        "data_directory": "/data/postgresql/main",
        "data_checksums": "off",
        "max_connections": "50",
        "shared_buffers": "2GB",
        "effective_cache_size": "6GB",
        "work_mem": "9MB",
        "maintenance_work_mem": "512MB",
        "max_parallel_workers": "8",
        "max_parallel_workers_per_gather": "4",
        "jit": "off",
        "log_min_duration_statement": "250ms",
        "shared_preload_libraries": "pg_stat_statements",
        "lc_collate": "C",
    }
    for name, value in expected.items():
        asked = "SELECT datcollate FROM pg_database WHERE datname = 'shop'" if name == "lc_collate" else f"SHOW {name}"
        assert postgres(host, asked) == value, name
    assert postgres(host, "SELECT count(*) FROM pg_settings WHERE pending_restart") == "0"


def test_listens_where_it_should(host: Any) -> None:
    listening = host.check_output("ss -Hltn 'sport = :5544'")
    assert "127.0.0.1:5544" in listening
    assert "0.0.0.0:5544" not in listening
    assert "5432" not in host.check_output("ss -Hltn")


def test_certificate_carries_the_further_name(host: Any) -> None:
    names = host.check_output("openssl x509 -in /etc/ssl/postgres/fullchain.pem -noout -ext subjectAltName")
    assert {"DNS:db.example.org", "DNS:postgres-full", "DNS:localhost", "IP Address:127.0.0.1"} < set(
        names.split("\n", 1)[1].strip().split(", ")
    )


def test_clients_are_exactly_those_listed(host: Any) -> None:
    found = postgres(
        host,
        "SELECT DISTINCT type || ' ' || database[1] || ' ' || coalesce(address, '-') || ' ' || auth_method FROM pg_hba_file_rules "
        "WHERE user_name = '{shop_web}' ORDER BY 1",
    ).splitlines()
    assert found == [
        "hostssl shop 198.51.100.0 scram-sha-256",
        "hostssl shop 2001:db8:: scram-sha-256",
        "hostssl shop 203.0.113.7 scram-sha-256",
        "hostssl shop samehost scram-sha-256",
        "local shop - scram-sha-256",
    ]
    assert (
        postgres(host, "SELECT count(*) FROM pg_hba_file_rules WHERE type = 'host' AND auth_method <> 'reject'") == "0"
    )


def test_memory_protection_reaches_the_process(host: Any) -> None:
    main = host.check_output("head -n 1 /data/postgresql/main/postmaster.pid")
    assert host.check_output(f"cat /proc/{main}/oom_score_adj") == "100"
    unit = host.check_output("systemctl show -P RequiresMountsFor postgresql@17-main")
    assert "/data/postgresql/main" in unit.split()


def test_kernel_settings(host: Any) -> None:
    assert host.check_output("cat /proc/sys/net/ipv4/tcp_keepalive_time") == "600"
    assert "net.ipv4.tcp_keepalive_time = 600" in host.file("/etc/sysctl.d/60-postgres.conf").content_string


def test_it_comes_back_after_a_restart(host: Any) -> None:
    assert host.run("systemctl restart postgresql@17-main").rc == 0
    assert psql(host, "shop_web", "SELECT 1", server="localhost").stdout.strip() == "1", logs(host)


def test_what_somebody_changed_in_the_server_is_put_right(host: Any) -> None:
    """Settings that outrank the role's file, and memberships that void the least rights."""
    later = "/etc/postgresql/17/main/conf.d/99-mine.conf"
    for statement in (
        "ALTER SYSTEM SET max_connections = 40",
        "ALTER SYSTEM SET vacuum_cost_limit = 300",
        "GRANT shop_migrations TO shop_web",
        "CREATE ROLE monitoring SUPERUSER",
    ):
        postgres(host, statement)
    command_line = "/etc/postgresql/17/main/pg_ctl.conf"
    host.check_output(
        f"""cp --preserve {command_line} /root/; echo "pg_ctl_options = '-o -crandom_page_cost=2'" >>{command_line}"""
    )
    host.check_output(f"echo 'jit = on' >{later}; chown postgres: {later}; systemctl restart postgresql@17-main")
    assert (postgres(host, "SHOW max_connections"), postgres(host, "SHOW jit")) == ("40", "on")
    try:
        run = play("postgres_full/converge.yml", "--check", "--diff", limit="postgres-full")
        checked = run.stdout
        assert "+# Ansible, set in /etc/postgresql/17/main/conf.d/10-managed.conf: max_connections = '40'" in checked
        assert "+Role shop_web: not the rights of shop_migrations" in checked
        # A warning.
        warned = " ".join(run.stderr.split())
        assert "random_page_cost of the configuration files has no effect: the server's command line" in warned
        play("postgres_full/converge.yml", limit="postgres-full")
        assert (postgres(host, "SHOW max_connections"), postgres(host, "SHOW jit")) == ("50", "off")
        assert postgres(host, "SHOW vacuum_cost_limit") == "300", "what the role does not set stays"
        assert postgres(host, "SELECT pg_has_role('shop_web', 'shop_migrations', 'MEMBER')") == "f"
        # Both are listed: the file in postgres_kept_files, the role in postgres_superusers.
        assert host.file(later).content_string.endswith(": jit = on\n")
        assert postgres(host, "SELECT rolsuper FROM pg_roles WHERE rolname = 'monitoring'") == "t"
    finally:
        postgres(host, "DROP ROLE monitoring")
        postgres(host, "ALTER SYSTEM RESET vacuum_cost_limit")
        host.check_output(f"rm {later}; mv /root/pg_ctl.conf {command_line}")


def test_a_role_of_somebody_else_is_not_taken_over(host: Any) -> None:
    databases = '{"postgres_databases": [{"name": "erp", "password": "p1", "owner_password": "p2"}]}'
    postgres(host, "CREATE ROLE erp LOGIN PASSWORD 'theirs'")
    try:
        done = play("postgres_full/converge.yml", "--check", "-e", databases, limit="postgres-full", check=False)
        said = " ".join(done.stdout.split())
        assert done.returncode != 0
        assert "The role erp is there already, and was not made by this repository." in said
    finally:
        postgres(host, "DROP ROLE erp")
