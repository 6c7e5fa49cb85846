"""The module deploy_lock: one run at a time, and none that is gone keeps others away."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.django_ec2.site.plugins.modules import deploy_lock as module_deploy_lock

from tests.conftest import RunModule

MINE = {"controller": "c1", "process": 10, "started": "5"}
OTHER = {"controller": "c2", "process": 11, "started": "6"}


@pytest.fixture
def lock(tmp_path: Path, run_module: RunModule) -> Callable[..., dict[str, Any]]:
    def run(owner: dict[str, Any], **changes: Any) -> dict[str, Any]:
        arguments = {"root": str(tmp_path), "who": "admin", "run": owner, **changes}
        return run_module(module_deploy_lock, **arguments)

    return run


def test_the_second_run_is_told_who_and_since_when(lock: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    assert lock(OTHER, who="anna")["taken"] is True
    assert (tmp_path / "deploy.lock").stat().st_mode & 0o777 == 0o600
    answer = lock(MINE)
    assert answer["taken"] is False
    assert (answer["holder"]["who"], answer["holder"]["run"]) == ("anna", OTHER)
    assert abs(answer["holder"]["since"] - time.time()) < 5


def test_a_run_renews_its_own_lock(lock: Callable[..., dict[str, Any]]) -> None:
    assert lock(MINE)["taken"] is True
    assert lock(MINE)["taken"] is True


def test_it_is_given_back_by_its_holder_alone(lock: Callable[..., dict[str, Any]]) -> None:
    lock(OTHER)
    lock(MINE, state="absent")
    assert lock(MINE)["taken"] is False
    lock(OTHER, state="absent")
    assert lock(MINE)["taken"] is True


def test_a_lock_that_was_left_behind_ends_by_itself(lock: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    lock(OTHER)
    content = json.loads((tmp_path / "deploy.lock").read_text())
    (tmp_path / "deploy.lock").write_text(json.dumps({**content, "renewed": content["renewed"] - 901}))
    assert lock(MINE)["taken"] is True


def test_it_can_be_broken(lock: Callable[..., dict[str, Any]]) -> None:
    lock(OTHER)
    assert lock(MINE, force=True)["taken"] is True


@pytest.mark.parametrize("content", ["", "no json"])
def test_a_damaged_lock_keeps_nobody_away(lock: Callable[..., dict[str, Any]], tmp_path: Path, content: str) -> None:
    (tmp_path / "deploy.lock").write_text(content)
    assert lock(MINE)["taken"] is True


def test_before_the_first_deploy_there_is_nothing_to_lock(lock: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    assert lock(MINE, root=str(tmp_path / "absent"))["taken"] is True
