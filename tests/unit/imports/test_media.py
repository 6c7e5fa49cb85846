"""Uploads are added, what they replace is kept, and nothing leads out of the directory."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest
from ansible_collections.django_ec2.site.plugins.module_utils.release.commands import Refusal
from ansible_collections.django_ec2.site.plugins.module_utils.release.media import place, place_of, top_of


@pytest.fixture
def target(tmp_path: Path) -> Path:
    (tmp_path / "media/a").mkdir(parents=True)
    (tmp_path / "media/a/same.txt").write_text("same")
    (tmp_path / "media/a/other.txt").write_text("old")
    return tmp_path / "media"


def archive(path: Path, files: dict[str, str], links: dict[str, str] | None = None) -> Path:
    with tarfile.open(path, "w:gz") as opened:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            opened.addfile(member, io.BytesIO(text.encode()))
        for name, to in (links or {}).items():
            member = tarfile.TarInfo(name)
            member.type, member.linkname = tarfile.SYMTYPE, to
            opened.addfile(member)
    return path


@pytest.fixture(autouse=True)
def _as_oneself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)


def test_files_are_added_and_others_kept(tmp_path: Path, target: Path) -> None:
    files = {"./a/same.txt": "same", "./a/other.txt": "new", "./b/ö c.txt": "added", "../out.txt": "x", "/abs.txt": "x"}
    made = archive(tmp_path / "m.tar.gz", files, {"./evil": "/etc/passwd"})
    kept = tmp_path / "kept"
    looked = place(made, target, "nobody-here", kept, apply=False)
    assert (looked.added, looked.same, looked.replaced) == (1, 1, 1) or (
        looked.added,
        looked.same,
        looked.replaced,
    ) == (1, 2, 0)
    assert not kept.exists()
    assert (target / "a/other.txt").read_text() == "old"
    found = place(made, target, "nobody-here", kept, apply=True)
    assert (found.added, found.same, found.replaced) == (1, 1, 1)
    assert found.left_out == ["../out.txt", "/abs.txt", "./evil"]
    assert (target / "b/ö c.txt").read_text() == "added"
    assert (kept / "a/other.txt").read_text() == "old"
    assert not (tmp_path / "out.txt").exists()
    again = place(made, target, "nobody-here", tmp_path / "again", apply=True)
    assert (again.added, again.same, again.replaced) == (0, 3, 0)
    assert not (tmp_path / "again").exists()


def test_no_archive_and_no_directory_are_refused(tmp_path: Path, target: Path) -> None:
    (tmp_path / "x.tar").write_text("hello")
    with pytest.raises(Refusal, match="no whole tar archive"):
        place(tmp_path / "x.tar", target, "nobody-here", tmp_path / "kept", apply=True)
    with pytest.raises(Refusal, match=r"run site\.yml"):
        place(tmp_path / "x.tar", tmp_path / "none", "nobody-here", tmp_path / "kept", apply=True)


def test_a_directory_media_stands_for_the_applications_own() -> None:
    assert top_of(["media/a.txt", "media/b/c.txt"]) == "media"
    assert top_of(["media/a.txt", "other.txt"]) == ""
    assert str(place_of("media/a.txt", "media")) == "a.txt"
    assert str(place_of("media/a.txt", "")) == "media/a.txt"
    assert place_of("./", "") is None
