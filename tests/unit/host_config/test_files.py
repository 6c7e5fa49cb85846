"""Directories, files, links and removals: what is changed, and what is left alone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from .helpers import apply, refused, tree


def test_second_run_changes_nothing(etc: Path) -> None:
    params = {
        "directories": [{"path": f"{etc}/a/b", "mode": "0750", "triggers": ["dir"]}],
        "files": [{"path": f"{etc}/a/b/c.conf", "content": "x\n", "mode": "0640", "triggers": ["reload"]}],
        "links": [{"path": f"{etc}/a/link", "target": "b/c.conf", "triggers": ["reload", "restart"]}],
    }
    planned = apply(check_mode=True, **params)
    assert tree(etc) == {}
    first = apply(**params)
    assert planned == first
    assert first["changed_paths"] == [f"{etc}/a/b", f"{etc}/a/b/c.conf", f"{etc}/a/link"]
    assert first["triggers"] == ["dir", "reload", "restart"]
    placed = tree(etc)
    assert placed == {
        "a": ("directory", b"", 0o755),
        "a/b": ("directory", b"", 0o750),
        "a/b/c.conf": ("file", b"x\n", 0o640),
        "a/link": ("link", "b/c.conf", 0),
    }
    inode = (etc / "a/b/c.conf").stat().st_ino
    for check_mode in (True, False):
        again = apply(check_mode=check_mode, diff=True, **params)
        assert (again["changed"], again["changed_paths"], again["triggers"], again["diff"]) == (
            False,
            [],
            [],
            [],
        )
    assert (etc / "a/b/c.conf").stat().st_ino == inode


@pytest.mark.parametrize("content", ["", "42", "true", '{"a": 1}', "no newline", "tail\n\n", "ü€\r\n"])
def test_content_is_kept_to_the_byte(etc: Path, content: str) -> None:
    apply(files=[{"path": f"{etc}/f", "content": content}])
    assert (etc / "f").read_bytes() == content.encode()


def test_mode_and_owner_are_corrected_and_shown(etc: Path) -> None:
    (etc / "f").write_text("x")
    (etc / "f").chmod(0o666)
    result = apply(diff=True, files=[{"path": f"{etc}/f", "content": "x", "mode": "0600"}])
    assert tree(etc)["f"] == ("file", b"x", 0o600)
    assert len(result["diff"]) == 1
    assert "mode: 0666" in result["diff"][0]["before"]
    assert "mode: 0600" in result["diff"][0]["after"]


def test_a_link_at_a_files_path_is_replaced_and_its_target_left_alone(etc: Path) -> None:
    (etc / "target").write_text("old")
    (etc / "f").symlink_to("target")
    assert apply(files=[{"path": f"{etc}/f", "content": "new"}])["changed"]
    assert not (etc / "f").is_symlink()
    assert (etc / "f").read_text() == "new"
    assert (etc / "target").read_text() == "old"


def test_link_is_replaced_only_over_a_link_or_with_force(etc: Path) -> None:
    (etc / "link").symlink_to("old")
    apply(links=[{"path": f"{etc}/link", "target": "new"}])
    assert os.readlink(etc / "link") == "new"
    (etc / "file").write_text("precious")
    assert "force: true" in refused(links=[{"path": f"{etc}/file", "target": "new"}])
    assert (etc / "file").read_text() == "precious"
    apply(links=[{"path": f"{etc}/file", "target": "new", "force": True}])
    assert os.readlink(etc / "file") == "new"
    (etc / "dir").mkdir()
    assert "directory" in refused(links=[{"path": f"{etc}/dir", "target": "new", "force": True}])


def test_there_is_no_moment_without_the_link(etc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (etc / "current").symlink_to("one")
    real_rename, seen = os.rename, []

    def rename(source: str, target: str) -> None:
        seen.append(os.readlink(etc / "current"))
        real_rename(source, target)

    monkeypatch.setattr(os, "rename", rename)
    monkeypatch.setattr(os, "unlink", lambda path: pytest.fail(path) if path == f"{etc}/current" else os.remove(path))
    apply(links=[{"path": f"{etc}/current", "target": "two"}])
    assert seen == ["one"]
    assert tree(etc) == {"current": ("link", "two", 0)}


def test_absent_removes_files_links_and_empty_directories(etc: Path) -> None:
    (etc / "d").mkdir()
    (etc / "d/file").write_text("x")
    (etc / "link").symlink_to("nowhere")
    assert "still holds file" in refused(absent=[f"{etc}/d"])
    params = {"absent": [f"{etc}/d", {"path": f"{etc}/d/file", "triggers": ["t"]}, f"{etc}/link", f"{etc}/missing"]}
    planned = apply(check_mode=True, **params)
    assert sorted(tree(etc)) == ["d", "d/file", "link"]
    result = apply(**params)
    assert planned == result
    assert tree(etc) == {}
    assert result["triggers"] == ["t"]
    assert not apply(**params)["changed"]


def test_purge_keeps_what_is_listed_and_what_does_not_match(etc: Path) -> None:
    for name in ("keep.conf", "stale.conf", "other.txt", ".hidden.conf"):
        (etc / name).write_text("x")
    (etc / "stale-link.conf").symlink_to("nowhere")
    (etc / "directory.conf").mkdir()
    (etc.parent / "alias").symlink_to(etc)
    params = {
        # The same directory by another name: what was just placed must not be purged.
        "files": [{"path": f"{etc.parent}/alias/keep.conf", "content": "x"}],
        "links": [{"path": f"{etc}/link.conf", "target": "keep.conf"}],
        "purge": [
            {"directory": str(etc), "pattern": "*.conf", "triggers": ["reload"]},
            {"directory": f"{etc}/missing", "pattern": "*"},
        ],
    }
    planned = apply(check_mode=True, **params)
    result = apply(**params)
    assert planned == result
    assert {f"{etc}/stale.conf", f"{etc}/stale-link.conf"} < set(result["changed_paths"])
    assert sorted(tree(etc)) == [".hidden.conf", "directory.conf", "keep.conf", "link.conf", "other.txt"]
    assert not apply(**params)["changed"]


def test_nothing_is_done_where_a_file_system_is_not_mounted(etc: Path) -> None:
    entry = {"path": f"{etc}/shared/media"}
    for check_mode in (True, False):
        message = refused(mounted=[f"{etc}"], directories=[entry], check_mode=check_mode)
        assert f"nothing is mounted at {etc} on this host" in message
    assert tree(etc) == {}
    assert apply(mounted=["/proc"], directories=[entry])["changed"]


def test_purge_sets_aside_instead_of_losing_what_somebody_wrote(etc: Path) -> None:
    for name in ("by_hand.conf", "50-kept.conf"):
        (etc / name).write_text(name)
        (etc / name).chmod(0o640)
    params = {
        "purge": [
            {
                "directory": str(etc), "pattern": "*.conf", "keep": ["50-*.conf"], "aside": ".set-aside", "triggers": ["reload"],
            }
        ]
    }  # fmt: skip
    planned = apply(check_mode=True, diff=True, **params)
    assert "set aside as" in str(planned["diff"]) and (etc / "by_hand.conf").exists()
    result = apply(**params)
    assert (result["changed_paths"], result["triggers"]) == ([f"{etc}/by_hand.conf"], ["reload"])
    assert sorted(tree(etc)) == ["50-kept.conf", "by_hand.conf.set-aside"]
    kept = etc / "by_hand.conf.set-aside"
    assert (kept.read_text(), kept.stat().st_mode & 0o777) == ("by_hand.conf", 0o640)
    assert not apply(**params)["changed"]


def test_what_was_set_aside_is_back_when_the_set_is_refused(etc: Path) -> None:
    (etc / "by_hand.conf").write_text("x")
    purge = [{"directory": str(etc), "pattern": "*.conf", "aside": ".set-aside"}]
    assert "refused" in refused(purge=purge, validate=[{"command": ["false"]}])
    assert sorted(tree(etc)) == ["by_hand.conf"]
