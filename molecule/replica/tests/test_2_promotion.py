"""Promotions while an application writes: no acknowledged row is lost in a planned one, and an old primary is never a second one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from promoting import PROMOTE, on, play, recovering, rows, soon, sql, writing

# Longer than a promotion under the load of other tests.
WRITING_SECONDS = 75


@pytest.fixture(scope="module", autouse=True)
def table() -> Iterator[None]:
    """What the writers fill, of the application's own rights."""
    primary = "db2" if recovering("db1") else "db1"
    sql(
        primary,
        "CREATE TABLE IF NOT EXISTS promotion_rows (writer text, number int); GRANT SELECT, INSERT ON promotion_rows TO board",
        "board",
    )
    yield


@pytest.fixture
def db1_away(tmp_path: Path) -> tuple[str, str]:
    """A second inventory, by which the controller can't reach db1. Its PostgreSQL goes on, and web hosts reach it."""
    path = tmp_path / "away.yml"
    path.write_text("database: {hosts: {db1: {ansible_port: 9}}}\n")
    return "-i", str(path)


def test_what_can_not_be_done_is_refused_before_anything_is_touched(db1_away: tuple[str, str]) -> None:
    assert "'db9' is no host of the group database" in play(PROMOTE, "-e", "to=db9", code=2).output
    run = play(PROMOTE, *db1_away, "-e", "to=db2", code=4)
    assert set(run.changed.values()) == {0}
    run = play(PROMOTE, *db1_away, "-e", "to=db2", "-e", "away=db1,web1", code=2)
    assert "-e confirm_fenced=db1" in run.output
    assert (recovering("db1"), recovering("db2")) == (False, True)


def test_a_check_says_what_would_be_done() -> None:
    run = play(PROMOTE, "-e", "to=db2", "--check")
    assert "Shut down db1" in run.output
    assert run.changed["db1"] > 0 and run.changed["db2"] > 0
    assert (recovering("db1"), recovering("db2")) == (False, True)


def test_no_row_is_lost_in_a_planned_promotion() -> None:
    with writing("planned", WRITING_SECONDS) as done:
        run = play(PROMOTE, "-e", "to=db2")
    print(run.output[-3000:])
    written = done[0]
    print(f"{len(written.numbers)} rows, longest stall {written.longest_stall:.2f} s, {written.errors} errors")
    assert (recovering("db1"), recovering("db2")) == (True, False)
    lost = set(written.numbers) - rows("db2", "planned")
    assert not lost, f"acknowledged and not there: {sorted(lost)}"
    # It wrote before and after.
    assert written.numbers[-1] > 100
    assert written.longest_stall < 15
    # The old primary follows.
    assert soon("db2", "SELECT application_name || ' ' || state FROM pg_stat_replication", "db1 streaming")
    # Names of hosts in their new order: the next run has nothing to do, and keeps the new primary.
    assert "@db2,db1:5432/" in on("web1").check_output("cat /srv/board/slots/*/environment")
    assert set(play("site.yml").changed.values()) == {0}
    assert (recovering("db1"), recovering("db2")) == (True, False)


def test_the_way_back_is_the_same() -> None:
    play(PROMOTE, "-e", "to=db1")
    assert (recovering("db1"), recovering("db2")) == (False, True)


def test_a_primary_that_is_away_is_fenced_and_comes_back_by_a_rewind(db1_away: tuple[str, str]) -> None:
    # The controller can't reach db1; its server runs and would go on to take the application's rows.
    with writing("unplanned", WRITING_SECONDS) as done:
        play(PROMOTE, *db1_away, "-e", "to=db2", "-e", "away=db1")
    assert not recovering("db2")
    assert not recovering("db1"), "nobody could tell it"
    assert on("web1").run("ip route get $(getent hosts db1 | cut -d' ' -f1)").rc != 0
    # What the application wrote since, it wrote to the new primary alone.
    assert max(rows("db2", "unplanned")) == done[0].numbers[-1]
    # Rows that nobody else has.
    sql("db1", "INSERT INTO promotion_rows VALUES ('alone', 1)", "board")

    refused = play("site.yml", code=2)
    assert "both take writes" in refused.output and "confirm_rewind=db1" in refused.output.replace("\n", " ")
    assert set(refused.changed.values()) == {0}
    assert "Look there for what you need" in " ".join(play(PROMOTE, "-e", "to=db2", code=2).output.split())
    play(PROMOTE, "-e", "to=db2", "-e", "confirm_rewind=db1")
    assert recovering("db1")
    assert soon("db2", "SELECT application_name || ' ' || state FROM pg_stat_replication", "db1 streaming")
    assert rows("db1", "alone") == set()
    assert on("web1").run("ip route get $(getent hosts db1 | cut -d' ' -f1)").rc == 0
    assert set(play("site.yml").changed.values()) == {0}


def test_a_copy_that_was_cut_is_begun_anew() -> None:
    db1 = on("db1")
    db1.check_output("systemctl stop postgresql@*-main && rm /var/lib/postgresql/*/main/global/pg_control")
    play("site.yml", "--tags", "postgres")
    assert recovering("db1")
    assert soon("db2", "SELECT application_name || ' ' || state FROM pg_stat_replication", "db1 streaming")
