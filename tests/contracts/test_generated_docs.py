"""The generated parts of the docs are what the generators write."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "applications.md"


def generate(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "docs" / "generate_applications.py"), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_page_of_applications_is_up_to_date() -> None:
    done = generate("--check")
    assert done.returncode == 0, done.stderr


def test_every_key_of_an_entry_is_explained() -> None:
    # Imported here: the tests of templates set Ansible's own loader up before they import the collection.
    schema = importlib.import_module("ansible_collections.django_ec2.site.plugins.plugin_utils.applications.schema")
    text = PAGE.read_text()
    for key in schema.ENTRY:
        assert f"| `{key.name}` |" in text


@pytest.mark.parametrize("line", ["| `domains` |", "| `${release}` |", "| `stop_timeout` |"])
def test_a_page_that_is_not_up_to_date_is_refused_and_then_written(tmp_path: Path, line: str) -> None:
    page = tmp_path / "applications.md"
    page.write_text("".join(one for one in PAGE.read_text().splitlines(keepends=True) if not one.startswith(line)))
    done = generate("--check", "--page", str(page))
    assert done.returncode == 1
    assert "run 'make docs'" in done.stderr
    assert generate("--page", str(page)).returncode == 0
    assert page.read_text() == PAGE.read_text()


def test_a_page_that_is_not_there_is_told(tmp_path: Path) -> None:
    done = generate("--page", str(tmp_path / "none.md"))
    assert done.returncode == 1
    assert done.stderr == f"{tmp_path}/none.md is missing: write it, with the marker lines of a page like it.\n"


def test_a_page_without_a_place_for_a_table_says_which_lines_are_missing(tmp_path: Path) -> None:
    page = tmp_path / "applications.md"
    page.write_text("# Applications\n")
    done = generate("--page", str(page))
    assert done.returncode == 1
    assert "<!-- schema entry: start -->" in done.stderr
