"""Publishing static files: compressed variants, a directory that all kept releases share, and what is removed from it."""

from __future__ import annotations

import gzip
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.django_ec2.site.plugins.module_utils.release import static

TEXT = "p { margin: 0 }\n" * 100


@pytest.fixture
def publish(
    tmp_path: Path,
    fake_bin: Callable[[str, str], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., dict[str, Any]]:
    """Publish the files of a release below <tmp>; brotli is a stand-in that writes the name of what it was given."""
    fake_bin(
        "brotli", 'for one; do case "$one" in --output=*) out="${one#--output=}";; esac; done; echo "br $one" > "$out"'
    )
    if os.geteuid() != 0:
        monkeypatch.setattr(os, "fchown", lambda *_words: None)

    def run(release: str, brotli: bool = True) -> dict[str, Any]:
        place = tmp_path / "releases" / release
        return static.publish(place / "static", place / "public", tmp_path / "shared", brotli)

    return run


@pytest.fixture
def release(tmp_path: Path) -> Callable[[str, dict[str, str | bytes]], Path]:
    """Make the static files of a release."""

    def make(name: str, files: dict[str, str | bytes]) -> Path:
        directory = tmp_path / "releases" / name / "static"
        for path, content in files.items():
            (directory / path).parent.mkdir(parents=True, exist_ok=True)
            (directory / path).write_bytes(content.encode() if isinstance(content, str) else content)
        (tmp_path / "shared").mkdir(exist_ok=True)
        return directory

    return make


def names(directory: Path) -> set[str]:
    return {path.relative_to(directory).as_posix() for path in directory.rglob("*") if not path.is_dir()}


def test_text_gets_variants_and_the_rest_does_not(publish: Callable[..., dict], release: Callable[..., Path]) -> None:
    files = {
        "css/app.css": TEXT,
        "small.css": "p {}",
        "noise.js": os.urandom(4096),
        "picture.png": TEXT,
        "given.js.gz": gzip.compress(TEXT.encode()),
    }
    directory = release("r1", files)
    answer = publish("r1")
    assert (answer["files"], answer["compressed"]) == (4, 1)
    assert names(directory) == {*files, "css/app.css.gz", "css/app.css.br"}
    assert gzip.decompress((directory / "css/app.css.gz").read_bytes()).decode() == TEXT
    assert (directory / "css/app.css.br").read_text().startswith("br ")


def test_variants_are_the_same_on_every_host(publish: Callable[..., dict], release: Callable[..., Path]) -> None:
    for name in ("r1", "r2"):
        os.utime(release(name, {"app.css": TEXT}) / "app.css", (1_700_000_000, 1_700_000_000))
        publish(name)
    one, two = (release(name, {}) / "app.css.gz" for name in ("r1", "r2"))
    assert one.read_bytes() == two.read_bytes()
    assert one.stat().st_mtime == two.stat().st_mtime == 1_700_000_000


def test_without_brotli_there_is_gzip(publish: Callable[..., dict], release: Callable[..., Path]) -> None:
    directory = release("r1", {"app.css": TEXT})
    publish("r1", brotli=False)
    assert names(directory) == {"app.css", "app.css.gz"}


def test_shared_files_are_other_names_of_the_release_s(
    publish: Callable[..., dict], release: Callable[..., Path], tmp_path: Path
) -> None:
    directory = release("r1", {"app.1a2b.css": TEXT, "deep/er/x.svg": "<svg/>"})
    publish("r1")
    assert names(tmp_path / "shared") == names(directory)
    for name in names(directory):
        assert (tmp_path / "shared" / name).samefile(directory / name)


@pytest.mark.usefixtures("umask")
def test_nginx_reads_them_and_the_application_cannot_write_them(
    publish: Callable[..., dict], release: Callable[..., Path], tmp_path: Path
) -> None:
    directory = release("r1", {"css/app.css": TEXT})
    publish("r1")
    for path in [*directory.rglob("*"), *(tmp_path / "shared").rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) == (0o755 if path.is_dir() else 0o644), path
        assert path.stat().st_uid == os.geteuid()


def test_a_page_of_the_release_before_finds_its_files_until_that_is_gone(
    publish: Callable[..., dict], release: Callable[..., Path], tmp_path: Path
) -> None:
    old = release("r1", {"app.old.css": TEXT, "gone/x.old.js": "x()", "same.css": TEXT})
    publish("r1")
    release("r2", {"app.new.css": TEXT, "same.css": TEXT})
    assert publish("r2")["removed"] == 0
    assert names(tmp_path / "shared") >= {"app.old.css", "app.old.css.gz", "app.new.css", "same.css"}
    for path in sorted(old.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    release("r3", {"app.newer.css": TEXT})
    assert publish("r3")["removed"] == 4  # app.old.css, its two variants, gone/x.old.js
    assert names(tmp_path / "shared") == {
        f"{name}{suffix}" for name in ("app.new.css", "same.css", "app.newer.css") for suffix in ("", ".gz", ".br")
    }


def test_a_second_run_leaves_nothing_behind(
    publish: Callable[..., dict], release: Callable[..., Path], tmp_path: Path
) -> None:
    directory = release("r1", {"app.css": TEXT, "gone.css": TEXT})
    publish("r1")
    static.clear(directory, directory.parent / "public")
    assert list(directory.parent.iterdir()) == [directory]
    assert not directory.is_symlink()
    assert not list(directory.iterdir())
    release("r1", {"app.css": TEXT})
    publish("r1")
    assert names(tmp_path / "shared") == names(directory) == {"app.css", "app.css.gz", "app.css.br"}


def test_links_and_the_like_are_neither_followed_nor_published(
    publish: Callable[..., dict], release: Callable[..., Path], tmp_path: Path
) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text(TEXT)
    secret.chmod(0o600)
    directory = release("r1", {"css/app.css": TEXT})
    (directory / "stolen.txt").symlink_to(secret)
    (directory / "css/dangling.txt").symlink_to(tmp_path / "absent")
    (directory / "css/elsewhere").symlink_to(tmp_path)
    os.mkfifo(directory / "waits.txt")
    before = tmp_path.stat().st_mode
    publish("r1")
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert secret.stat().st_nlink == 1
    assert tmp_path.stat().st_mode == before
    public = tmp_path / "releases/r1/public"
    assert names(tmp_path / "shared") == names(public) == {"css/app.css", "css/app.css.gz", "css/app.css.br"}
    assert not [path for path in public.rglob("*") if path.is_symlink()]


def test_static_files_that_are_a_link_themselves_are_refused(
    publish: Callable[..., dict], release: Callable[..., Path], tmp_path: Path
) -> None:
    elsewhere = release("r1", {"app.css": TEXT})
    elsewhere.chmod(0o700)
    (tmp_path / "releases/r2").mkdir()
    (tmp_path / "releases/r2/static").symlink_to(elsewhere)
    with pytest.raises(OSError):
        publish("r2")
    assert stat.S_IMODE(elsewhere.stat().st_mode) == 0o700


def test_the_application_finds_its_files_where_it_wrote_them(
    publish: Callable[..., dict], release: Callable[..., Path], tmp_path: Path
) -> None:
    directory = release("r1", {"staticfiles.json": "{}"})
    publish("r1")
    assert (directory / "staticfiles.json").read_text() == "{}"
    assert directory.resolve() == tmp_path / "releases/r1/public"


def test_what_did_not_change_is_taken_over_and_not_compressed_again(
    publish: Callable[..., dict], release: Callable[..., Path]
) -> None:
    files = {"same.css": TEXT, "changed.css": TEXT, "same.png": b"picture"}
    old = release("r1", files)
    os.utime(old / "same.css", (1_700_000_000, 1_700_000_000))
    publish("r1")
    new = release("r2", {**files, "changed.css": TEXT + "b {}", "new.css": TEXT})
    answer = publish("r2")
    assert (answer["files"], answer["unchanged"], answer["compressed"]) == (4, 2, 2)
    for name in ("same.css", "same.css.gz", "same.css.br", "same.png"):
        assert (new / name).samefile(old / name), "it takes no room a second time"
    # Browsers that hold it find it unchanged: the same time and size give the same ETag.
    assert (new / "same.css").stat().st_mtime == 1_700_000_000
    assert not (new / "changed.css").samefile(old / "changed.css")
    assert gzip.decompress((new / "changed.css.gz").read_bytes()).decode() == TEXT + "b {}"
    assert (old / "changed.css").read_text() == TEXT


def test_a_kept_link_is_never_taken_over(
    publish: Callable[..., dict], release: Callable[..., Path], tmp_path: Path
) -> None:
    (tmp_path / "secret.css").write_text(TEXT)
    directory = release("r1", {"app.css": TEXT})
    (tmp_path / "shared" / "app.css").symlink_to(tmp_path / "secret.css")
    publish("r1")
    assert not (directory / "app.css").samefile(tmp_path / "secret.css")
    assert (tmp_path / "secret.css").stat().st_nlink == 1
