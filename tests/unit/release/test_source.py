"""Sources of releases: directories, and versions of git repositories."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from ansible_collections.django_ec2.site.plugins.plugin_utils.release import source as release_source
from ansible_collections.django_ec2.site.plugins.plugin_utils.release.source import SourceError, obtained


def git(repository: Path, *words: str) -> str:
    command = ["git", "-C", str(repository), "-c", "user.name=a", "-c", "user.email=a@example.org", *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with a tag and a branch."""
    place = tmp_path / "upstream"
    place.mkdir()
    git(place, "init", "--quiet", "--initial-branch", "main")
    for number, tag in ((1, "v1"), (2, "")):
        (place / "manage.py").write_text(f"VERSION = {number}\n")
        git(place, "add", ".")
        git(place, "commit", "--quiet", "--message", f"version {number}")
        if tag:
            git(place, "tag", tag)
    return place


def read(repository: Path, version: str, kept: Path, key: str = "") -> tuple[str, str]:
    with obtained(f"file://{repository}", version, key, kept) as source:
        return (source.directory / "manage.py").read_text(), source.version


def test_a_version_is_a_branch_a_tag_or_a_commit(repository: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    first = git(repository, "rev-parse", "v1")
    assert read(repository, "", kept)[0] == "VERSION = 2\n"
    assert read(repository, "main", kept) == ("VERSION = 2\n", "main")
    assert read(repository, "v1", kept) == ("VERSION = 1\n", "v1")
    assert read(repository, first, kept)[0] == "VERSION = 1\n"
    assert [path.name for path in kept.iterdir() if path.name.startswith(".")] == [], "no checkout is left"


def test_a_branch_is_asked_for_again_and_a_commit_is_not(repository: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    second = git(repository, "rev-parse", "main")
    read(repository, "main", kept)
    (repository / "manage.py").write_text("VERSION = 3\n")
    git(repository, "commit", "--quiet", "--all", "--message", "version 3")
    assert read(repository, "main", kept)[0] == "VERSION = 3\n"
    repository.rename(tmp_path / "away")
    assert read(repository, second, kept)[0] == "VERSION = 2\n"
    with pytest.raises(SourceError, match="git cannot read"):
        read(repository, "main", kept)


def test_submodules_come_along(repository: Path, tmp_path: Path) -> None:
    outer = tmp_path / "outer"
    outer.mkdir()
    git(outer, "init", "--quiet")
    git(outer, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", f"file://{repository}", "inner")
    git(outer, "commit", "--quiet", "--message", "x")
    with obtained(f"file://{outer}", "", "", tmp_path / "kept") as source:
        assert (source.directory / "inner" / "manage.py").read_text() == "VERSION = 2\n"
        assert Path("inner/manage.py") in [
            path.relative_to(source.directory) for path in release_source.files_of(source.directory)
        ]


def test_an_unknown_version_names_those_that_are_near(repository: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"no branch, tag or commit 'mian'\. Did you mean main"):
        read(repository, "mian", tmp_path / "kept")


def test_a_branch_and_a_tag_of_one_name_are_refused_and_both_can_be_written(repository: Path, tmp_path: Path) -> None:
    git(repository, "branch", "v1")
    with pytest.raises(SourceError, match=r"a branch and a tag .* version: refs/tags/v1 for the tag, or refs/heads/v1"):
        read(repository, "v1", tmp_path / "kept")
    assert read(repository, "refs/tags/v1", tmp_path / "kept")[0] == "VERSION = 1\n"
    assert read(repository, "refs/heads/v1", tmp_path / "kept")[0] == "VERSION = 2\n"


def test_a_repository_that_cannot_be_read_names_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="deploy_key"):
        read(tmp_path / "absent", "", tmp_path / "kept")
    with pytest.raises(SourceError, match="no file on this controller"):
        read(tmp_path / "absent", "", tmp_path / "kept", key="/absent")


def test_a_version_that_looks_like_an_option_is_none(repository: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no branch, tag or commit"):
        read(repository, "--output=/tmp/x", tmp_path / "kept")


def test_a_directory_is_taken_as_it_is(repository: Path) -> None:
    (repository / "manage.py").write_text("changed\n")
    with obtained(str(repository), "", "", Path("/nonexistent")) as source:
        assert source.directory == repository
        assert source.version.endswith("-dirty")


def test_submodules_of_submodules_come_along(repository: Path, tmp_path: Path) -> None:
    """Each of them is cloned by another git, which is not told what `git -c` says."""
    for name, inner in (("middle", repository), ("outer", tmp_path / "middle")):
        place = tmp_path / name
        place.mkdir()
        git(place, "init", "--quiet")
        git(place, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", f"file://{inner}", "inner")
        git(place, "commit", "--quiet", "--message", "x")
    with obtained(f"file://{tmp_path}/outer", "", "", tmp_path / "kept") as source:
        assert (source.directory / "inner/inner/manage.py").read_text() == "VERSION = 2\n"


@pytest.mark.parametrize("name", ["shop.git", "shop"])
def test_a_bare_repository_is_a_source(repository: Path, tmp_path: Path, name: str) -> None:
    bare = tmp_path / "srv" / name
    git(repository, "clone", "--quiet", "--bare", str(repository), str(bare))
    with obtained(str(bare), "v1", "", tmp_path / "kept") as source:
        assert (source.directory / "manage.py").read_text() == "VERSION = 1\n"
        assert [path.name for path in source.files] == ["manage.py"]
    found = release_source.identified(str(bare), "", "", tmp_path / "kept")
    assert found.digest == f"git {git(repository, 'rev-parse', 'main')}"
    assert found.version == found.digest.removeprefix("git ")[:12]
