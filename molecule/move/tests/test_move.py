"""The databases move to RDS and back: what can't work is refused and leaves nothing, and visitors see no error."""

from __future__ import annotations

import os
import subprocess
import time

import pytest
from controller import LAB, PROJECT, connect
from rds import rds, superuser
from site_visitor import Visitor
from traffic import traffic

MOVE = "playbooks/database_move.yml"
WEB = ("web1", "web2")
# On a machine that others use, too. What a quiet one gives is in docs/database-move.md.
STALL_SECONDS = 8.0
LEFTOVERS = """
SELECT 'slot ' || slot_name FROM pg_replication_slots
UNION ALL SELECT 'publication ' || pubname FROM pg_publication
UNION ALL SELECT 'subscription ' || subname FROM pg_subscription
UNION ALL SELECT 'role ' || rolname FROM pg_roles WHERE rolname = 'database_move'
UNION ALL SELECT 'schema ' || nspname FROM pg_namespace WHERE nspname = 'database_move'
"""


def play(playbook: str, *words: str, mode: str = "self_hosted") -> subprocess.CompletedProcess[str]:
    """Run one of the project's playbooks on this lab, with an inventory that names a mode."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    return subprocess.run(
        [PROJECT / ".venv/bin/ansible-playbook", "-i", "molecule/move/inventory", playbook, *words],
        cwd=PROJECT, env={**env, "MOVE_DATABASE_MODE": mode}, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip


def played(playbook: str, *words: str, mode: str = "self_hosted") -> str:
    done = play(playbook, *words, mode=mode)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    return " ".join(done.stdout.split())


def refused(playbook: str, *words: str, mode: str = "self_hosted") -> str:
    done = play(playbook, *words, mode=mode)
    assert done.returncode != 0, done.stdout[-3000:]
    return " ".join((done.stdout + done.stderr).split())


def self_hosted(sql: str, database: str = "board") -> str:
    """What the superuser of db1 sees."""
    return connect("db1").check_output("runuser -u postgres -- psql -XAtq -d %s -c %s", database, sql).strip()


def on_rds(sql: str, database: str = "board") -> str:
    return superuser(sql, database, name="rds1")


def nothing_is_left() -> bool:
    return self_hosted(LEFTOVERS) == "" and on_rds(LEFTOVERS, "postgres") == ""


def test_an_instance_that_cannot_replicate_is_refused_with_what_to_change() -> None:
    said = refused(MOVE, "-e", "to=rds", "--check")
    assert "rds.logical_replication is off. Set it to 1 in the instance's parameter group" in said
    assert nothing_is_left()
    rds("parameter rds.logical_replication 1", name="rds1")
    rds("reboot", name="rds1")


def test_the_plan_has_sizes_and_an_estimate_and_changes_nothing() -> None:
    said = played(MOVE, "-e", "to=rds", "--check")
    assert "move from self_hosted to rds" in said
    assert "tables" in said
    assert "minutes until the switch" in said
    assert nothing_is_left()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("rds_client_master_password=not-the-one", "The password of board_admin is not the one that the server knows"),
        (f"rds_client_ca_bundle={LAB}/ca.pem", "was not signed by an authority of"),
    ],
)
def test_a_wrong_password_and_a_wrong_authority_are_refused_and_leave_nothing(words: str, message: str) -> None:
    assert message in refused(MOVE, "-e", "to=rds", "-e", words)
    assert nothing_is_left()


def test_everything_moves_to_rds_without_a_failed_request() -> None:
    # Somebody past the pooler, who would still write after the switch.
    past = subprocess.Popen(
        ["ssh", "-F", LAB / "ssh_config", "db1", "sleep 600 | sudo -u postgres psql -d board"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        with traffic(WEB) as seen:
            said = played(MOVE, "-e", "to=rds")
            time.sleep(2)
        assert "Write database_mode: rds into the inventory" in said
        assert not seen["failed"], seen["failed"][:5]
        assert len(seen["written"]) > 50
        assert seen["slowest"] < STALL_SECONDS, seen["slowest"]
        print(f"to rds: {seen['requests']} requests, slowest {seen['slowest']:.2f} s")
        there = set(on_rds("SELECT title FROM posts_post").splitlines())
        assert not set(seen["written"]) - there
        assert (
            self_hosted(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = 'board' AND application_name = 'psql' AND pid <> pg_backend_pid()"
            )
            == "0"
        )
    finally:
        past.kill()
    # The next one to write gets a number that nobody has.
    assert on_rds("SELECT last_value >= (SELECT max(id) FROM posts_post) FROM posts_post_id_seq") == "t"


def test_a_run_with_the_old_inventory_does_not_lead_back() -> None:
    assert "The applications were moved away from this server" in refused("site.yml", "--tags", "postgres")
    assert self_hosted("SELECT rolconnlimit FROM pg_roles WHERE rolname = 'board'") == "0"


def test_what_is_written_there_comes_back_without_a_failed_request() -> None:
    with traffic(WEB) as seen:
        time.sleep(1)
        said = played(MOVE, "-e", "to=self_hosted")
        time.sleep(1)
    assert "The applications write to self_hosted." in said
    assert not seen["failed"], seen["failed"][:5]
    assert seen["slowest"] < STALL_SECONDS, seen["slowest"]
    there = set(self_hosted("SELECT title FROM posts_post").splitlines())
    assert not set(seen["written"]) - there
    assert self_hosted("SELECT max(id) FROM posts_post") == on_rds("SELECT max(id) FROM posts_post")


def test_an_end_leaves_nothing_but_the_old_rows() -> None:
    assert "The way back is given up" in played(MOVE, "-e", "to=self_hosted", "-e", "finish=true")
    assert self_hosted(LEFTOVERS) == ""
    assert on_rds(LEFTOVERS) == "role database_move"
    assert on_rds("SELECT count(*) > 0 FROM posts_post") == "t"
    assert Visitor("web1").get("/readyz").json()["status"] == "ready"
