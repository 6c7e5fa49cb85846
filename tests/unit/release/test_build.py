"""Building a release: named by its content, the same bytes from the same input, and refusals that say what to do.

Most tests put packages in place without uv; those marked ``network`` install a few small ones for real.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.django_ec2.site.plugins.action import release_build as action_release_build
from ansible_collections.django_ec2.site.plugins.plugin_utils.release import archive as release_archive
from ansible_collections.django_ec2.site.plugins.plugin_utils.release import build as release
from ansible_collections.django_ec2.site.plugins.plugin_utils.release import build_commands, store
from ansible_collections.django_ec2.site.plugins.plugin_utils.release import layer as release_layer
from ansible_collections.django_ec2.site.plugins.plugin_utils.release import source as release_source
from ansible_collections.django_ec2.site.plugins.plugin_utils.release.prune import prune
from ansible_collections.django_ec2.site.plugins.plugin_utils.release.recipe import Recipe, ReleaseError, Target

TARGET = Target(python="3.13", platform="x86_64-manylinux_2_28")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A small project without git."""
    source = tmp_path / "project"
    (source / "shop").mkdir(parents=True)
    (source / "manage.py").write_text("print('manage')\n")
    (source / "manage.py").chmod(0o755)
    (source / "shop" / "wsgi.py").write_text("application = None\n")
    (source / "requirements.txt").write_text("django\n")
    return source


def recipe(source: Path | str, **changes: Any) -> Recipe:
    given = {"name": "shop", "source": source, "requirements": ("requirements.txt",), "packages": ("pyuwsgi==2.0.30",)}
    return Recipe(**{**given, **changes})


