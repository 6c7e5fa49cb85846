"""Root gives a tree away and takes it back while the application writes it: nothing outside is ever touched."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.django_ec2.site.plugins.module_utils.release import ownership


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> set[int]:
    """Numbers of the inodes that changed hands."""
    inodes: set[int] = set()

    def chown(path: Any, _uid: int, _gid: int, *, dir_fd: int | None = None, follow_symlinks: bool = True) -> None:
        inodes.add(os.stat(path, dir_fd=dir_fd, follow_symlinks=follow_symlinks).st_ino)

    monkeypatch.setattr(os, "fchown", lambda handle, _uid, _gid: inodes.add(os.fstat(handle).st_ino))
    monkeypatch.setattr(os, "chown", chown)
    return inodes


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[Path]:
    """A directory of somebody else; its modes are as before at the end."""
    place = tmp_path / "outside"
    (place / "deep").mkdir(parents=True)
    for name in ("shadow", "deep/file"):
        (place / name).touch()
        (place / name).chmod(0o600)
    yield place
    assert stat.S_IMODE((place / "shadow").stat().st_mode) == 0o600
    assert stat.S_IMODE((place / "deep/file").stat().st_mode) == 0o600


def inodes(place: Path) -> set[int]:
    return {path.lstat().st_ino for path in (place, *place.rglob("*"))}


def test_links_are_given_and_never_what_they_name(tmp_path: Path, outside: Path, given: set[int]) -> None:
    tree = tmp_path / "tree"
    (tree / "sub").mkdir(parents=True)
    (tree / "sub/file").touch()
    (tree / "to-a-file").symlink_to(outside / "shadow")
    (tree / "to-a-directory").symlink_to(outside)
    (tree / "to-nothing").symlink_to("/nowhere")
    os.mkfifo(tree / "pipe")
    ownership.hand_over(tree, 1, 1)
    assert given == inodes(tree)
    assert not given & inodes(outside)


def test_a_tree_that_is_a_link_is_refused(tmp_path: Path, outside: Path, given: set[int]) -> None:
    (tmp_path / "tree").symlink_to(outside)
    with pytest.raises(OSError, match="tree"):
        ownership.hand_over(tmp_path / "tree", 1, 1)
    assert given == set()


@pytest.mark.parametrize("victim", ["sub", "a-file"])
def test_a_link_that_comes_in_the_middle_is_not_followed(
    tmp_path: Path, outside: Path, given: set[int], monkeypatch: pytest.MonkeyPatch, victim: str
) -> None:
    tree = tmp_path / "tree"
    (tree / "sub").mkdir(parents=True)
    (tree / "a-file").touch()
    look = os.lstat

    def swapped(name: Any, **where: Any) -> os.stat_result:
        """The application swaps a name for a link right after root looked at it."""
        found = look(name, **where)
        if name == victim and not (tree / victim).is_symlink():
            (tree / victim).rename(tmp_path / "away")
            (tree / victim).symlink_to(outside / ("shadow" if victim == "a-file" else "deep"))
        return found

    monkeypatch.setattr(os, "lstat", swapped)
    with pytest.raises(OSError, match=victim):
        ownership.hand_over(tree, 1, 1)
    assert not given & {path.stat().st_ino for path in (outside, *outside.rglob("*"))}


def test_a_directory_that_is_swapped_after_it_was_opened_is_the_old_one(
    tmp_path: Path, outside: Path, given: set[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = tmp_path / "tree"
    (tree / "sub").mkdir(parents=True)
    (tree / "sub/file").touch()
    own = (tree / "sub/file").stat().st_ino
    read = os.listdir

    def swapped(handle: Any) -> list[str]:
        if not (tree / "sub").is_symlink() and os.fstat(handle).st_ino == (tree / "sub").stat().st_ino:
            (tree / "sub").rename(tmp_path / "away")
            (tree / "sub").symlink_to(outside / "deep")
        return read(handle)

    monkeypatch.setattr(os, "listdir", swapped)
    ownership.hand_over(tree, 1, 1)
    assert own in given
    assert not given & inodes(outside)


def test_nobody_else_may_write_afterwards(tmp_path: Path, given: set[int]) -> None:
    (tmp_path / "tree").mkdir(mode=0o777)
    (tmp_path / "tree/file").touch()
    (tmp_path / "tree/file").chmod(0o4666)
    (tmp_path / "tree").chmod(0o2777)
    ownership.hand_over(tmp_path / "tree", 1, 1)
    assert stat.S_IMODE((tmp_path / "tree").stat().st_mode) == 0o755
    assert stat.S_IMODE((tmp_path / "tree/file").stat().st_mode) == 0o644
