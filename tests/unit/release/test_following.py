# SPDX-License-Identifier: MIT
"""What a host gets so that its images follow the bucket: a program that needs nothing else, and what it knows of each application."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.release.follow import RELEASE, SLOT
from ansible_collections.django_ec2.site.plugins.plugin_utils.applications.endpoints import database_endpoints
from ansible_collections.django_ec2.site.plugins.plugin_utils.applications.resolve import resolve_applications
from ansible_collections.django_ec2.site.plugins.plugin_utils.release import following

FACTS = {"python": {"version": {"major": 3, "minor": 13}}, "architecture": "x86_64"}
SERVER = {
    "mode": "self_hosted", "pooling": "none", "host": "db1", "address": "10.0.0.9", "port": 5432, "standbys": [], "replica_host": "",
    "sslmode": "verify-full", "ca_file": "/etc/ssl/database/ca.pem", "options": {}, "authentication": "password", "token_environment": {},
}  # fmt: skip
ENTRY = {
    "source": "shop", "domains": ["shop.example.org"], "wsgi_module": "shop.wsgi", "settings_module": "shop.settings",
    "services": {"worker": {"command": "celery worker"}, "beat": {"command": "celery beat", "singleton": True}},
    "timers": {"report": {"command": "manage.py report", "schedule": "daily", "singleton": True}},
    "secret_environment": {"SECRET_KEY": "s" * 50}, "environment": {"DATABASE": "${database_url}", "VERSION": "${release}"},
    "database": {"password": "p" * 20, "owner_password": "o" * 20},
}  # fmt: skip


def resolved() -> list[dict[str, Any]]:
    return resolve_applications({"shop": ENTRY})


def told() -> dict[str, Any]:
    settings = {"kept": 5, "start_timeout": 60, "drain_timeout": 90}
    endpoints = database_endpoints(resolved(), SERVER)
    return json.loads(following.description(resolved(), endpoints, {}, FACTS, "x86_64-manylinux_2_28", settings))


def test_the_program_needs_nothing_of_the_collection(tmp_path: Path) -> None:
    for one in following.program_directories(str(tmp_path / "lib")):
        Path(one["path"]).mkdir()
    for one in following.program_files(str(tmp_path / "lib")):
        assert "ansible_collections" not in one["content"]
        Path(one["path"]).write_text(one["content"])
    script = "import sys; sys.path.insert(0, sys.argv[1]); import release.follow; print('ansible' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-I", "-c", script, str(tmp_path / "lib")],
        capture_output=True, text=True, check=False, env={"PATH": os.environ["PATH"]},
    )  # fmt: skip
    assert (done.stdout.strip(), done.stderr) == ("False", "")


def test_the_same_text_for_each_release_and_slot() -> None:
    found = told()
    assert (found["python"], found["platform"], found["kept"]) == ("3.13", "x86_64-manylinux_2_28", 5)
    (own,) = found["applications"]
    assert own["staging"]["socket"] == "/run/uwsgi-shop/{slot}/uwsgi.sock"
    assert own["staging"]["socket_name"] == "uwsgi.sock"
    assert f"/srv/shop/slots/{SLOT}/release/support" in own["environment"]
    assert f'VERSION="{RELEASE}"' in own["environment"]
    assert RELEASE not in own["staging"].values()
    assert own["environment"] != own["owner_environment"]


def test_what_runs_once_in_a_site_does_not_run_there() -> None:
    (own,) = told()["applications"]
    assert own["activation"]["services"] == [{"name": "worker", "singleton": False}]
    assert following.once(resolved()).splitlines() == [
        "shop-beat@blue.service",
        "shop-beat@green.service",
        "shop-timer-report.timer",
    ]
