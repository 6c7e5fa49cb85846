"""site.yml makes a standby of the second host, over TLS, with a slot that can't fill the disk."""

from __future__ import annotations

import re

from promoting import address, led_to, recovering, soon, sql
from site_playbooks import on, play


def test_the_second_host_follows_the_first() -> None:
    assert (recovering("db1"), recovering("db2")) == (False, True)
    assert sql("db1", "SELECT application_name || ' ' || state FROM pg_stat_replication") == "db2 streaming"
    sql("db1", "CREATE TABLE IF NOT EXISTS seen (id int)", "board")
    assert soon("db1", "SELECT pg_current_wal_lsn() <= replay_lsn FROM pg_stat_replication", "t")
    assert sql("db2", "SELECT to_regclass('public.seen')", "board") == "seen"


def test_the_link_is_verified_on_both_sides_and_has_no_password() -> None:
    asked = "SELECT s.ssl, s.client_dn FROM pg_stat_replication r JOIN pg_stat_ssl s USING (pid)"
    assert sql("db1", asked) == "t|/CN=db2"
    assert "sslmode=verify-full" in sql("db2", "SHOW primary_conninfo")
    assert sql("db1", "SELECT rolpassword IS NULL FROM pg_authid WHERE rolname = 'replication'") == "t"
    # Not by a password, not from elsewhere, not with the certificate of another service.
    refused = on("web1").run(
        "PGPASSWORD=x psql 'host=db1 user=replication dbname=postgres sslmode=require' -c 'SELECT 1'"
    )
    assert refused.rc != 0


def test_a_slot_keeps_the_log_and_no_more_than_the_disk_has() -> None:
    assert sql("db1", "SELECT slot_name, active, wal_status FROM pg_replication_slots") == "standby_db2|t|reserved"
    limit = int(sql("db1", "SELECT setting FROM pg_settings WHERE name = 'max_slot_wal_keep_size'"))
    size = int(on("db1").check_output("stat -f -c '%b %S' /var/lib/postgresql | awk '{print int($1*$2/1048576)}'"))
    assert 1024 <= limit <= max(1024, size // 10)


def test_applications_know_both_and_read_from_the_standby() -> None:
    # By their pooler; who migrates goes straight to one of both.
    environment = on("web1").check_output("cat /srv/board/slots/*/environment-owner")
    assert re.search(
        r'DATABASE_URL="postgresql://board[^"]*@db1,db2:5432/board\?[^"]*target_session_attrs=read-write', environment
    )
    assert "hostaddr=" in environment
    assert led_to("self_hosted-transaction") == address("db1")
    assert led_to("self_hosted-transaction-replica") == address("db2")


def test_a_slot_of_a_host_that_left_and_one_that_is_missing_are_mended() -> None:
    sql("db1", "SELECT pg_create_physical_replication_slot('standby_gone', true)")
    sql("db1", "SELECT pg_create_physical_replication_slot('of_somebody_else', true)")
    assert sum(play("site.yml", "--tags", "postgres", "--check").changed.values()) == 1
    play("site.yml", "--tags", "postgres")
    found = sql("db1", "SELECT string_agg(slot_name, ',' ORDER BY slot_name) FROM pg_replication_slots")
    assert found == "of_somebody_else,standby_db2"
    sql("db1", "SELECT pg_drop_replication_slot('of_somebody_else')")


def test_what_a_standby_must_have_as_much_of_is_restarted_in_the_right_order() -> None:
    """Raised on the standby first, lowered on the primary first; neither side waits for the other for good."""
    before = int(sql("db1", "SHOW max_connections"))
    for wanted in (before + 20, before):
        words = [] if wanted == before else ["-e", f"postgres_max_connections={wanted}"]
        play("site.yml", "--tags", "postgres", *words)
        assert [int(sql(host, "SHOW max_connections")) for host in ("db1", "db2")] == [wanted, wanted]
        now = {host: sql(host, "SELECT extract(epoch FROM pg_postmaster_start_time())") for host in ("db1", "db2")}
        assert (float(now["db2"]) < float(now["db1"])) == (wanted > before)
        assert soon("db1", "SELECT state FROM pg_stat_replication", "streaming")
        assert sql("db2", "SELECT pg_is_wal_replay_paused()") == "f"
