"""Two deploys at once, one that never ends, and controllers that are killed."""

from __future__ import annotations

import re
import time
from pathlib import Path

from deploy_fixtures import LIVE
from deploying import FIRST, MIGRATION, WEB, Visitor, deploy, history, soon, started_until, variant, visitors
from site_playbooks import on, play

STAGES = (
    "Stage_application | Ship, unpack",
    "Migrate | See what has to be done",
    "Activate | Make the slot live",
    "Activate | Note it for the summary",
)


def test_a_killed_controller_leaves_what_is_live_and_the_next_run_finishes(good: str, sources: Path) -> None:
    # Something to migrate, so that each stage comes.
    pause = MIGRATION.format(after=FIRST, operation='migrations.RunSQL("SELECT pg_sleep(2)")')
    source = variant(sources, "killed", guestbook_migration_0002_killed=pause)
    words = ("playbooks/deploy.yml", "-e", "app=plain", "-e", f"source={source}")
    before = LIVE[-1]
    with visitors() as seen:
        for stage in STAGES:
            with started_until(stage, *words):
                # In the middle of it, not before it.
                time.sleep(0.7)
        deploy(source)
        LIVE.append("killed")
        for name in WEB:
            assert "<!-- release killed -->" in Visitor(name, "plain.test").get("/").text
            running = on(name).check_output("systemctl list-units --plain --no-legend 'uwsgi-plain@*' --state active")
            assert len(running.splitlines()) == 1
    assert seen.errors == []
    assert seen.statuses() == {200}
    assert seen.marks() == {before, "killed"}
    assert good


def test_a_rollback_after_a_killed_switch_is_one_decision(good: str, sources: Path) -> None:
    def marks() -> list[str]:
        return ["<!-- release mixed -->" in Visitor(name, "plain.test").get("/").text for name in WEB]

    words = ("playbooks/deploy.yml", "-e", "app=plain", "-e", f"source={variant(sources, 'mixed')}")
    with visitors() as seen:
        # web1 is the first batch. It has gone over, web2 has not begun.
        with started_until("Activate | Note it for the summary", *words):
            pass
        assert marks() == [True, False]
        play("playbooks/rollback.yml", "-e", "app=plain", "-e", "deploy_wait=60")
    assert seen.errors == []
    assert seen.statuses() == {200}
    assert marks() == [False, False]
    assert {history(name)[-1]["release"] for name in WEB} == {history("web2")[-1]["release"]}
    assert good


def test_the_second_of_two_deploys_is_told_who_holds_the_lock(good: str, sources: Path, unharmed: object) -> None:
    endless = variant(sources, "endless", mysite_wsgi="\nimport time\n\ntime.sleep(3600)\n")
    words = ("playbooks/deploy.yml", "-e", "app=plain", "-e", f"source={endless}", "-e", "release_start_timeout=900")
    with started_until("Activate | Make the slot live", *words):
        said = " ".join(deploy(variant(sources, "late"), code=2).output.split())
    assert re.search(r"deploys since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC \(process \d+ on ", said), said[-3000:]
    # The first one was killed. Its locks do not outlive it, so that the next run need not guess.
    for name in WEB:
        lock = on(name).file("/srv/plain/deploy.lock")
        assert soon(lambda file=lock: file.content_string == ""), name
    assert good
    assert unharmed


def test_a_start_that_never_ends_is_given_up_and_the_other_hosts_are_left_alone(
    sources: Path, unharmed: object
) -> None:
    # What the deploy before left running on the host, though its controller was killed, does no harm either.
    said = " ".join(deploy(sources / "endless", "-e", "release_start_timeout=8", code=2).output.split())
    assert "no good answer within 8 seconds" in said, said[-3000:]
    assert "What was live before still serves" in said
    assert on("web1").check_output("cat /srv/plain/releases/*/.bad")
    assert on("web2").run("ls /srv/plain/releases/*/.bad").rc != 0
    assert unharmed
