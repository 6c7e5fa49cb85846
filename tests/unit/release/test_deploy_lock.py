"""The module deploy_lock: one run at a time, and none that is gone keeps others away."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.django_ec2.site.plugins.module_utils.release.slots import moment
from ansible_collections.django_ec2.site.plugins.modules import deploy_lock as module_deploy_lock
from ansible_collections.django_ec2.site.plugins.plugin_utils.release import keeper
from ansible_collections.django_ec2.site.plugins.plugin_utils.release.run import started

from tests.conftest import RunModule

MINE = {"controller": "c1", "process": 10, "started": "5"}
OTHER = {"controller": "c2", "process": 11, "started": "6"}


@pytest.fixture
def lock(tmp_path: Path, run_module: RunModule) -> Callable[..., dict[str, Any]]:
    def run(owner: dict[str, Any], **changes: Any) -> dict[str, Any]:
        arguments = {"roots": [str(tmp_path)], "who": "admin", "run": owner, **changes}
        return run_module(module_deploy_lock, **arguments)

    return run


def alive(file: Path, seconds: float) -> None:
    """Put the last sign of life of a lock's run so many seconds back."""
    os.utime(file, (time.time() - seconds,) * 2)


def soon(true: Callable[[], bool]) -> bool:
    """Whether it becomes true within seconds."""
    deadline = time.monotonic() + 40
    while time.monotonic() < deadline:
        if true():
            return True
        time.sleep(0.05)
    return False


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
    alive(tmp_path / "deploy.lock", 100)
    refused = lock(MINE)
    assert (refused["taken"], refused["holder"]["silent"]) == (False, 100)
    alive(tmp_path / "deploy.lock", 121)
    assert lock(MINE)["taken"] is True


def test_it_can_be_broken(lock: Callable[..., dict[str, Any]]) -> None:
    lock(OTHER)
    assert lock(MINE, force=True)["taken"] is True


@pytest.mark.parametrize("content", ["", "no json"])
def test_a_damaged_lock_keeps_nobody_away(lock: Callable[..., dict[str, Any]], tmp_path: Path, content: str) -> None:
    (tmp_path / "deploy.lock").write_text(content)
    assert lock(MINE)["taken"] is True


def test_before_the_first_deploy_there_is_nothing_to_lock(lock: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    assert lock(MINE, roots=[str(tmp_path / "absent")])["taken"] is True


def test_all_locks_are_taken_or_none(lock: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    roots = [tmp_path / name for name in ("blog", "shop")]
    for root in roots:
        root.mkdir()
    lock(OTHER, roots=[str(roots[1])])
    refused = lock(MINE, roots=list(map(str, roots)))
    assert (refused["taken"], refused["holder"]["root"]) == (False, str(roots[1]))
    assert (roots[0] / "deploy.lock").read_text() == ""
    lock(OTHER, roots=[str(roots[1])], state="absent")
    assert lock(MINE, roots=list(map(str, roots)))["renewed"] is False
    assert lock(MINE, roots=list(map(str, roots)))["renewed"] is True


def test_what_another_run_made_live_meanwhile_ends_this_one(
    lock: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    (tmp_path / "live").symlink_to("slots/blue")
    before = {str(tmp_path): moment(str(tmp_path))}
    assert lock(MINE, seen=before)["taken"] is True
    (tmp_path / "history.jsonl").write_text("{}\n")
    refused = lock(MINE, seen=before)
    assert refused["failed"] is True
    assert f"changed what is live in {tmp_path} since this one looked: run this again" in refused["msg"]
    assert lock(OTHER)["taken"] is True


def shell(command: str) -> int:
    """What stands for the host."""
    return subprocess.run(["/bin/sh", "-c", command], check=False).returncode


def test_a_run_that_lives_renews_its_lock_and_no_other(lock: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    file = tmp_path / "deploy.lock"
    lock(MINE)
    alive(file, 100)
    assert shell(keeper.command([str(tmp_path)], MINE, give_back=False)) == 0
    assert time.time() - file.stat().st_mtime < 50
    lock(OTHER, force=True)
    alive(file, 100)
    for give_back in (True, False):
        assert shell(keeper.command([str(tmp_path)], MINE, give_back=give_back)) == keeper.NOT_OURS
    assert time.time() - file.stat().st_mtime > 50
    assert lock(OTHER)["renewed"] is True


def test_the_lock_of_a_run_that_was_killed_is_given_back(
    lock: Callable[..., dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "RENEW_SECONDS", 0.2)
    monkeypatch.setattr(keeper, "LOOK_SECONDS", 0.1)
    process = subprocess.Popen(["/bin/sleep", "60"])
    run = {"controller": "c1", "process": process.pid, "started": started(process.pid)}
    lock(run)
    alive(tmp_path / "deploy.lock", 100)
    keeper.start([str(tmp_path)], run, shell)
    assert soon(lambda: time.time() - (tmp_path / "deploy.lock").stat().st_mtime < 50), "it was not renewed"
    assert lock(MINE)["taken"] is False
    process.kill()
    process.wait()
    assert soon(lambda: (tmp_path / "deploy.lock").read_text() == ""), "it was not given back"
    assert lock(MINE)["taken"] is True
