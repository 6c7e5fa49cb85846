"""Backups are made, the log reaches the repository, and what goes wrong is said."""

from __future__ import annotations

import re
from typing import Any

from conftest import info, play, sql, until

LOSS_SECONDS = 60


def test_the_first_backup_was_made_by_itself_and_is_encrypted(backup1: Any) -> None:
    until(90, lambda: info(backup1)["backup"])
    found = info(backup1)
    assert found["backup"][0]["type"] == "full"
    assert found["cipher"] == "aes-256-cbc"
    text = backup1.check_output("head -c 8 /var/lib/pgbackrest/backup/main/backup.info")
    assert text == "Salted__"


def test_the_database_host_does_not_have_the_key(db1: Any, backup1: Any) -> None:
    assert "cipher" in backup1.check_output("cat /etc/pgbackrest/pgbackrest.conf")
    assert "cipher" not in db1.check_output("cat /etc/pgbackrest/pgbackrest.conf")


def test_what_is_written_is_in_the_repository_within_a_minute(db1: Any, backup1: Any) -> None:
    """A host that is lost loses a minute at most, though nobody asks for the segment."""
    # From the end of a segment on, so that the whole time has to pass; by the server's clock.
    sql(db1, "SELECT pg_switch_wal()")
    row = sql(
        db1,
        "CREATE TABLE written AS SELECT 1; SELECT extract(epoch FROM clock_timestamp()), pg_walfile_name(pg_current_wal_lsn())",
    )
    committed, segment = row.split("|")
    archived = "SELECT extract(epoch FROM last_archived_time), last_archived_wal FROM pg_stat_archiver"
    until(120, lambda: sql(db1, archived).partition("|")[2] >= segment)
    assert float(sql(db1, archived).partition("|")[0]) - float(committed) <= LOSS_SECONDS
    assert info(backup1)["archive"][-1]["max"] >= segment


def test_an_operator_makes_one_and_sees_it(backup1: Any) -> None:
    made = play("playbooks/database_backup.yml", "-e", "backup_type=diff")
    assert made.code == 0, made.output
    backups = info(backup1)["backup"]
    label = backups[-1]["label"]
    assert re.search(rf"{label}, diff: [\d.]+ MB in", made.output)
    status = play("playbooks/database_status.yml")
    assert status.code == 0, status.output
    assert f"newest backup    {label}, diff" in status.output
    assert f"({len(backups)} kept, 1 full)" in status.output


def test_a_full_repository_is_said_and_ends_by_itself(db1: Any, backup1: Any) -> None:
    # A disk of its own over the archive, with no room at all.
    archive = backup1.check_output("echo /var/lib/pgbackrest/archive/main/*-1").strip()
    backup1.check_output(f"mount -t tmpfs -o size=16k,uid=$(id -u postgres),mode=0750 tmpfs {archive}")
    backup1.run(f"cat /dev/zero > {archive}/fill")
    # The server's sandbox has mounts of its own, which a host that is a container does not pass on.
    backup1.check_output("systemctl restart pgbackrest")
    # It listens a moment after it has begun. PostgreSQL tries three times in as many seconds, and then once a minute.
    until(60, lambda: backup1.run("ss -Hltn 'sport = :8432' | grep -q .").rc == 0)
    try:
        sql(db1, "SELECT pg_switch_wal()")
        sql(db1, "CREATE TABLE while_full AS SELECT now(); SELECT pg_switch_wal()")
        until(60, lambda: db1.run("ls /var/spool/pgbackrest/archive/main/out/*.error").rc == 0)
        until(60, lambda: int(sql(db1, "SELECT failed_count FROM pg_stat_archiver")) > 0)
        status = play("playbooks/database_status.yml")
        assert status.code == 2, status.output
        assert "The archive fails" in status.output
        assert "The disk is full" in status.output
    finally:
        backup1.check_output(f"umount --lazy {archive} && systemctl restart pgbackrest")
    until(
        120, lambda: sql(db1, "SELECT count(*) FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready'").strip() == "0"
    )
    assert play("playbooks/database_status.yml").code == 0


def test_another_key_is_refused_and_the_old_one_stays(backup1: Any) -> None:
    before = backup1.check_output("sha256sum /etc/pgbackrest/pgbackrest.conf")
    run = play(
        "site.yml",
        "--limit",
        "database:backup",
        "--tags",
        "pgbackrest",
        "-e",
        "pgbackrest_key=another-key-that-nobody-had",
    )
    assert run.code == 2, run.output
    assert "is not the key that this repository was begun with" in run.output.replace("\n", " ")
    assert backup1.check_output("sha256sum /etc/pgbackrest/pgbackrest.conf") == before
