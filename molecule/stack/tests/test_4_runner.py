"""The same playbooks as jobs of AWX: from a bare copy of the project, without the operator's caches, through ansible-runner."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from runner import launch, project_copy
from site_visitor import LAB, PROJECT, Visitor


@pytest.fixture(scope="module")
def private(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A private data directory with the project in it."""
    return project_copy(PROJECT, tmp_path_factory.mktemp("awx") / "private", LAB)


def test_a_fresh_container_changes_and_builds_nothing(private: Path) -> None:
    job = launch(private, "site.yml", "inventory/lab")
    assert job.status == "successful", job.output[-6000:]
    assert set(job.changed) >= {"web1", "web2", "db1"}
    assert not any(job.changed.values()), job.output[-6000:]
    # The hosts have the release of this input: they were asked first.
    assert list((private / "project" / "build" / "releases").glob("board/*.tar.gz")) == []


def test_a_deploy_is_a_job_and_hands_over_what_it_did(private: Path) -> None:
    source = private / "project" / "django_app"
    changed = private / "project" / "changed_app"
    shutil.copytree(source, changed)
    with (changed / "static/board/board.css").open("a") as css:
        css.write("/* deployed by a job */\n")
    job = launch(private, "playbooks/deploy.yml", "inventory/lab", {"app": "board", "source": str(changed)})
    assert job.status == "successful", job.output[-6000:]
    done = job.artifacts["deployed"]
    assert set(done) == {"web1", "web2"}
    for host in ("web1", "web2"):
        assert re.fullmatch(r"board: \w{12} -> \w{12} in [\d.]+ s", done[host][0])
        page = Visitor(host).get("/").text
        asset = re.search(r'"(/static/board/board\.[0-9a-f]{12}\.css)"', page)
        assert asset
        assert "deployed by a job" in Visitor(host).get(asset[1]).text
    # Its packages are those of the release before: nothing was resolved, and no layer was built.
    assert list((private / "project" / "build" / "releases").glob("board/layers/*.tar.gz")) == []


def test_a_rollback_is_a_job(private: Path) -> None:
    job = launch(private, "playbooks/rollback.yml", "inventory/lab", {"app": "board"})
    assert job.status == "successful", job.output[-6000:]
    assert set(job.artifacts["deployed"]) == {"web1", "web2"}
    assert "deployed by a job" not in Visitor("web1").get("/").text
