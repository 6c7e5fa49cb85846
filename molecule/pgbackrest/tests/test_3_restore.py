"""Restores: a scratch copy, the cluster in place to a moment inside a stream of writes, a drill, and a host that is lost."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from conftest import Run, info, play, sql, until
from exposure import exposed

CONFIRMED = ("-e", "confirm=db1", "--limit", "database:backup")
PSQL = "runuser -u postgres -- psql -XAtq -d postgres"


def restore(to: str, *words: str) -> Run:
    return play("playbooks/database_restore.yml", "-e", f"restore_to={to}", *words)


def scratch(host: Any, statement: str) -> str:
    return host.check_output(f'{PSQL} -p 5433 -c "{statement}"')


@pytest.fixture(scope="module")
def written(db1: Any, backup1: Any) -> dict[str, str]:
    """A stream of rows, one each 50 ms or slower; the moment of one of them and a restore point behind another."""
    until(90, lambda: info(backup1)["backup"])
    sql(db1, "CREATE TABLE stream (id bigserial PRIMARY KEY, at timestamptz NOT NULL DEFAULT clock_timestamp())")
    db1.check_output(f"for i in $(seq 80); do {PSQL} -c 'INSERT INTO stream DEFAULT VALUES'; sleep 0.05; done")
    sql(db1, "SELECT pg_create_restore_point('before_the_flood')")
    sql(db1, "INSERT INTO stream DEFAULT VALUES")
    between = "SELECT to_char((a.at + (b.at - a.at) / 2) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') || '+00' FROM stream a, stream b"
    return {"moment": sql(db1, f"{between} WHERE a.id = 40 AND b.id = 41").strip()}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["2020-11-22 10:31:07+00", "--limit", "database:backup"], "one can go back to"),
        (["latest", "--limit", "database:backup"], "give -e confirm=db1"),
    ],
)
def test_what_is_refused_changes_nothing(db1: Any, backup1: Any, words: list[str], said: str) -> None:
    until(90, lambda: info(backup1)["backup"])
    run = restore(*words)
    assert run.code == 2, run.output
    assert said in re.sub(r"\s+", " ", run.output)
    assert "online" in db1.check_output("pg_lsclusters --no-header")
    assert db1.check_output("pg_lsclusters --no-header | wc -l") == "1"


def test_a_scratch_copy_at_a_restore_point_archives_nothing(db1: Any, written: dict[str, str]) -> None:
    assert written
    run = restore("before_the_flood", "-e", "restore_as=scratch", "--limit", "database:backup")
    assert run.code == 0, run.output
    assert "psql -p 5433" in run.output
    assert scratch(db1, "SELECT count(*) FROM stream") == "80"
    assert sql(db1, "SELECT count(*) FROM stream").strip() == "81"
    assert scratch(db1, "SHOW archive_mode") == "off"
    assert scratch(db1, "SHOW listen_addresses") == ""
    run = play("playbooks/database_restore.yml", "-e", "restore_remove=scratch", "--limit", "database:backup")
    assert run.code == 0, run.output
    assert "scratch" not in db1.check_output("pg_lsclusters")


def test_a_moment_inside_a_stream_of_writes(db1: Any, backup1: Any, written: dict[str, str]) -> None:
    """In place: the row before is there, the one after isn't; a new timeline and a new full backup begin."""
    backups = len(info(backup1)["backup"])
    run = restore(written["moment"], *CONFIRMED)
    assert run.code == 0, run.output
    assert sql(db1, "SELECT count(*), max(id) FROM stream").strip() == "40|40"
    assert sql(db1, "SELECT timeline_id FROM pg_control_checkpoint()").strip() == "2"
    # The running server remembers where it stopped; its files do not.
    assert sql(db1, "SELECT count(*) FROM pg_file_settings WHERE name ~ '^recovery_target'").strip() == "0"
    assert len(info(backup1)["backup"]) == backups + 1
    assert info(backup1)["backup"][-1]["archive"]["start"].startswith("00000002")
    # The applications' passwords are the inventory's, and the archive goes on.
    sql(db1, "SELECT pg_switch_wal()")
    until(60, lambda: info(backup1)["archive"][-1]["max"] > info(backup1)["backup"][-1]["archive"]["stop"])
    assert re.search(r"before +5435 +down", db1.check_output("pg_lsclusters"))
    run = play("playbooks/database_restore.yml", "-e", "restore_remove=before", "--limit", "database:backup")
    assert run.code == 0, run.output


def drill(db1: Any) -> dict[str, Any]:
    db1.run("systemctl start database-drill")
    return dict(json.loads(db1.check_output("cat /var/lib/database-drill/status.json")))


def test_little_of_the_hosts_is_in_reach(db1: Any, backup1: Any) -> None:
    assert exposed(db1, "database-drill.service", "pgbackrest.service") == {}
    assert exposed(backup1, "pgbackrest-backup@full.service", "pgbackrest.service") == {}


def test_a_drill_is_green_and_red_after_one_flipped_byte(db1: Any, backup1: Any) -> None:
    status = drill(db1)
    assert status["good"], status
    assert status["worked"] == status["finished"]
    assert status["backup"] == info(backup1)["backup"][-1]["label"]
    assert "drill" not in db1.check_output("pg_lsclusters")
    # One byte, in the middle of the largest file of the newest backup.
    path = f"/var/lib/pgbackrest/backup/main/{status['backup']}/pg_data"
    largest = backup1.check_output(f"find {path} -type f -printf '%s %p\\n' | sort -rn | head -1").split()
    flip = "python3 -c \"f=open('{}','r+b'); f.seek({}); b=f.read(1); f.seek({}); f.write(bytes([b[0] ^ 1]))\""
    place = int(largest[0]) // 2
    backup1.check_output(flip.format(largest[1], place, place))
    try:
        red = drill(db1)
        assert not red["good"]
        assert red["worked"] == status["worked"]
        assert red["problems"]
        told = play("playbooks/database_status.yml", "--limit", "database:backup")
        assert told.code == 2, told.output
        assert "drill" in told.output
    finally:
        backup1.check_output(flip.format(largest[1], place, place))
    assert drill(db1)["good"]
