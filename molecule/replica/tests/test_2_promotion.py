"""Promotions while an application writes: no acknowledged row is lost in a planned one, and an old primary is never a second one."""

from __future__ import annotations

from pathlib import Path

import pytest
from promoting import PROMOTE, address, led_to, recovering, rows, soon, sql, writing
from site_playbooks import on, play

# Longer than a promotion under the load of other tests.
WRITING_SECONDS = 60
FOLLOWS = "SELECT application_name || ' ' || state FROM pg_stat_replication"


@pytest.fixture
def away(tmp_path: Path) -> tuple[str, str]:
    """A second inventory, by which the controller can't reach db2. Its PostgreSQL goes on, and web hosts reach it."""
    path = tmp_path / "away.yml"
    path.write_text("database: {hosts: {db2: {ansible_port: 9}}}\n")
    return "-i", str(path)


def test_what_can_not_be_done_is_refused_before_anything_is_touched(away: tuple[str, str]) -> None:
    sql(
        "db1",
        "CREATE TABLE promotion_rows (writer text, number int); GRANT SELECT, INSERT ON promotion_rows TO board",
        "board",
    )
    assert "'db9' is no host of the group database" in play(PROMOTE, "-e", "to=db9", code=2).output
    assert set(play(PROMOTE, *away, "-e", "to=db1", code=4).changed.values()) == {0}
    assert (recovering("db1"), recovering("db2")) == (False, True)


def test_a_check_says_what_would_be_done() -> None:
    run = play(PROMOTE, "-e", "to=db2", "--check")
    assert "Shut down db1" in run.output
    assert run.changed["db1"] > 0 and run.changed["db2"] > 0
    assert (recovering("db1"), recovering("db2")) == (False, True)


def test_no_row_is_lost_in_a_planned_promotion() -> None:
    with writing("planned", WRITING_SECONDS) as done:
        play(PROMOTE, "-e", "to=db2")
    written = done[0]
    print(f"{len(written.numbers)} rows, longest stall {written.longest_stall:.2f} s, {written.errors} errors")
    assert (recovering("db1"), recovering("db2")) == (True, False)
    lost = set(written.numbers) - rows("db2", "planned")
    assert not lost, f"acknowledged and not there: {sorted(lost)}"
    assert len(written.numbers) > 100
    # Its pooler was paused: it waited, and nothing failed.
    assert written.errors == 0
    assert written.longest_stall < 10
    assert led_to("self_hosted-transaction") == address("db2")
    assert soon("db2", FOLLOWS, "db1 streaming")
    # A host that was the primary keeps no log for standbys that follow another one.
    assert sql("db1", "SELECT count(*) FROM pg_replication_slots") == "0"
    # The hosts in their new order; the next run has nothing to do, and keeps the new primary.
    assert "@db2,db1:5432/" in on("web1").check_output("cat /srv/board/slots/*/environment-owner")
    assert set(play("site.yml").changed.values()) == {0}
    assert (recovering("db1"), recovering("db2")) == (True, False)


def test_a_primary_that_is_away_is_fenced_and_comes_back_by_a_rewind(away: tuple[str, str]) -> None:
    others = '{"postgres_clients": ["203.0.113.0/24"]}'
    refused = play(PROMOTE, *away, "-e", "to=db1", "-e", "away=db2", "-e", others, code=2)
    assert "-e confirm_fenced=db2" in " ".join(refused.output.split())
    # The controller can't reach db2; its server runs and would go on to take the application's rows.
    with writing("unplanned", WRITING_SECONDS) as done:
        play(PROMOTE, *away, "-e", "to=db1", "-e", "away=db2")
    assert not recovering("db1")
    assert not recovering("db2"), "nobody could tell it"
    reached = "ip route get $(getent ahostsv4 db2 | head -1 | cut -d' ' -f1)"
    assert on("web1").run(reached).rc != 0
    assert led_to("self_hosted-transaction") == address("db1")
    # What the application wrote at last, it wrote to the new primary.
    assert max(rows("db1", "unplanned")) == done[0].numbers[-1]
    # Rows that nobody else has.
    sql("db2", "INSERT INTO promotion_rows VALUES ('alone', 1)", "board")

    said = play("site.yml", code=2)
    assert "both take writes" in said.output and "confirm_rewind=db2" in " ".join(said.output.split())
    assert set(said.changed.values()) == {0}
    assert "Look there for what you need" in " ".join(play(PROMOTE, "-e", "to=db1", code=2).output.split())
    play(PROMOTE, "-e", "to=db1", "-e", "confirm_rewind=db2")
    assert (recovering("db1"), recovering("db2")) == (False, True)
    assert soon("db1", FOLLOWS, "db2 streaming")
    assert rows("db2", "alone") == set()
    assert on("web1").run(reached).rc == 0


def test_a_copy_that_was_cut_is_begun_anew() -> None:
    on("db2").check_output(
        "systemctl stop 'postgresql@*-main.service' && rm -f /var/lib/postgresql/*/main/global/pg_control"
    )
    play("site.yml")
    assert recovering("db2")
    assert soon("db1", FOLLOWS, "db2 streaming")
    assert set(play("site.yml", "--tags", "postgres").changed.values()) == {0}
