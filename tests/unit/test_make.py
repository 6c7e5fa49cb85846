"""What make says to wrong words, and under which locale it runs."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest


def make(
    *words: str, at: Path, check: bool = False, makefile: Path | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run make with these words and variables of the environment."""
    command = ["make", *(["-f", str(makefile)] if makefile else []), *words]
    environment = {key: value for key, value in os.environ.items() if key not in ("MAKEFLAGS", "MAKELEVEL")}
    return subprocess.run(
        command, cwd=at, env={**environment, **variables}, capture_output=True, text=True, check=check, timeout=60
    )


@pytest.mark.parametrize("locale", ["C", "POSIX", "xx_YY.UTF-8"])
def test_ansible_starts_whatever_the_callers_locale_is(root: Path, locale: str) -> None:
    done = make("--eval", "version: ; @ansible --version", "version", at=root, LC_ALL=locale)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


def test_another_working_directory_is_told(root: Path, tmp_path: Path) -> None:
    done = make("url", at=tmp_path, makefile=root / "Makefile")
    assert done.returncode != 0
    assert f"run it in the repository: make -C {root} url" in done.stderr


@pytest.mark.parametrize("role", ["", "((", "ng inx", "nginx or"])
def test_what_names_no_role_is_refused_with_the_roles(root: Path, role: str) -> None:
    done = make("test-role", at=root, ROLE=role)
    assert done.returncode != 0
    assert f"ROLE='{role}' names no role" in done.stderr
    assert " nginx_full " in done.stderr


def test_a_benchmark_takes_whole_numbers(root: Path) -> None:
    done = subprocess.run(
        [str(root / ".venv/bin/python"), "-m", "tests.bench.converge"],
        cwd=root,
        env={**os.environ, "BENCH_WEB_HOSTS": "1,two"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert (
        done.stderr == "make: BENCH_WEB_HOSTS=1,two will not do: give a whole number, as in BENCH_WEB_HOSTS=1,2,10.\n"
    )


def test_a_benchmark_is_held_against_a_version_that_there_is(root: Path) -> None:
    done = subprocess.run(
        [str(root / ".venv/bin/python"), "-m", "tests.bench.deploy"],
        cwd=root,
        env={**os.environ, "BENCH_AGAINST": "no-such-version"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("make: BENCH_AGAINST=no-such-version is no commit of this repository")


def test_the_bootstrap_knows_what_it_is_for(root: Path) -> None:
    done = subprocess.run([root / "lab/bootstrap", "moon"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.count("lab/bootstrap controller")) == (1, 1)