@pytest.fixture
def uv(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """A stand-in for uv: places a package in the target and remembers what it was asked."""
    asked: list[list[str]] = []

    def run(_recipe: Recipe, words: list[str], cwd: Path, _git: dict[str, str]) -> str:
        asked.append(words)
        site = Path(words[words.index("--target") + 1])
        (site / "django").mkdir(parents=True)
        (site / "django" / "__init__.py").write_text("VERSION = 5\n")
        (site / "django" / "__pycache__").mkdir()
        (site / "django" / "__pycache__" / "x.pyc").write_bytes(os.urandom(8))
        (site / "Django-5.2.dist-info").mkdir()
        (site / "bin").mkdir()
        (site / "bin" / "django-admin").write_text(f"#!{sys.executable}\n")
        (site / ".lock").touch()
        assert cwd.is_dir()
        return ""

    monkeypatch.setattr(release_layer, "run_uv", run)
    monkeypatch.setattr(build_commands, "run_uv", lambda *_given: "")
    return asked


def members(archive: str) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(archive) as tar:
        return {info.name: info for info in tar.getmembers()}


SITE = "lib/python3.13/site-packages"


@pytest.mark.usefixtures("uv")
def test_what_is_in_a_release(project: Path, tmp_path: Path) -> None:
    result = release.build(recipe(project), TARGET, tmp_path / "build")
    assert result["built"] is True
    assert result["packages"] == ["Django==5.2"]
    assert result["size"] == Path(str(result["archive"])).stat().st_size
    found = members(str(result["archive"]))
    assert {name for name, info in found.items() if info.isreg()} == {
        "app/manage.py", "app/requirements.txt", "app/shop/wsgi.py", "release.json",
    }  # fmt: skip
    layer = members(str(result["layer_archive"]))
    assert {name for name, info in layer.items() if info.isreg()} == {
        f"{SITE}/django/__init__.py", "bin/django-admin", "layer.json",
    }  # fmt: skip
    for one in (found, layer):
        assert {(info.uid, info.gid, info.uname, info.mtime) for info in one.values()} == {(0, 0, "root", 315532800)}
    assert oct(found["app/manage.py"].mode) == "0o755"
    assert oct(found["app/shop/wsgi.py"].mode) == "0o644"
    with tarfile.open(str(result["archive"])) as tar:
        description = json.load(tar.extractfile("release.json"))  # type: ignore[arg-type]
    assert (description["release"], description["layer"]) == (result["release"], result["layer"])
    assert (description["application"], description["python"]) == ("shop", "3.13")
    assert description["input_key"] == result["input_key"]
    with tarfile.open(str(result["layer_archive"])) as tar:
        described = json.load(tar.extractfile("layer.json"))  # type: ignore[arg-type]
    assert (described["layer"], described["packages"]) == (result["layer"], ["Django==5.2"])


@pytest.mark.usefixtures("uv")
def test_the_same_input_gives_the_same_name_and_the_same_bytes(project: Path, tmp_path: Path) -> None:
    one = release.build(recipe(project), TARGET, tmp_path / "one")
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(project, elsewhere)
    os.utime(elsewhere / "manage.py", (1, 1))
    (elsewhere / "shop" / "wsgi.py").chmod(0o600)
    before = os.umask(0o077)
    two = release.build(recipe(elsewhere), TARGET, tmp_path / "two")
    os.umask(before)
    assert (one["release"], one["input_key"]) == (two["release"], two["input_key"])
    for name in ("archive", "layer_archive"):
        assert Path(str(one[name])).read_bytes() == Path(str(two[name])).read_bytes()
    assert gzip.decompress(Path(str(one["archive"])).read_bytes())


def _edit(source: Path) -> None:
    (source / "shop" / "wsgi.py").write_text("application = 1\n")


def _rename(source: Path) -> None:
    (source / "shop" / "wsgi.py").rename(source / "shop" / "wsgi2.py")


def _add(source: Path) -> None:
    (source / "new.txt").touch()


def _make_executable(source: Path) -> None:
    (source / "shop" / "wsgi.py").chmod(0o755)


def _link(source: Path) -> None:
    (source / "link").symlink_to("shop")


@pytest.mark.usefixtures("uv")
@pytest.mark.parametrize("change", [_edit, _rename, _add, _make_executable, _link])
def test_a_changed_source_has_another_name(project: Path, tmp_path: Path, change: Callable[[Path], None]) -> None:
    before = release.build(recipe(project), TARGET, tmp_path / "build")
    change(project)
    after = release.build(recipe(project), TARGET, tmp_path / "build")
    assert after["release"] != before["release"]
    assert after["input_key"] != before["input_key"]
    assert after["layer"] == before["layer"], "its packages are the same"


@pytest.mark.usefixtures("uv")
def test_another_target_has_another_name(project: Path, tmp_path: Path) -> None:
    targets = [TARGET, Target("3.11", TARGET.platform), Target("3.13", "aarch64-manylinux_2_28")]
    assert len({release.build(recipe(project), target, tmp_path)["release"] for target in targets}) == 3


def test_a_release_that_is_there_is_found_without_uv(project: Path, tmp_path: Path, uv: list[list[str]]) -> None:
    first = release.build(recipe(project), TARGET, tmp_path)
    again = release.build(recipe(project), TARGET, tmp_path)
    assert len(uv) == 1
    assert again == {**first, "built": False}
    Path(str(first["archive"])).unlink()
    assert release.build(recipe(project), TARGET, tmp_path)["built"] is True


def key(source: Path, directory: Path, **changes: Any) -> str:
    return release.input_key(recipe(source, **changes), TARGET, directory)["input_key"]


def test_the_input_key_is_known_before_anything_is_built(project: Path, tmp_path: Path, uv: list[list[str]]) -> None:
    said = key(project, tmp_path)
    assert uv == []
    assert release.build(recipe(project), TARGET, tmp_path)["input_key"] == said
    others = [
        key(project, tmp_path, packages=("pyuwsgi==1",)),
        key(project, tmp_path, requirements=()),
        key(project, tmp_path, extras=("web",)),
        key(project, tmp_path, replace_packages=(("psycopg2", "psycopg2-binary"),)),
        key(project, tmp_path, build_commands=("true",)),
        key(project, tmp_path, release_commands=("check",)),
        key(project, tmp_path, support=tmp_path / "project"),
        key(project, tmp_path, name="other"),
    ]
    assert len({said, *others}) == len(others) + 1


def converging(
    source: Path | str, directory: Path, live_source: str, keep: bool = False, **changes: Any
) -> dict[str, Any]:
    return release.input_key(recipe(source, **changes), TARGET, directory, live_source, keep)


def test_a_directory_that_was_edited_leaves_the_live_release(project: Path, tmp_path: Path) -> None:
    directory = tmp_path / "k"
    live = release_source.identified(str(project), "", "", directory).digest
    before = converging(project, directory, live)
    assert (before["moves"], before["differs"]) == (False, "")
    _edit(project)
    after = converging(project, directory, live)
    assert (after["moves"], after["input_key"]) == (False, before["input_key"])
    assert after["differs"] == f"{project} has changed since the live release was made from it"
    # A deploy, and the first one.
    assert converging(project, directory, "")["moves"] is True
    assert converging(project, directory, "")["input_key"] != before["input_key"]


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_a_branch_that_went_on_leaves_the_live_release_and_an_exact_version_does_not(
    project: Path, tmp_path: Path
) -> None:
    def git(*words: str) -> str:
        command = ["git", "-C", str(project), "-c", "user.name=a", "-c", "user.email=a@example.org", *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "--quiet", "--initial-branch", "main")
    git("add", ".")
    git("commit", "--quiet", "--message", "one")
    first = git("rev-parse", "HEAD")
    git("commit", "--quiet", "--message", "two", "--allow-empty")
    git("tag", "v2")
    second, directory, url = git("rev-parse", "HEAD"), tmp_path / "k", f"file://{project}"
    for version, words in (("main", "main of"), ("", "the default branch of")):
        said = converging(url, directory, f"git {first}", version=version)
        assert said["differs"] == f"{words} {url} is at {second[:12]}, and the live release is from {first[:12]}"
        assert (said["moves"], said["commit"]) == (False, first)
        assert converging(url, directory, f"git {second}", version=version)["differs"] == ""
    for version in ("v2", second, second[:10], "refs/tags/v2"):
        assert converging(url, directory, f"git {first}", version=version)["moves"] is True
        # A rotation of passwords moves nothing.
        kept = converging(url, directory, f"git {first}", keep=True, version=version)
        assert (kept["moves"], kept["commit"]) == (False, first)
    assert "made from another source" in converging(url, directory, "0123abcd", version="main")["differs"]


def test_what_came_from_a_host_is_found_as_if_it_had_been_built(
    project: Path, tmp_path: Path, uv: list[list[str]]
) -> None:
    built = release.build(recipe(project), TARGET, tmp_path / "elsewhere")
    kept = tmp_path / "here" / "shop"
    for kind, path in (("layer", built["layer_archive"]), ("release", built["archive"])):
        with tarfile.open(path) as archive, store.receiving(kept) as partial:
            described = archive.extractfile(f"{kind}.json")
            assert described
            shutil.copy(path, partial)
            keep = store.keep_layer if kind == "layer" else store.keep_release
            keep(kept, json.load(described), partial)
    calls = len(uv)
    found = release.build(recipe(project), TARGET, tmp_path / "here")
    assert found["built"] is False
    assert {key: found[key] for key in ("release", "layer")} == {key: built[key] for key in ("release", "layer")}
    assert Path(found["archive"]).read_bytes() == Path(built["archive"]).read_bytes()
    # Another source on the same packages resolves nothing.
    _edit(project)
    release.build(recipe(project), TARGET, tmp_path / "here")
    assert len(uv) == calls


def test_the_id_comes_from_what_was_built(project: Path, tmp_path: Path, uv: list[list[str]]) -> None:
    """A build command that writes something else makes another release of the same input."""
    stamp = tmp_path / "stamp"
    commands = (f"cp {stamp} bundle.js",)
    ids = []
    for text in ("one", "two", "one"):
        stamp.write_text(text)
        result = release.build(recipe(project, build_commands=commands), TARGET, tmp_path / "build", rebuild=True)
        ids.append(result["release"])
    assert ids[0] == ids[2] != ids[1]
    assert len(uv) == 3, "a rebuild resolves its packages anew"


def test_packages_are_resolved_when_what_names_them_changes(project: Path, tmp_path: Path, uv: list[list[str]]) -> None:
    (project / "requirements.txt").write_text("-r base.txt\n")
    (project / "base.txt").write_text("django\n")

    def build() -> int:
        release.build(recipe(project), TARGET, tmp_path / "build")
        return len(uv)

    assert build() == 1
    (project / "manage.py").write_text("print(2)\n")
    assert build() == 1
    (project / "base.txt").write_text("django<6\n")
    assert build() == 2, "a file that another one includes"
    (project / "base.txt").write_text("django<6\n./vendored\n")
    assert build() == 3
    (project / "manage.py").write_text("print(3)\n")
    assert build() == 4, "a package that lies in the source may have changed with it"


def test_a_layer_that_the_hosts_have_is_not_built(project: Path, tmp_path: Path, uv: list[list[str]]) -> None:
    first = release.build(recipe(project), TARGET, tmp_path / "one")
    known = {str(first["layer_key"]): {"layer": first["layer"], "packages": first["packages"]}}
    (project / "manage.py").write_text("print(2)\n")
    # Another controller, whose cache is empty.
    second = release.build(recipe(project), TARGET, tmp_path / "two", known)
    assert len(uv) == 1
    assert (second["layer"], second["layer_archive"], second["packages"]) == (first["layer"], "", ["Django==5.2"])
    assert second["release"] != first["release"]
    # A host without it asks for the archive after all.
    third = release.build(recipe(project), TARGET, tmp_path / "two", {})
    assert (third["release"], third["built"]) == (second["release"], True)
    assert Path(str(third["layer_archive"])).is_file()


def test_other_requirements_are_resolved_anew(project: Path, tmp_path: Path, uv: list[list[str]]) -> None:
    release.build(recipe(project), TARGET, tmp_path)
    release.build(recipe(project, packages=("pyuwsgi==2.0.31",)), TARGET, tmp_path)
    assert len(uv) == 2
    assert uv[1][-1] == "pyuwsgi==2.0.31"


def test_uv_is_asked_for_the_target_and_never_for_uwsgi(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(_recipe: Recipe, words: list[str], *_given: object) -> str:
        given = dict(pairwise(words))
        assert (given["--python-version"], given["--python-platform"]) == ("3.13", "x86_64-manylinux_2_28")
        assert Path(given["--overrides"]).read_text() == "uwsgi ; sys_platform == 'never'\n"
        assert "--no-config" in words
        return ""

    monkeypatch.setattr(release_layer, "run_uv", run)
    release.build(recipe(project), TARGET, tmp_path / "build")


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_what_git_ignores_is_left_out_and_what_is_new_is_not(project: Path) -> None:
    git = ["git", "-C", str(project), "-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run([*git, "init", "--quiet"], check=True)
    (project / ".gitignore").write_text("*.log\n/media/\n.env\n")
    (project / "gone.py").touch()
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "--quiet", "--message", "x"], check=True)
    (project / "gone.py").unlink()
    (project / "media").mkdir()
    for name in ("debug.log", ".env", "media/upload.png", "not-added-yet.py"):
        (project / name).touch()
    names = {path.relative_to(project).as_posix() for path in release_source.files_of(project)}
    assert names == {".gitignore", "manage.py", "requirements.txt", "shop/wsgi.py", "not-added-yet.py"}
    below = {path.relative_to(project / "shop").as_posix() for path in release_source.files_of(project / "shop")}
    assert below == {"wsgi.py"}


def test_without_git_caches_are_left_out_and_links_are_kept(project: Path) -> None:
    for name in ("__pycache__", ".git", "node_modules", ".venv"):
        (project / name).mkdir()
        (project / name / "x").touch()
    (project / "old.pyc").touch()
    (project / "to-a-directory").symlink_to("shop")
    (project / "to-nothing").symlink_to("absent")
    names = {path.relative_to(project).as_posix() for path in release_source.files_of(project)}
    assert names == {"manage.py", "requirements.txt", "shop/wsgi.py", "to-a-directory", "to-nothing"}


@pytest.mark.usefixtures("uv")
def test_links_travel_as_links(project: Path, tmp_path: Path) -> None:
    (project / "to-a-directory").symlink_to("shop")
    found = members(str(release.build(recipe(project), TARGET, tmp_path / "build")["archive"]))
    assert found["app/to-a-directory"].linkname == "shop"


def test_two_names_of_one_file_are_two_files_in_the_archive(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "a").write_text("text")
    os.link(tmp_path / "tree" / "a", tmp_path / "tree" / "b")
    release_archive.write(tmp_path / "tree", tmp_path / "x.tar.gz")
    assert {name: info.size for name, info in members(str(tmp_path / "x.tar.gz")).items()} == {"a": 4, "b": 4}


def test_a_missing_source_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match="is no directory: give an existing one"):
        release.build(recipe(tmp_path / "absent"), TARGET, tmp_path / "build")


