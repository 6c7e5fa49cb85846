"""The sample application on RDS: it works, and goes on through a rotation, a failover and a change to logins by token."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from controller import LAB, PROJECT, connect
from rds import rds, superuser
from site_visitor import DOMAIN, Visitor, address, secret

HOST = "board.c1a2b3.eu-central-1.rds.amazonaws.com"


# The name of the column is put together: its text tells nothing.
MIGRATION = """from django.db import migrations


def drop(apps, schema_editor):
    column = "te" + "xt"
    schema_editor.execute(f"ALTER TABLE posts_post DROP COLUMN {{column}}")


class Migration(migrations.Migration):
    dependencies = [("posts", "{after}")]
    operations = [migrations.RunPython(drop)]
"""


def play(playbook: str, *words: str, code: int = 0) -> str:
    """Run one of the project's playbooks on this lab; what it said."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    done = subprocess.run(
        [PROJECT / ".venv/bin/ansible-playbook", "-i", "inventory/lab-rds", playbook, *words],
        cwd=PROJECT, env=env, capture_output=True, text=True, timeout=400, check=False,
    )  # fmt: skip
    assert done.returncode == code, done.stdout[-6000:] + done.stderr[-2000:]
    return done.stdout


def status_of(host: str) -> int:
    """The status of a page of a host, asked over a connection of its own."""
    context = ssl.create_default_context(cafile=str(LAB / "ca.pem"))
    with socket.create_connection((address(host), 443), 30) as plain:
        connection = http.client.HTTPConnection(DOMAIN, timeout=30)
        connection.sock = context.wrap_socket(plain, server_hostname=DOMAIN)
        connection.request("GET", "/")
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return answer.status


@contextmanager
def visits(pause: float = 0.1) -> Iterator[dict[str, Any]]:
    """A visitor of each host who asks for a page with a query; what they saw is there at the end."""
    seen: dict[str, Any] = {"requests": 0, "failed": [], "slowest": 0.0}
    enough = threading.Event()

    def visit(host: str) -> None:
        while not enough.is_set():
            began = time.monotonic()
            try:
                status: Any = status_of(host)
            except (OSError, http.client.HTTPException) as error:
                status = repr(error)
            took = time.monotonic() - began
            seen["requests"] += 1
            seen["slowest"] = max(seen["slowest"], took)
            if status != 200:
                seen["failed"].append((host, status, round(took, 2)))
            time.sleep(pause)

    threads = [threading.Thread(target=visit, args=(host,)) for host in ("web1", "web2")]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        enough.set()
        for thread in threads:
            thread.join(60)


def logins() -> set[str]:
    """Who is logged in to the board's database."""
    return set(superuser("SELECT DISTINCT usename FROM pg_stat_activity WHERE datname = 'board'", name="rds1").split())


def test_a_post_is_written_and_seen_on_the_other_host() -> None:
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {secret('api_token')}"}
    body = json.dumps({"title": "Kept on RDS", "text": "By TLS."})
    assert Visitor("web1").post("/api/posts/", data=body, headers=headers).status_code == 201
    assert "Kept on RDS" in Visitor("web2").get("/").text
    assert Visitor("web1").get("/readyz").json()["status"] == "ready"


def test_connections_are_encrypted_and_verified(host: Any) -> None:
    assert superuser(
        "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename LIKE 'board%'", name="rds1"
    ) == "t"  # fmt: skip
    assert "/run/pgbouncer/rds-transaction" in host.check_output(
        "grep ^DATABASE_URL= /srv/board/live/environment"
    ).replace("%2F", "/")
    pooler = host.check_output(
        "cat /etc/pgbouncer/rds-transaction/pgbouncer.ini /etc/pgbouncer/rds-transaction/target.ini"
    )
    for word in ("server_tls_sslmode = verify-full", "server_tls_ca_file = /etc/ssl/rds/ca.pem", f"host={HOST}"):
        assert word in pooler
    # Migrations go straight there.
    url = host.check_output("grep ^DATABASE_URL= /srv/board/live/environment-owner")
    for word in (
        HOST,
        "sslmode=verify-full",
        "sslrootcert=/etc/ssl/rds/ca.pem",
        "target_session_attrs=read-write",
    ):
        assert word in url


