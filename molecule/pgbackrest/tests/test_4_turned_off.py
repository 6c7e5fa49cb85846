"""Backups that are turned off: nothing makes them any more, and the run says so."""

from __future__ import annotations

from typing import Any

from conftest import play, sql

TIMERS = "systemctl is-active pgbackrest-full.timer pgbackrest-diff.timer"


def test_one_run_ends_what_made_backups(db1: Any, backup1: Any) -> None:
    off = ("-e", "database_backups=none", "--limit", "database:backup", "--tags", "postgres,pgbackrest,release")
    assert backup1.check_output(TIMERS).split() == ["active", "active"]
    run = play("site.yml", *off)
    assert run.code == 0, run.output
    assert "backup1 makes and tries no backup any more" in " ".join(run.output.split())
    assert backup1.run(TIMERS).stdout.split() == ["inactive", "inactive"]
    assert db1.run("systemctl is-active database-drill.timer").stdout.strip() == "inactive"
    assert sql(db1, "SHOW archive_mode") == "off"
    assert "makes and tries no backup" not in play("site.yml", *off).output
    # Without the word nobody decided, and that is said though the web hosts are left out.
    again = play("site.yml", "-e", "{database_backups: ''}", *off[2:], "--check")
    assert "a lost disk is lost data" in " ".join(again.output.split())
