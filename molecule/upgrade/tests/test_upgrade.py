"""The databases go to a host with a newer major version, back, and there for good: visitors see no error, and no row is lost."""

from __future__ import annotations

from site_playbooks import on, play
from site_visitor import PROJECT, Visitor
from traffic import traffic

UPGRADE = "playbooks/database_upgrade.yml"
# The host of the newer system is added to the group `database`, as an operator does.
BOTH = ("-i", str(PROJECT / "molecule/upgrade/tests/inventory/with_db2.yml"))
LEFTOVERS = """
SELECT 'slot ' || slot_name FROM pg_replication_slots
UNION ALL SELECT 'publication ' || pubname FROM pg_publication
UNION ALL SELECT 'subscription ' || subname FROM pg_subscription
UNION ALL SELECT 'role ' || rolname FROM pg_roles WHERE rolname LIKE 'database_move%'
UNION ALL SELECT 'schema ' || nspname FROM pg_namespace WHERE nspname = 'database_move'
"""


def sql(host: str, statement: str, database: str = "board") -> str:
    """What a server answers to its superuser."""
    return on(host).check_output("cd / && runuser -u postgres -- psql -XAtq -d %s -c %s", database, statement).strip()


def titles(host: str) -> set[str]:
    return set(sql(host, "SELECT title FROM posts_post").splitlines())


def said_by(*words: str) -> str:
    return " ".join(play(*BOTH, UPGRADE, *words).output.split())


def test_the_plan_names_versions_and_sizes_and_changes_nothing() -> None:
    run = play(*BOTH, UPGRADE, "-e", "to=db2", "--check")
    said = " ".join(run.output.split())
    assert "from PostgreSQL 15 on db1 to 17 on db2" in said and "minutes until the switch" in said
    assert not any(run.changed.values())
    assert sql("db1", LEFTOVERS) == ""
    assert on("db2").run("command -v pg_ctlcluster").rc != 0


def test_everything_goes_to_the_newer_version_and_nobody_sees_the_switch() -> None:
    with traffic(["web1"]) as seen:
        said = said_by("-e", "to=db2")
    print(f"to db2: {seen['requests']} requests, slowest {seen['slowest']:.2f} s")
    assert "The applications write to db2." in said
    assert not seen["failed"], seen["failed"][:5]
    assert seen["written"] and set(seen["written"]) <= titles("db2")
    assert sql("db2", "SHOW server_version_num").startswith("17")
    # The next one to write gets a number that nobody has, and the planner knows the rows.
    assert sql("db2", "SELECT last_value >= (SELECT max(id) FROM posts_post) FROM posts_post_id_seq") == "t"
    assert sql("db2", "SELECT reltuples > 0 FROM pg_class WHERE relname = 'posts_post'") == "t"
    # The host that ran the steps is let into the other one no more.
    assert "role database_move_peer" not in sql("db1", LEFTOVERS)


def test_a_run_of_the_site_leaves_the_host_beside_the_cluster_alone() -> None:
    run = play(*BOTH, "site.yml", "--tags", "postgres")
    assert run.changed["db1"] == run.changed["db2"] == 0
    assert sql("db1", "SELECT rolconnlimit FROM pg_roles WHERE rolname = 'board'") == "0"


def test_the_way_back_brings_what_was_written_meanwhile() -> None:
    with traffic(["web1"]) as seen:
        said = said_by("-e", "to=db1")
    print(f"back to db1: {seen['requests']} requests, slowest {seen['slowest']:.2f} s")
    assert "The applications write to db1." in said
    assert not seen["failed"], seen["failed"][:5]
    assert set(seen["written"]) <= titles("db1")
    assert sql("db1", "SELECT max(id) FROM posts_post") == sql("db2", "SELECT max(id) FROM posts_post")


def test_there_for_good_leaves_nothing_but_the_old_rows() -> None:
    assert "The applications write to db2." in said_by("-e", "to=db2")
    assert "The way back is given up" in said_by("-e", "to=db2", "-e", "finish=true")
    assert sql("db2", LEFTOVERS) == ""
    assert sql("db1", LEFTOVERS) == "role database_move"
    assert Visitor("web1").get("/readyz").json()["status"] == "ready"
