"""Later releases: one goes live under load, a broken one does not, and the next good one does again."""

from __future__ import annotations

import json
import subprocess
import uuid
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from controller import connect, play
from releases import copy_project, visitors

HOSTS = ["django-13", "django-12"]
PLAYBOOK = "django/converge.yml"


class Deployment(NamedTuple):
    """What was seen of a run, each by the host's name."""

    greeting: str
    output: str
    before: dict[str, dict[str, str]]
    after: dict[str, dict[str, str]]
    seen: dict[str, Any]


def live(name: str) -> dict[str, str]:
    """What is live on a host."""
    answer = connect(name).check_output("uwsgi-get /srv/shop/live/uwsgi.sock / --host shop.test")
    return json.loads(json.loads(answer)["body"])


def deploy(source: Path, limit: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    asked = ("-e", "release_policy=deploy", "-e", f"release_source_root={source}")
    return play(PLAYBOOK, *asked, limit=limit, check=check)


@pytest.fixture(scope="session")
def second(tmp_path_factory) -> Deployment:
    """Another release, deployed while visitors ask."""
    greeting = uuid.uuid4().hex
    source = copy_project(tmp_path_factory.mktemp("second"), greeting)
    before = {name: live(name) for name in HOSTS}
    with visitors(HOSTS) as seen:
        done = deploy(source, "django")
    return Deployment(greeting, done.stdout, before, {name: live(name) for name in HOSTS}, seen)


@pytest.fixture(scope="session")
def broken(second, tmp_path_factory) -> Deployment:
    """A release whose settings are no Python, on one host."""
    source = copy_project(tmp_path_factory.mktemp("broken"), uuid.uuid4().hex, settings="this is no Python\n")
    with visitors(["django-12"], 1) as seen:
        done = deploy(source, "django-12", check=False)
    assert done.returncode != 0
    return Deployment(second.greeting, done.stdout + done.stderr, {}, {}, seen)


@pytest.fixture(scope="session")
def repaired(broken, tmp_path_factory) -> Deployment:
    """The next good release, on the older Debian: it is the first of this run, so it migrates."""
    assert broken
    greeting = uuid.uuid4().hex
    source = copy_project(tmp_path_factory.mktemp("repaired"), greeting)
    done = deploy(source, "django-12")
    return Deployment(greeting, done.stdout, {}, {}, {})


def test_next_release_is_live_in_the_other_slot(host, second):
    name = host.check_output("hostname")
    before, after = second.before[name], second.after[name]
    assert after["greeting"] == second.greeting
    assert after["release"] != before["release"]
    assert after["slot"] != before["slot"]


def test_no_request_failed_meanwhile(host, second):
    seen = second.seen[host.check_output("hostname")]
    assert seen["failed"] == []
    assert seen["requests"] > 100
    assert len(seen["greetings"]) == 2


def test_old_release_stays_with_its_static_files(host, second):
    old = second.before[host.check_output("hostname")]["release"]
    assert host.file(f"/srv/shop/releases/{old}/.complete").exists
    assert host.file(f"/srv/shop/releases/{old}/static/shop/site.css").exists


def test_broken_release_stops_the_play_with_its_log(broken):
    assert "SyntaxError" in broken.output
    assert "settings.py" in broken.output


def test_broken_release_does_not_become_live(broken):
    seen = broken.seen["django-12"]
    assert seen["failed"] == []
    assert seen["greetings"] == {broken.greeting}


def test_next_good_release_becomes_live(repaired):
    assert live("django-12")["greeting"] == repaired.greeting
    assert live("django-13")["greeting"] != repaired.greeting


def test_first_host_of_a_run_migrates(repaired):
    host = connect("django-12")
    release = live("django-12")["release"]
    assert host.file("/srv/shop/shared/media/migrated.log").content_string.split().count(release) == 1
    code = "from django.contrib.auth.models import User; print(User.objects.get().username)"
    assert host.check_output(f'shop-manage shell --command "{code}"').endswith("admin")