def test_an_empty_source_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ReleaseError, match=r"holds no file: give the directory of manage\.py"):
        release.build(recipe(tmp_path / "empty"), TARGET, tmp_path / "build")


@pytest.mark.usefixtures("uv")
def test_a_missing_requirements_file_is_refused_with_the_remedy(project: Path, tmp_path: Path) -> None:
    with pytest.raises(ReleaseError) as caught:
        release.build(recipe(project, requirements=("requirements/prod.txt",)), TARGET, tmp_path / "build")
    message = str(caught.value)
    assert "applications.shop: the requirements file 'requirements/prod.txt' is not in" in message
    assert "set it to []" in message


def extensions(site: Path, *names: str) -> None:
    for name in names:
        (site / "fast").mkdir(parents=True, exist_ok=True)
        (site / "fast" / name).touch()


@pytest.mark.parametrize(
    "name",
    [
        "_x.cpython-311-x86_64-linux-gnu.so",
        "_x.cpython-313t-x86_64-linux-gnu.so",
        "_x.cpython-313-aarch64-linux-gnu.so",
        "_x.pypy39-pp73-x86_64-linux-gnu.so",
    ],
)
def test_an_extension_for_another_python_or_machine_is_refused(tmp_path: Path, name: str) -> None:
    extensions(tmp_path, name)
    with pytest.raises(ReleaseError) as caught:
        release_layer.check_extensions(tmp_path, TARGET)
    message = str(caught.value)
    assert f"fast ({name})" in message
    assert "3.13" in message
    remedies = ("replace_packages: {fast: <another package>}", "pin a version", "on a machine of the hosts' Debian")
    assert all(remedy in message for remedy in remedies)


