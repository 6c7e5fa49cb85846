"""The same playbooks as jobs of AWX: from a bare copy of a team's operations repository, through ansible-runner."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from runner import launch, project_copy
from site_visitor import LAB, PROJECT, Visitor

sys.path.insert(0, str(PROJECT))

from tests.operations import AUTHOR, operations_repository, product_repository

INVENTORY = "inventory/lab"
PRODUCT = "django-ec2"
MARK = "deployed by a job"


@pytest.fixture(scope="module")
def operations(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An operations repository with this product as its submodule, and the board as an application of the team's own."""
    place = tmp_path_factory.mktemp("operations")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in AUTHOR.items():
            patch.setenv(name, value)
        path = operations_repository(product_repository(place / "product"), place / "operations", "lab").path
    shutil.copytree(PROJECT / "django_app", path / "apps/board", ignore=shutil.ignore_patterns("__pycache__"))
    entry = yaml.safe_load((PROJECT / "group_vars/all/applications.yml").read_text())["applications"]["board"]
    own = path / INVENTORY / "group_vars/env_lab/applications.yml"
    own.write_text(yaml.safe_dump({"applications": {"board": {**entry, "source": "apps/board"}}}))
    return path


@pytest.fixture(scope="module")
def private(operations: Path) -> Iterator[Path]:
    """A private data directory with the operations repository in it."""
    # Short, as AWX's /runner: ssh keeps a socket below it, whose path has at most 107 bytes.
    with tempfile.TemporaryDirectory(prefix="awx-") as place:
        yield project_copy(operations, Path(place), LAB, PRODUCT)


def built(private: Path) -> list[str]:
    """What was built in the project's copy."""
    return [path.name for path in (private / "project/build/releases").rglob("*.tar.gz")]


def test_a_fresh_container_changes_and_builds_nothing(private: Path) -> None:
    job = launch(private, "site.yml", INVENTORY)
    assert job.status == "successful", job.output[-6000:]
    assert set(job.changed) >= {"web1", "web2", "db1"}
    assert not any(job.changed.values()), job.output[-6000:]
    # The hosts have the release of this input: they were asked first.
    assert built(private) == []


def test_a_deploy_is_a_job_and_hands_over_what_it_did(private: Path) -> None:
    with (private / "project/apps/board/static/board/board.css").open("a") as css:
        css.write(f"/* {MARK} */\n")
    job = launch(private, f"{PRODUCT}/playbooks/deploy.yml", INVENTORY, {"app": "board"})
    assert job.status == "successful", job.output[-6000:]
    done = job.artifacts["deployed"]
    assert set(done) == {"web1", "web2"}
    for host in ("web1", "web2"):
        assert re.fullmatch(r"board: \w{12} -> \w{12} in [\d.]+ s", done[host][0])
        asset = re.search(r'"(/static/board/board\.[0-9a-f]{12}\.css)"', Visitor(host).get("/").text)
        assert asset
        assert MARK in Visitor(host).get(asset[1]).text
    # Its packages are those of the release before: nothing was resolved, and no layer was built.
    assert len(built(private)) == 1


def test_a_rollback_from_the_operations_repository(operations: Path) -> None:
    """By hand, as the README of that repository says, without a runner."""
    labs = operations / PRODUCT / ".lab"
    labs.mkdir(exist_ok=True)
    (labs / LAB.name).symlink_to(LAB)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "MOLECULE_"))}
    done = subprocess.run(
        [str(PROJECT / ".venv/bin/ansible-playbook"), "-i", INVENTORY, f"{PRODUCT}/playbooks/rollback.yml", "-e", "app=board"],
        cwd=operations, env=kept, capture_output=True, text=True, check=False, timeout=300, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    for host in ("web1", "web2"):
        asset = re.search(r'"(/static/board/board\.[0-9a-f]{12}\.css)"', Visitor(host).get("/").text)
        assert asset
        assert MARK not in Visitor(host).get(asset[1]).text
