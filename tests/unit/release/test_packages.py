"""What requirements of every kind become in a layer. uv builds it; nothing here asks a package index, unless it is marked."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.django_ec2.site.plugins.plugin_utils.release import build as release
from ansible_collections.django_ec2.site.plugins.plugin_utils.release import requirements, uv
from ansible_collections.django_ec2.site.plugins.plugin_utils.release.recipe import Recipe, ReleaseError, Target

from .libraries import library

TARGET = Target(python="3.13", platform="x86_64-manylinux_2_28")
SITE = "lib/python3.13/site-packages"
GIT = ("git", "-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "protocol.file.allow=always")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a library beside it."""
    source = tmp_path / "project"
    library(source / "lib")
    (source / "manage.py").write_text("print('manage')\n")
    return source


def recipe(source: Path, **changes: Any) -> Recipe:
    return Recipe(**{"name": "shop", "source": source, "requirements": None, "packages": ("./lib",), **changes})


def names(result: dict[str, object]) -> list[str]:
    with tarfile.open(str(result["layer_archive"])) as tar:
        return tar.getnames()


def git(place: Path, *words: str) -> None:
    subprocess.run([*GIT, "-C", str(place), *words], check=True, capture_output=True)


def committed(place: Path) -> Path:
    git(place, "init", "--quiet", "--initial-branch", "main")
    git(place, "add", ".")
    git(place, "commit", "--quiet", "--message", "x")
    return place


@pytest.mark.parametrize("line", ["-e ./lib", "--editable=./lib", "-e lib", "greetings @ ./lib", "./lib"])
def test_a_library_beside_the_project_becomes_a_package_like_any_other(
    project: Path, tmp_path: Path, line: str
) -> None:
    (project / "requirements").mkdir()
    (project / "requirements/prod.txt").write_text(f"{line}\n")
    result = release.build(
        recipe(project, requirements=("requirements/prod.txt",), packages=()), TARGET, tmp_path / "build"
    )
    assert result["packages"] == ["greetings==1.0"]
    found = names(result)
    assert f"{SITE}/greetings/__init__.py" in found
    assert [name for name in found if name.endswith((".pth", "direct_url.json", "uv_cache.json"))] == []


def test_a_library_gives_the_same_layer_wherever_and_whenever_it_is_built(project: Path, tmp_path: Path) -> None:
    (project / "requirements.txt").write_text("-e ./lib\n")
    one = release.build(recipe(project), TARGET, tmp_path / "one")
    elsewhere = Path(shutil.copytree(project, tmp_path / "elsewhere"))
    for path in elsewhere.rglob("*"):
        os.utime(path, (1, 1))
    two = release.build(recipe(elsewhere), TARGET, tmp_path / "two")
    assert (one["layer"], one["release"]) == (two["layer"], two["release"])


def test_members_of_a_workspace_become_packages(project: Path, tmp_path: Path) -> None:
    shutil.copytree(project / "lib", project / "packages/greetings")
    (project / "pyproject.toml").write_text(
        '[project]\nname = "shop"\nversion = "0"\nrequires-python = ">=3.11"\ndependencies = ["greetings"]\n'
        '[tool.uv.sources]\ngreetings = { workspace = true }\n[tool.uv.workspace]\nmembers = ["packages/*"]\n'
    )
    program = str(Path(sys.executable).with_name("uv"))
    subprocess.run([program, "lock", "--quiet", "--offline"], cwd=project, check=True, timeout=60)
    for given in (None, ("pyproject.toml",)):
        result = release.build(recipe(project, requirements=given, packages=()), TARGET, tmp_path / "build")
        assert result["packages"] == ["greetings==1.0"]
        assert f"{SITE}/greetings/__init__.py" in names(result)
        # A changed library is a changed layer, though no requirement file changed.
        texts = requirements.texts_of(
            project, requirements.requirement_files(recipe(project, requirements=given), project)
        )
        assert requirements.uses_the_source(recipe(project), project, texts)


def test_commands_of_the_build_find_the_packages_of_the_release(project: Path, tmp_path: Path) -> None:
    (project / "make.py").write_text("import greetings\nopen('bundle.js', 'w').write(greetings.hello())\n")
    commands = ("python make.py", "greetings", "rm make.py")
    result = release.build(recipe(project, build_commands=commands), TARGET, tmp_path / "build")
    with tarfile.open(str(result["archive"])) as tar:
        assert tar.extractfile("app/bundle.js").read() == b"hello from greetings"  # type: ignore[union-attr]
        assert "app/make.py" not in tar.getnames()


def test_commands_that_need_no_package_run_where_none_can_be_installed(project: Path, tmp_path: Path) -> None:
    """What the build itself writes may be what names the packages."""
    given = recipe(project, requirements=("made.txt",), build_commands=("cp list made.txt",), packages=())
    (project / "list").write_text("./lib\n")
    assert release.build(given, TARGET, tmp_path / "build")["packages"] == ["greetings==1.0"]
    with pytest.raises(ReleaseError) as caught:
        release.build(
            recipe(project, requirements=("made.txt",), build_commands=("false",)), TARGET, tmp_path / "build"
        )
    message = str(caught.value)
    assert "build_commands: 'false' failed with 1" in message
    assert "The packages of the release were not there for it: " in message
    assert "'made.txt' is not in" in message