def test_extensions_of_the_target_are_accepted(tmp_path: Path) -> None:
    extensions(
        tmp_path,
        "_a.cpython-313-x86_64-linux-gnu.so",
        "_b.abi3.so",
        "_c.cpython-313.so",
        "libplain.so",
        "libssl-1a2b.so.3",
    )
    release_layer.check_extensions(tmp_path, TARGET)


@pytest.mark.usefixtures("uv")
def test_a_refused_build_leaves_nothing_behind(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_site: Path, _target: Target) -> None:
        raise ReleaseError("no")

    monkeypatch.setattr(release_layer, "check_extensions", refuse)
    with pytest.raises(ReleaseError):
        release.build(recipe(project), TARGET, tmp_path / "build")
    assert [path.name for path in (tmp_path / "build" / "shop").rglob("*") if not path.is_dir()] == [".lock"]
    assert [path.name for path in (tmp_path / "build" / "shop").rglob(".build-*")] == []


def test_builds_of_one_application_wait_for_each_other(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_work, most = 0, 0

    def run(*_given: object) -> str:
        nonlocal at_work, most
        at_work += 1
        most = max(most, at_work)
        time.sleep(0.2)
        at_work -= 1
        return ""

    monkeypatch.setattr(release_layer, "run_uv", run)
    results: list[dict[str, object]] = []
    threads = [
        threading.Thread(target=lambda: results.append(release.build(recipe(project), TARGET, tmp_path / "build")))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
    assert sorted(bool(result["built"]) for result in results) == [False, False, False, True]
    assert len({result["release"] for result in results}) == 1


def test_uv_that_is_not_there_says_what_to_do(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ReleaseError, match="run 'make venv'"):
        release.build(recipe(project), TARGET, tmp_path / "build")


def test_an_answer_changes_no_host_and_a_refusal_is_one(project: Path, tmp_path: Path, uv: list[list[str]]) -> None:
    action = action_release_build
    given = {name: option.get("default") for name, option in action.OPTIONS.items()}
    given |= {"name": "shop", "python": "3.13", "platform": TARGET.platform, "directory": str(tmp_path / "build")}
    answer = action.answer({**given, "source": str(project), "requirements": ["requirements.txt"]})
    assert (answer["changed"], answer["built"], len(uv)) == (False, True, 1)
    answer = action.answer({**given, "source": str(tmp_path / "absent")})
    assert answer["failed"] is True
    assert "is no directory" in answer["msg"]


BUILD = """
- hosts: localhost
  gather_facts: false
  tasks:
    - django_ec2.site.release_build:
        name: shop
        source: "{{ source }}"
        requirements: []
        packages: [six==1.17.0]
        python: "3.13"
        platform: x86_64-manylinux_2_28
        directory: "{{ builds }}"
      register: built
    - ansible.builtin.debug:
        msg: "made {{ built.release }} {{ built.built }}"
"""


@pytest.mark.network
@pytest.mark.usefixtures("index")
def test_the_action_changes_no_host_and_reports_refusals(project: Path, tmp_path: Path) -> None:
    (tmp_path / "build.yml").write_text(BUILD)

    def run(source: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [Path(sys.executable).with_name("ansible-playbook"), "-i", "localhost,", "-c", "local", str(tmp_path / "build.yml"),
             "--check", "-e", f"source={source}", "-e", f"builds={tmp_path / 'builds'}"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    done = run(project)
    assert re.search(r"made [0-9a-f]{12} True", done.stdout), done.stdout
    assert "changed=0" in done.stdout
    assert re.search(r"made [0-9a-f]{12} False", run(project).stdout)
    refused = run(tmp_path / "absent")
    assert refused.returncode != 0
    assert "is no directory" in " ".join(refused.stdout.split())


@pytest.mark.network
@pytest.mark.usefixtures("index")
def test_real_packages_are_built_for_another_python_with_pyuwsgi_for_uwsgi(tmp_path: Path) -> None:
    source = tmp_path / "project"
    source.mkdir()
    # markupsafe has an extension module for each Python, uwsgi exists as source alone.
    (source / "requirements.txt").write_text("markupsafe==3.0.2\nuWSGI==2.0.30\n")
    given = recipe(source, packages=("pyuwsgi==2.0.30.post1",))
    result = release.build(given, TARGET, tmp_path / "one")
    assert result["packages"] == ["MarkupSafe==3.0.2", "pyuwsgi==2.0.30.post1"]
    names = members(str(result["layer_archive"]))
    assert f"{SITE}/markupsafe/_speedups.cpython-313-x86_64-linux-gnu.so" in names
    assert "bin/uwsgi" in names
    again = release.build(given, TARGET, tmp_path / "two")
    for name in ("archive", "layer_archive"):
        assert Path(str(again[name])).read_bytes() == Path(str(result[name])).read_bytes()


@pytest.mark.network
@pytest.mark.usefixtures("index")
def test_what_a_lock_of_uv_pins_is_installed_with_the_chosen_extras_and_groups(tmp_path: Path) -> None:
    source = tmp_path / "project"
    source.mkdir()
    (source / "manage.py").touch()
    table = """[project]
name = "shop"
version = "1"
requires-python = ">=3.11"
dependencies = ["six>=1.16,<{limit}"]
optional-dependencies = {{ web = ["idna"] }}

[dependency-groups]
dev = ["toml"]
prod = ["sqlparse"]
"""
    lock = [str(Path(sys.executable).with_name("uv")), "lock", "--quiet", "--no-config"]
    (source / "pyproject.toml").write_text(table.format(limit="1.17"))
    subprocess.run(lock, cwd=source, check=True, timeout=120)
    # The lock decides, whatever else the project would allow.
    (source / "pyproject.toml").write_text(table.format(limit="2"))
    given = recipe(source, requirements=None, packages=(), extras=("web", "prod"))
    result = release.build(given, TARGET, tmp_path / "build")
    names = [str(one).split("==")[0] for one in result["packages"]]
    assert names == ["idna", "six", "sqlparse"]
    assert "six==1.16.0" in result["packages"]


@pytest.mark.network
@pytest.mark.usefixtures("index")
def test_a_package_that_does_not_exist_is_named(project: Path, tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match=r"(?s)the packages cannot be installed: .*six"):
        release.build(recipe(project, requirements=(), packages=("six==99.0",)), TARGET, tmp_path / "build")


# Systems that no lab host runs, so nothing else builds for their Python; each on one of the machines that EC2 has.
UNTRIED = [("3.12", "x86_64"), ("3.14", "aarch64")]


@pytest.mark.network
@pytest.mark.usefixtures("index")
@pytest.mark.parametrize(("python", "machine"), UNTRIED)
def test_a_small_tree_is_built_for_the_python_of_untested_systems(tmp_path: Path, python: str, machine: str) -> None:
    source = tmp_path / "project"
    source.mkdir()
    (source / "requirements.txt").write_text("markupsafe==3.0.3\npsycopg[binary]==3.3.2\n")
    given = recipe(source, packages=("pyuwsgi==2.0.30.post1",))
    names = members(
        str(release.build(given, Target(python, f"{machine}-manylinux_2_28"), tmp_path / "build")["layer_archive"])
    )
    site = f"lib/python{python}/site-packages"
    tag = f"cpython-{python.replace('.', '')}-{machine}-linux-gnu.so"
    assert f"{site}/markupsafe/_speedups.{tag}" in names
    assert f"{site}/pyuwsgi.{tag}" in names, "uWSGI comes as a wheel"
    assert any(name.startswith(f"{site}/psycopg_binary/") and name.endswith(tag) for name in names)
    assert "bin/uwsgi" in names


def test_there_is_a_build_for_the_python_of_every_system(root: Path) -> None:
    files = (root / "roles" / "django" / "vars").glob("*_*.yml")
    pythons = {path.stem: yaml.safe_load(path.read_text())["__django_system"]["python"] for path in files}
    untried = {python for system, python in pythons.items() if not system.startswith("Debian_")}
    assert untried == {python for python, _ in UNTRIED}
    assert pythons["Debian_13"] == TARGET.python


def test_the_last_builds_are_kept_with_their_layers(project: Path, tmp_path: Path, uv: list[list[str]]) -> None:
    kept = tmp_path / "k" / "shop"
    built = []
    for number in range(4):
        (project / "requirements.txt").write_text(f"django=={number}\n")
        built.append(release.build(recipe(project), TARGET, tmp_path / "k"))
        # Files of one moment have no order.
        os.utime(kept / f"{built[-1]['input_key']}.json", (number, number))
    assert len(uv) == 4
    (kept / ".build-killed").mkdir()
    os.utime(kept / ".build-killed", (0, 0))
    (kept / "layers/gone.tar.gz").touch()
    (kept / "layers/gone.json").write_text('{"layer": "gone"}')
    prune(kept, most=2)
    assert {path.name for path in kept.glob("*.tar.gz")} == {f"{one['release']}.tar.gz" for one in built[2:]}
    assert {path.name for path in kept.glob("layers/*.tar.gz")} == {f"{one['layer']}.tar.gz" for one in built[2:]}
    assert len(list(kept.glob("*.json"))) == 2
    assert not (kept / "layers/gone.json").exists()
    assert not (kept / ".build-killed").exists()
    assert release.build(recipe(project), TARGET, tmp_path / "k")["built"] is False


@pytest.mark.usefixtures("uv")
@pytest.mark.parametrize("git", [False, True])
def test_a_name_that_is_not_utf8_is_packed_as_it_is(project: Path, tmp_path: Path, git: bool) -> None:
    latin = os.fsdecode(b"caf\xe9.txt")
    (project / "shop" / latin).write_text("x")
    (project / "shop" / "link").symlink_to(latin)
    if git:
        for words in (
            ("init", "--quiet"),
            ("add", "."),
            ("-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "x"),
        ):
            subprocess.run(["git", "-C", str(project), *words], check=True)
    result = release.build(recipe(project), TARGET, tmp_path / "build")
    assert {f"app/shop/{latin}", "app/shop/link"} <= set(members(str(result["archive"])))


def test_builds_lie_in_the_cache_where_the_project_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert store.directory(str(tmp_path)) == str(tmp_path / "build/releases")
    # For root everything can be written; a mount that is read-only says no to root, too.
    monkeypatch.setattr(store.os, "access", lambda path, _mode: path != tmp_path)
    monkeypatch.setenv("HOME", "/home/anna")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert store.directory(str(tmp_path)) == "/home/anna/.cache/django-ec2/releases"
    monkeypatch.setenv("XDG_CACHE_HOME", "/cache")
    assert store.directory(str(tmp_path)) == "/cache/django-ec2/releases"
    (tmp_path / "build").mkdir()
    assert store.directory(str(tmp_path)) == str(tmp_path / "build/releases")
