"""A release that cannot start, and what is kept of those that can."""

from __future__ import annotations

import json
import subprocess
import uuid

import pytest
from controller import play
from releases import copy_project


@pytest.fixture
def deploy(tmp_path):
    """Deploy another release of one of the applications."""

    def run(check: bool = True, **appended: str) -> tuple[str, subprocess.CompletedProcess[str]]:
        greeting = uuid.uuid4().hex
        source = copy_project(tmp_path, greeting, **appended) / "molecule/django"
        asked = ("-e", "release_policy=deploy", "-e", f"release_source_root={source}")
        done = play("django_full/converge.yml", *asked, limit="django_full", check=check)
        return greeting, done

    return run


def live(host, name: str = "shop") -> dict[str, str]:
    answer = json.loads(host.check_output(f"uwsgi-get /srv/{name}/live/uwsgi.sock / --host {name}.test"))
    return json.loads(answer["body"])


def test_release_that_cannot_start_is_given_up(host, deploy):
    before = live(host)
    _greeting, done = deploy(check=False, wsgi="raise RuntimeError('this release cannot start')\n")
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert "did not become live" in said
    assert "What was live before still serves." in said
    assert "this release cannot start" in said
    assert live(host) == before
    bad = host.check_output("basename $(dirname /srv/shop/releases/*/.bad)")
    assert bad != before["release"]
    idle = {"blue": "green", "green": "blue"}[before["slot"]]
    assert host.check_output(f"systemctl is-active uwsgi-shop@{idle} || true") != "active"


def test_two_releases_are_kept(host, deploy):
    before, other = live(host)["release"], live(host, "store")
    greeting, _done = deploy()
    after = live(host)
    assert after["greeting"] == greeting
    # The one that could not start is gone.
    assert sorted(host.check_output("ls /srv/shop/releases").split()) == sorted([before, after["release"]])
    assert live(host, "store") == other
