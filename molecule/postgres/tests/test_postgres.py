"""PostgreSQL as its clients see it, with the role's defaults, on both Debians."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from controller import play
from exposure import exposed

LAB = Path(os.environ["MOLECULE_PROJECT_DIRECTORY"]) / ".lab" / os.environ.get("LAB_NAME", "molecule")
BOARD = yaml.safe_load((LAB / "secrets.yml").read_text())["secrets"]["applications"]["board"]
OTHER = r"password$of\the %other"
VERSIONS = {"postgres-12": "15", "postgres-13": "17"}


def psql(
    host: Any,
    sql: str,
    *,
    user: str = "board",
    password: str = BOARD["database_password"],
    database: str = "board",
    server: str | None = None,
    sslmode: str = "verify-full",
) -> Any:
    """Ask as a client does: over TCP."""
    server = server or host.backend.get_hostname()
    where = f"host={server} user={user} dbname={database} sslmode={sslmode} connect_timeout=5"
    return host.run(
        "PGPASSWORD=%s PGSSLROOTCERT=/etc/ssl/postgres/ca.pem psql -XAtq -v ON_ERROR_STOP=1 %s -c %s",
        password,
        where,
        sql,
    )


def owner(host: Any, sql: str) -> Any:
    """Ask as the owner, who runs migrations."""
    return psql(host, sql, user="board_owner", password=BOARD["database_owner_password"])


def postgres(host: Any, sql: str, database: str = "postgres") -> str:
    """Ask as superuser, by the socket."""
    return host.check_output("runuser -u postgres -- psql -XAtq -d %s -c %s", database, sql)


def logs(host: Any) -> str:
    """What to read when a test fails."""
    return host.run("journalctl -u 'postgresql@*' -n 20 --no-pager; tail -n 30 /var/log/postgresql/*.log").stdout


@pytest.fixture
def table(host: Any) -> Any:
    """A table that the owner made after the role ran, as a migration does."""
    made = owner(host, "DROP TABLE IF EXISTS notes; CREATE TABLE notes (id bigserial PRIMARY KEY, body text)")
    assert made.rc == 0, made.stderr + logs(host)
    yield "notes"
    owner(host, "DROP TABLE notes")


def test_the_application_reads_and_writes_the_owners_table(host: Any, table: str) -> None:
    statements = (
        "INSERT INTO notes (body) VALUES ('one'), ('two'); UPDATE notes SET body = 'three' WHERE id = 2; "
        "DELETE FROM notes WHERE id = 1; SELECT body FROM notes"
    )
    answer = psql(host, statements)
    assert (answer.rc, answer.stdout.strip()) == (0, "three"), answer.stderr + logs(host)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE mine (id int)",
        "TRUNCATE notes",
        "DROP TABLE notes",
        "ALTER TABLE notes ADD COLUMN more int",
        "CREATE TEMPORARY TABLE mine (id int)",
        "CREATE SCHEMA mine",
        "CREATE ROLE mine",
        "SELECT rolpassword FROM pg_authid",
        "COPY notes TO PROGRAM 'cat'",
    ],
)
def test_the_application_may_no_more(host: Any, table: str, statement: str) -> None:
    answer = psql(host, statement)
    assert answer.rc != 0
    assert "permission denied" in answer.stderr or "must be " in answer.stderr, answer.stderr


def test_databases_are_closed_to_each_other(host: Any) -> None:
    answer = psql(host, "SELECT 1", database="other")
    assert "rejects connection" in answer.stderr
    # Even a mistake in pg_hba.conf would not open it: the privilege is missing, too.
    assert postgres(host, "SELECT has_database_privilege('board', 'other', 'CONNECT')") == "f"
    assert psql(host, "SELECT 1", user="other", password=OTHER, database="other").rc == 0


def test_public_may_nothing(host: Any) -> None:
    acl = postgres(host, "SELECT datacl FROM pg_database WHERE datname = 'board'")
    assert acl == "{board_owner=CTc/board_owner,board=c/board_owner}"
    acl = postgres(host, "SELECT nspacl FROM pg_namespace WHERE nspname = 'public'", "board")
    assert acl == "{board_owner=UC/board_owner,board=U/board_owner}"


def test_wrong_passwords_are_refused(host: Any) -> None:
    assert "password authentication failed" in psql(host, "SELECT 1", password="wrong").stderr
    assert psql(host, "SELECT 1", password="").rc != 0


def test_plain_text_is_refused(host: Any) -> None:
    answer = psql(host, "SELECT 1", sslmode="disable")
    assert answer.rc != 0
    assert "no encryption" in answer.stderr


def test_old_tls_is_refused(host: Any) -> None:
    name = host.backend.get_hostname()
    answer = host.run(
        f"echo | openssl s_client -starttls postgres -connect {name}:5432 -tls1_1 -cipher ALL:@SECLEVEL=0 2>&1"
    )
    assert "Cipher is (NONE)" in answer.stdout
    answer = host.run(
        f"echo | openssl s_client -starttls postgres -connect {name}:5432 -CAfile /etc/ssl/postgres/ca.pem "
        f"-verify_hostname {name} 2>&1"
    )
    assert "Verify return code: 0 (ok)" in answer.stdout, answer.stdout


def test_only_admitted_hosts_get_in(host: Any) -> None:
    if host.backend.get_hostname() == "postgres-12":
        admitted = psql(host, "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()", server="postgres-13")
        assert (admitted.rc, admitted.stdout.strip()) == (0, "t"), admitted.stderr
    else:
        refused = psql(host, "SELECT 1", server="postgres-12", password=BOARD["database_password"])
        assert refused.rc != 0
        assert "rejects connection" in refused.stderr


def test_the_superuser_has_no_way_in_over_the_network(host: Any) -> None:
    assert "rejects connection" in psql(host, "SELECT 1", user="postgres", database="postgres").stderr


def test_settings_arrived(host: Any) -> None:
    shown = {
        name: postgres(host, f"SHOW {name}")
        for name in (
            "data_checksums",
            "max_connections",
            "password_encryption",
            "ssl_min_protocol_version",
            "huge_pages",
            "server_encoding",
        )
    }
    assert shown == {
        "data_checksums": "on",
        "max_connections": "100",
        "password_encryption": "scram-sha-256",
        "ssl_min_protocol_version": "TLSv1.2",
        "huge_pages": "off",
        "server_encoding": "UTF8",
    }
    assert postgres(host, "SELECT count(*) FROM pg_settings WHERE pending_restart") == "0"
    assert postgres(host, "SELECT count(*) FROM pg_hba_file_rules WHERE error IS NOT NULL") == "0"
    memory = int(
        host.check_output(
            "sed -n 's/.*Sized for \\([0-9]*\\) MB.*/\\1/p' /etc/postgresql/*/main/conf.d/10-managed.conf"
        )
    )
    shared = int(postgres(host, "SELECT setting::bigint * 8 / 1024 FROM pg_settings WHERE name = 'shared_buffers'"))
    # In steps of 64 MB, so that a kernel update restarts nothing.
    assert shared % 64 == 0 and abs(shared - max(128, memory // 4)) <= 32
    assert psql(host, "SHOW search_path").stdout.strip() == "public, pg_temp"
    assert postgres(host, "SHOW server_version").startswith(VERSIONS[host.backend.get_hostname()])


def test_passwords_are_stored_as_verifiers_and_not_logged(host: Any) -> None:
    stored = postgres(
        host, "SELECT count(*) FROM pg_authid WHERE rolpassword LIKE 'SCRAM-SHA-256$%' AND rolname ~ '^(board|other)'"
    )
    assert stored == "4"
    for secret in (BOARD["database_password"], BOARD["database_owner_password"], OTHER, "SCRAM-SHA-256\\$"):
        found = host.run(
            "cat /var/log/postgresql/*.log > /tmp/said; journalctl --no-pager >> /tmp/said; grep -cF -- %s /tmp/said",
            secret,
        )
        # sudo logs the tests' own commands, which carry passwords; the role's do not.
        lines = host.run("grep -F -- %s /tmp/said | grep -vE 'psql|grep' ; rm -f /tmp/said", secret)
        assert lines.stdout == "", f"{found.stdout}: {lines.stdout[:300]}"


def test_the_key_is_postgres_own(host: Any) -> None:
    key = host.file("/etc/ssl/postgres/privkey.pem")
    assert (key.user, key.group, key.mode) == ("postgres", "postgres", 0o600)


def test_statements_that_change_the_schema_are_logged(host: Any, table: str) -> None:
    assert "CREATE TABLE notes" in host.check_output("tail -n 200 /var/log/postgresql/*.log")


def test_it_comes_back_after_a_restart(host: Any) -> None:
    version = VERSIONS[host.backend.get_hostname()]
    unit = host.service(f"postgresql@{version}-main")
    assert unit.is_enabled
    assert host.run(f"systemctl restart postgresql@{version}-main").rc == 0
    assert psql(host, "SELECT 1").stdout.strip() == "1", logs(host)
    assert host.check_output(f"systemctl show -P OOMScoreAdjust postgresql@{version}-main") == "-900"


def test_it_is_nobody_but_itself_in_a_sandbox(host: Any, table: str) -> None:
    unit = f"postgresql@{VERSIONS[host.backend.get_hostname()]}-main.service"
    assert exposed(host, unit) == {}
    main = host.check_output("systemctl show --property MainPID --value %s", unit)
    status = host.check_output(f"cat /proc/{main}/status")
    assert "\nSeccomp:\t2\n" in status
    assert "\nCapBnd:\t0000000000000000\n" in status
    # What a sandbox could take away: shared memory of parallel workers, files of an administrator, a tablespace, code that is made.
    as_superuser = "cd / && runuser -u postgres -- psql -XAtq -d board -c %s"
    host.check_output("install -d -o postgres -g postgres /mnt/tablespace")
    wide = (
        "SET max_parallel_workers_per_gather = 2; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; "
        "SET min_parallel_table_scan_size = 0; SET jit = on; SET jit_above_cost = 0; SELECT sum(i) FROM wide"
    )
    for statement, said in (
        ("CREATE TABLESPACE elsewhere LOCATION '/mnt/tablespace'", ""),
        ("CREATE TABLE wide TABLESPACE elsewhere AS SELECT generate_series(1, 50000) AS i", ""),
        (wide, "1250025000"),
        ("COPY (SELECT 1) TO '/tmp/of-an-administrator'", ""),
        ("DROP TABLE wide", ""),
        ("DROP TABLESPACE elsewhere", ""),
    ):
        assert host.check_output(as_superuser, statement) == said
    assert host.file("/tmp/of-an-administrator").exists


def test_a_broken_configuration_is_named(host: Any) -> None:
    """The check that stands before each change: it is content with what is there, and says what is wrong elsewhere."""
    good = host.run("postgres-check-config")
    assert good.rc == 0, good.stderr
    version = VERSIONS[host.backend.get_hostname()]
    copy = f"/etc/postgresql/{version}/main"
    for setting, said in (
        ("shared_buffers = '10 elephants'", "shared_buffers"),
        ("no_such_setting = 1", "no_such_setting"),
        ("shared_buffers = '7TB'", "Cannot allocate memory"),
        ("shared_preload_libraries = 'no_such_library'", "no_such_library"),
        ("ssl_key_file = '/nowhere.pem'", "nowhere.pem"),
    ):
        answer = host.run(
            "set -e; d=$(mktemp -d); cp -a %s $d/main; sed s,%s,$d/main, /usr/local/sbin/postgres-check-config > $d/check; "
            "sed -i s,%s/conf.d,$d/main/conf.d,g $d/main/postgresql.conf; echo %s > $d/main/conf.d/99.conf; "
            "chmod -R a+rX $d; set +e; sh $d/check; code=$?; rm -rf $d; exit $code",
            copy,
            copy,
            copy,
            setting,
        )
        assert answer.rc != 0, setting
        assert said in answer.stderr, f"{setting}: {answer.stderr}"


def test_a_killed_postmaster_comes_back_and_has_what_was_acknowledged(host: Any, table: str) -> None:
    assert table == "notes"
    unit = f"postgresql@{VERSIONS[host.backend.get_hostname()]}-main"
    before = host.check_output("systemctl show --property MainPID --value %s", unit)
    assert owner(host, "INSERT INTO notes (body) VALUES ('kept')").rc == 0
    # A statement that is running does not keep the next postmaster from starting.
    host.check_output("systemd-run --quiet --collect runuser -u postgres -- psql -c 'SELECT pg_sleep(300)'")
    host.check_output("kill -KILL %s", before)
    deadline = time.monotonic() + 30
    while owner(host, "SELECT body FROM notes").stdout.strip() != "kept":
        assert time.monotonic() < deadline, logs(host)
        time.sleep(0.2)
    assert host.check_output("systemctl show --property MainPID --value %s", unit) != before
    said = host.check_output("systemctl show --property OOMPolicy,OnFailure %s", unit)
    assert "OOMPolicy=continue" in said
    assert f"OnFailure=start-again@{unit}.service.service" in said


def test_what_somebody_added_by_hand_is_shown_by_a_check_and_mended_by_a_run(host: Any) -> None:
    """A file in conf.d, a superuser, and a role that may be one at any time: in no inventory, so missing on the next host."""
    name = host.backend.get_hostname()
    added = f"/etc/postgresql/{VERSIONS[name]}/main/conf.d/20-by-hand.conf"
    host.check_output("echo \"log_rotation_age = '2h'\" > %s && chmod a+r %s", added, added)
    postgres(host, "CREATE ROLE eve LOGIN SUPERUSER BYPASSRLS")
    postgres(host, "CREATE ROLE mallory LOGIN; GRANT postgres TO mallory")
    said = play("postgres/converge.yml", "--check", "--diff", limit=name).stdout
    assert f"set aside as {added}.set-aside" in said
    assert "Role eve: no longer SUPERUSER, BYPASSRLS" in said
    assert "Role mallory: not the rights of the superuser postgres" in said
    assert host.file(added).exists
    play("postgres/converge.yml", limit=name)
    assert not host.file(added).exists and host.file(f"{added}.set-aside").exists
    asked = "SELECT count(*) FROM pg_roles WHERE rolname IN ('eve', 'mallory') AND (rolsuper OR pg_has_role(oid, 'postgres', 'MEMBER'))"
    assert postgres(host, asked) == "0"
    assert "changed=0" in play("postgres/converge.yml", limit=name).stdout
    postgres(host, "DROP ROLE eve, mallory")