def test_passwords_are_rotated_without_a_failed_request() -> None:
    assert logins() == {"board"}
    with visits() as seen:
        play("playbooks/rotate_secrets.yml")
    assert not seen["failed"], seen
    assert seen["requests"] > 20
    assert logins() == {"board_b"}
    assert superuser("SELECT rolcanlogin FROM pg_roles WHERE rolname = 'board'", name="rds1") == "f"
    assert secret("database_login") == "board_b"


def migrated(tmp_path: Path) -> Path:
    """A copy of the sample application with a migration that only a database can judge."""
    source = tmp_path / "django_app"
    shutil.copytree(PROJECT / "django_app", source, ignore=shutil.ignore_patterns("__pycache__"))
    last = sorted(path.stem for path in (source / "posts/migrations").glob("0*.py"))[-1]
    (source / "posts/migrations/9999_more.py").write_text(MIGRATION.format(after=last))
    return source


def test_a_migration_is_tried_by_the_rights_of_the_master_user(tmp_path: Path) -> None:
    source = migrated(tmp_path)
    refused = play("playbooks/deploy.yml", "-e", "app=board", "-e", f"source={source}", code=2)
    assert "posts.9999_more drops or renames the column posts_post.text (posts.Post)" in refused
    assert "the text of the migrations decides" not in refused
    assert superuser("SELECT count(*) FROM pg_database WHERE datname = 'board_scratch'", name="rds1") == "0"


def test_a_dump_moves_in_by_the_rights_of_the_master_user(tmp_path: Path) -> None:
    words = "/usr/lib/postgresql/*/bin/pg_dump -h /run/lab-rds/a -U rdsadmin --format=plain --no-publications board"
    text = connect("rds1").check_output(f"sh -c 'cd /tmp && runuser -u postgres -- {words}'")
    (tmp_path / "site.sql").write_text(text.replace("Kept on RDS", "Came to RDS") + "\n")
    said = play(
        "playbooks/database_import.yml", "-e", "app=board", "-e", f"dump={tmp_path}/site.sql", "-e", "confirm=board"
    )
    assert "all tables, rows and sequences are there" in said
    assert "Came to RDS" in Visitor("web2").get("/").text
    owners = "SELECT string_agg(DISTINCT tableowner, ' ') FROM pg_tables WHERE schemaname = 'public'"
    assert superuser(owners, "board", name="rds1") == "board_owner"
    play("playbooks/database_import.yml", "-e", "app=board", "-e", "import_remove=before")
    assert superuser("SELECT count(*) FROM pg_database WHERE datname LIKE 'board%'", name="rds1") == "1"


def test_a_failover_is_followed_within_ten_seconds_and_by_itself(host: Any) -> None:
    units = "systemctl show -P MainPID 'uwsgi-board@*' | sort"
    before = host.check_output(units)
    with visits() as seen:
        time.sleep(2)
        began = time.monotonic()
        rds("failover", name="rds1")
        promoted = time.monotonic() - began
        time.sleep(12)
    # A request that was under way waits for the dead connection; it may fail, those after it may not.
    assert seen["slowest"] - promoted < 10, (promoted, seen)
    assert len(seen["failed"]) <= 4, seen
    assert host.check_output(units) == before, "nobody restarted the application"
    with visits() as after:
        time.sleep(2)
    assert not after["failed"], after
    rds("rejoin", name="rds1")


def test_logins_by_token_take_over_without_a_failed_request() -> None:
    with visits() as seen:
        play("site.yml", "-e", "database_auth=iam", "--tags", "rds_client,django")
    assert not seen["failed"], seen
    assert logins() == {"board_iam"}
    assert "Came to RDS" in Visitor("web1").get("/").text


# Without the fixture `host`: tests that have it come before the others, and this is the last one.
def test_a_removed_application_leaves_its_last_dump_alone() -> None:
    # Somebody else's grant does not keep its logins, whoever made it.
    superuser("GRANT board_owner TO board", name="rds1")
    said = play("playbooks/remove_app.yml", "-e", "app=board", "-e", "confirm=board")
    assert "board is gone." in said
    web1 = connect("web1")
    dump = web1.check_output("ls /var/backups/board/*-board.dump")
    assert "TABLE DATA public posts_post" in web1.check_output(f"pg_restore --list {dump}")
    assert said.count("board.dump") == 1, "it lies on one host"
    assert (
        superuser("SELECT count(*) FROM pg_roles WHERE rolname LIKE 'board%' AND rolname <> 'board_admin'", name="rds1")
        == "0"
    )
    assert superuser("SELECT count(*) FROM pg_database WHERE datname LIKE 'board%'", name="rds1") == "0"