def test_a_python_that_the_controller_lacks_is_told_with_the_command_that_fails(project: Path, tmp_path: Path) -> None:
    given = recipe(project, build_commands=("python -c 'raise SystemExit(1)'",))
    with pytest.raises(ReleaseError, match=r"no 3\.99, which the hosts have: 'uv python install 3\.99' brings it"):
        release.build(given, Target("3.99", TARGET.platform), tmp_path / "build")


def test_what_a_command_lacks_is_told_with_the_python_that_would_bring_it(project: Path, tmp_path: Path) -> None:
    (project / "requirements.txt").write_text("./new ; python_version < '3.99'\n")
    given = recipe(project, build_commands=("false",), packages=())
    library(project / "new", "new")
    with (project / "new/pyproject.toml").open("a") as table:
        table.write('requires-python = ">=3.99"\n')
    with pytest.raises(ReleaseError) as caught:
        release.build(given, Target("3.99", TARGET.platform), tmp_path / "build")
    message = str(caught.value)
    assert "The packages of the release were not there for it: " in message
    assert "'uv python install 3.99' brings it" in message


def test_a_requirement_in_a_private_repository_gets_the_deploy_key(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream = committed(library(tmp_path / "upstream"))
    key = tmp_path / "key"
    key.write_text("private\n")
    # In ssh's place: it notes its words, and runs here what a server would.
    (tmp_path / "bin").mkdir()
    ssh = tmp_path / "bin/ssh"
    ssh.write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >> {tmp_path}/asked\nfor last; do :; done\nexec sh -c "$last"\n')
    ssh.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("GIT_SSH_COMMAND", raising=False)
    (project / "requirements.txt").write_text(f"greetings @ git+ssh://git@git.test{upstream}\n")
    result = release.build(recipe(project, deploy_key=str(key), packages=()), TARGET, tmp_path / "build")
    assert result["packages"] == ["greetings==1.0"]
    assert all(f"-i {key} -o IdentitiesOnly=yes" in line for line in (tmp_path / "asked").read_text().splitlines())
    with pytest.raises(ReleaseError, match=r"applications\.shop: deploy_key: .* is no file on this controller"):
        release.build(recipe(project, deploy_key="/absent"), TARGET, tmp_path / "other")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("error: Failed to download and build `psycopg2==2.9.10`\n  cause: The built", "{psycopg2: psycopg2-binary}"),
        ("error: Failed to build `psycopg-c==3.3.8`", "{psycopg-c: psycopg[binary]}"),
        ("error: Failed to build `mysqlclient==2.2.7`", "{mysqlclient: <another package>}"),
        ("  cause: Git operation failed", "give deploy_key"),
    ],
)
def test_a_failure_of_uv_is_told_with_a_remedy(said: str, told: str) -> None:
    assert told in uv.remedy(said)
    assert uv.remedy("No solution found when resolving dependencies") == ""


def test_what_takes_the_place_of_a_requirement() -> None:
    replaced = {
        "psycopg2": "psycopg2-binary>=2.9",
        "uwsgi": "",
        "Django": "django==5.2.1",
        "typing.ext": "typing_ext<2",
    }
    assert uv.override_lines(replaced) == (
        ["django==5.2.1", "psycopg2 ; sys_platform == 'never'", "typing_ext<2", "uwsgi ; sys_platform == 'never'"],
        ["psycopg2-binary>=2.9"],
    )


def test_another_python_than_the_hosts_is_refused_with_a_key_to_go_on(project: Path, tmp_path: Path) -> None:
    (project / "pyproject.toml").write_text('[project]\nname = "shop"\nversion = "0"\nrequires-python = "==3.12.*"\n')
    with pytest.raises(ReleaseError) as caught:
        release.build(recipe(project, requirements=()), TARGET, tmp_path / "build")
    message = str(caught.value)
    assert "applications.shop asks for Python ==3.12.* in pyproject.toml, and the hosts have 3.13" in message
    assert "ignore_requires_python: true" in message
    for given in ((), ("pyproject.toml",)):
        one = recipe(project, requirements=given, ignore_requires_python=True)
        assert release.build(one, TARGET, tmp_path / "build")["packages"] == ["greetings==1.0"]


@pytest.mark.network
@pytest.mark.usefixtures("index")
def test_psycopg2_is_replaced_by_the_one_that_has_wheels(project: Path, tmp_path: Path) -> None:
    (project / "requirements.txt").write_text("psycopg2==2.9.11\n")
    with pytest.raises(
        ReleaseError, match=r"applications\.shop: .*(?s:.*)replace_packages: \{psycopg2: psycopg2-binary\}"
    ):
        release.build(recipe(project), TARGET, tmp_path / "build")
    given = recipe(project, replace_packages=(("psycopg2", "psycopg2-binary==2.9.11"),), packages=())
    result = release.build(given, TARGET, tmp_path / "build")
    assert result["packages"] == ["psycopg2_binary==2.9.11"]
    assert f"{SITE}/psycopg2/__init__.py" in names(result)
