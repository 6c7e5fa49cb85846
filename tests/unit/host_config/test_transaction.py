"""A refused set leaves everything as it was; validators run when they are due."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .helpers import apply, refused, tree


def test_a_refused_set_leaves_everything_as_it_was(etc: Path) -> None:
    (etc / "changed").write_text("old")
    (etc / "changed").chmod(0o604)
    (etc / "removed").write_text("old too")
    (etc / "link").symlink_to("one")
    (etc / "stale.d").mkdir()
    (etc / "stale.d/purged").write_text("z")
    (etc / "empty").mkdir(mode=0o700)
    before = tree(etc)
    inodes = {name: (etc / name).lstat().st_ino for name in before}
    seen = etc.parent / "seen"
    script = f"ls {etc} > {seen}; cat {etc}/changed; exit 3"
    message = refused(
        files=[{"path": f"{etc}/changed", "content": "new"}, {"path": f"{etc}/added", "content": "new"}],
        links=[{"path": f"{etc}/link", "target": "two"}, {"path": f"{etc}/new-link", "target": "two"}],
        absent=[f"{etc}/removed", f"{etc}/empty"],
        purge=[{"directory": f"{etc}/stale.d", "pattern": "*"}],
        validate=[{"command": ["sh", "-c", script]}],
    )
    assert seen.read_text().split() == ["added", "changed", "link", "new-link", "stale.d"]
    assert "exit status 3" in message
    assert "new" in message
    assert f"{etc}/changed, {etc}/added, {etc}/link" in message
    assert "previous files are back" in message
    assert tree(etc) == before
    # The directory is a new one; files and links are the very same.
    assert {n: (etc / n).lstat().st_ino for n in before if n != "empty"} == {
        n: i for n, i in inodes.items() if n != "empty"
    }


def test_an_error_half_way_is_rolled_back(etc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (etc / "one").write_text("old")
    before = tree(etc)
    real_rename = os.rename

    def rename(source: str, target: str) -> None:
        if target.endswith("/two"):
            raise OSError(28, "No space left on device", target)
        real_rename(source, target)

    monkeypatch.setattr(os, "rename", rename)
    files = [{"path": f"{etc}/{name}", "content": "new"} for name in ("one", "two")]
    message = refused(files=files)
    assert f"{etc}/two: No space left" in message
    assert tree(etc) == before


def test_validate_runs_once_and_only_when_due(etc: Path) -> None:
    log = etc.parent / "log"
    params = {
        "directories": [{"path": f"{etc}/d", "triggers": ["quiet"]}],
        "files": [
            {"path": f"{etc}/a", "content": "x", "triggers": ["loud"]},
            {"path": f"{etc}/b", "content": "x"},
        ],
        "validate": [
            {"command": f"sh -c 'echo any >> {log}'"},
            {"command": f"sh -c 'echo loud >> {log}'", "triggers": ["loud"]},
            {"command": f"sh -c 'echo quiet >> {log}'", "triggers": ["quiet"]},
            {"command": "not-yet-installed -t"},
        ],
    }
    apply(check_mode=True, **params)
    assert not log.exists()
    assert apply(**params)["skipped_validations"] == ["not-yet-installed -t"]
    assert log.read_text().split() == ["any", "loud"]
    assert apply(**params)["skipped_validations"] == []
    assert log.read_text().split() == ["any", "loud"]


def test_a_files_own_validator_sees_the_new_content_before_anything_is_placed(etc: Path) -> None:
    (etc / "first").write_text("old")
    files = [
        {"path": f"{etc}/first", "content": "new"},
        {"path": f"{etc}/second", "content": "bad\n", "validate": "grep -q good %s"},
    ]
    assert "refused by grep -q good" in refused(files=files)
    assert tree(etc) == {"first": ("file", b"old", 0o644)}
    files[1]["content"] = "good\n"
    assert apply(files=files)["changed"]
    files[1].update(content="good 2\n", validate="not-installed %s")
    assert "not-installed is not installed" in refused(files=files)


def test_what_a_killed_run_left_beside_its_files_is_removed_by_the_next(etc: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
    (etc / "d").mkdir()
    left = [f".ansible-{gone.pid}.0123456789ab-a.conf", f".ansible-{gone.pid}.0123456789ab"]
    others = [
        f".ansible-{os.getpid()}.0123456789ab",
        f".kept.ansible-{gone.pid}.0123456789ab",
        ".ansible-mine",
        "x.conf",
    ]
    for name in left + others:
        (etc / "d" / name).write_text("x")
    apply(files=[{"path": f"{etc}/d/a.conf", "content": "new"}], check_mode=True)
    assert (etc / "d" / left[0]).exists(), "a check removes nothing"
    apply(files=[{"path": f"{etc}/d/a.conf", "content": "new"}])
    assert sorted(path.name for path in (etc / "d").iterdir()) == sorted([*others, "a.conf"])


def test_what_could_not_be_restored_is_kept_from_later_calls(etc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (etc / "one").write_text("old")
    real_rename = os.rename

    def rename(source: str, target: str) -> None:
        # Neither the second file can be placed, nor the first one be put back.
        if target.endswith("/two") or (target.endswith("/one") and "-" not in os.path.basename(source)[9:]):
            raise OSError(5, "Input/output error", source, None, target)
        real_rename(source, target)

    monkeypatch.setattr(os, "rename", rename)
    message = refused(files=[{"path": f"{etc}/{name}", "content": "new"} for name in ("one", "two")])
    (kept,) = etc.glob(".kept.ansible-*")
    assert f"(kept: {kept})" in message
    assert kept.read_text() == "old"
    assert not list(etc.glob(".ansible-*"))
