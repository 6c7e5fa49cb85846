"""Services beside the web workers: they run the live release, and finish what they do when it changes."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import yaml
from deploying import WEB, Visitor, history, variant
from exposure import exposed
from site_playbooks import on, play
from site_visitor import PROJECT, wait_for

DOMAIN = "shop.test"


def checks(**asked: str) -> list[dict[str, Any]]:
    """The newest price checks, as the shop tells them."""
    return Visitor("web1", DOMAIN).get("/status/", params=asked).json()["checks"]


def active(name: str, service: str) -> list[str]:
    """The instances of a service that run on a host."""
    listed = on(name).check_output(f"systemctl list-units --plain --no-legend 'shop-{service}@*' --state active")
    return [line.split()[0] for line in listed.splitlines()]


def test_worker_and_beat_run_the_live_release_with_redis() -> None:
    release = history("web1", "shop")[-1]["release"]
    wait_for("a price check that beat asked for", lambda: any(one["asked_by"] == "beat" for one in checks()), 60)
    assert {one["version"] for one in checks()} == {release}


def test_a_singleton_runs_once_and_a_worker_on_each_host() -> None:
    assert [len(active(name, "worker")) for name in WEB] == [1, 1]
    assert [len(active(name, "beat")) for name in WEB] == [1, 0]


def test_little_of_the_hosts_is_in_reach_of_services_and_timers() -> None:
    for name in WEB:
        assert exposed(on(name), *active(name, "worker"), *active(name, "beat")) == {}
    assert exposed(on("web1"), "gallery-timer-report.service") == {}


def test_a_deploy_brings_the_services_along_and_lets_a_task_finish(tmp_path: Path) -> None:
    before = {name: active(name, "worker") for name in WEB}
    source = tmp_path / "shop"
    shutil.copytree(PROJECT / "tests/projects/srclayout", source, ignore=shutil.ignore_patterns("__pycache__"))
    with (source / "src/shop/static/shop/shop.css").open("a") as css:
        css.write("/* another */\n")
    old = history("web1", "shop")[-1]["release"]
    known = {one["id"] for one in checks(asked_by="page")}
    # One task for each worker that will still be at it when its release is no longer live.
    for _ in WEB:
        assert Visitor("web1", DOMAIN).post("/check/?seconds=45").status_code == 202
    play("playbooks/deploy.yml", "-e", "app=shop", "-e", f"source={source}")
    release = history("web1", "shop")[-1]["release"]
    assert release != old

    # Beat's checks, one every two seconds, would soon push these off the page.
    def finished() -> list[str]:
        return [one["version"] for one in checks(asked_by="page") if one["id"] not in known]

    wait_for("the end of the tasks that were under way", lambda: len(finished()) == len(WEB), 120)
    # A worker may have taken the other one's task too, and given it back when it ended.
    assert old in finished()
    wait_for("a price check by the new release", lambda: checks()[0]["version"] == release, 60)
    for name in WEB:
        (unit,) = active(name, "worker")
        assert [unit] != before[name]


def test_an_application_that_fails_leaves_the_others_alone(tmp_path: Path, sources: Path) -> None:
    shop = tmp_path / "shop"
    shutil.copytree(PROJECT / "tests/projects/srclayout", shop, ignore=shutil.ignore_patterns("__pycache__"))
    with (shop / "src/shop/wsgi.py").open("a") as wsgi:
        wsgi.write('raise RuntimeError("broken on purpose")\n')
    entries = {}
    for name, project, source in (("shop", "srclayout", shop), ("plain", "plain", variant(sources, "beside"))):
        entry = yaml.safe_load((PROJECT / "tests/projects" / project / "entry.yml").read_text())[name]
        entries[name] = {**entry, "source": str(source)}
    before = {name: history(name, "shop")[-1]["release"] for name in WEB}
    given = tmp_path / "entries.yml"
    given.write_text(yaml.safe_dump(entries))
    said = " ".join(play("playbooks/deploy.yml", "-e", f"@{given}", code=2).output.split())
    last = said.rpartition("TASK [")[2]
    assert "Failed: shop." in last
    assert "shop on web1: Release" in last
    assert "broken on purpose" in last
    for name in WEB:
        assert "release beside" in Visitor(name, "plain.test").get("/").text
        assert history(name, "shop")[-1]["release"] == before[name]
        assert Visitor(name, DOMAIN).get("/up/").status_code == 200
    # Where the switch never came to, the lock was given back too.
    assert on("web2").file("/srv/shop/deploy.lock").content_string.strip() in ("", "{}")
