"""Commands between migration and switch: which are due, and what a failure leaves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.django_ec2.site.plugins.module_utils.release.data_commands import changed_since, due
from ansible_collections.django_ec2.site.plugins.modules import release_commands

from tests.conftest import RunModule

ENTRY = {
    "release": "r2", "initial_commands": [["loaddata", "first"], ["make_index"]], "post_migrate_commands": [["sync", "a b"]],
}  # fmt: skip
# Keeps the marks in a file, writes down what it was asked, and fails where a file says so.
MANAGE = """#!/usr/bin/env python3
import json, pathlib, sys
here = pathlib.Path(__file__).parent
words = sys.argv[1:]
if "--code" in words:
    marks = here / "marks"
    known = json.loads(marks.read_text()) if marks.exists() else {}
    known |= json.load(sys.stdin)["given"]["set"]
    marks.write_text(json.dumps(known))
    print(json.dumps({"marks": known}))
else:
    with (here / "ran").open("a") as handle:
        handle.write(" ".join(words) + "\\n")
    if (here / "broken").exists() and (here / "broken").read_text() in words:
        sys.exit("it is broken")
"""


@pytest.mark.parametrize(
    ("marks", "initial", "release"),
    [
        ({}, ENTRY["initial_commands"], ENTRY["post_migrate_commands"]),
        ({"initial_commands": {"done": ["loaddata first"], "complete": False}}, [["make_index"]], ENTRY["post_migrate_commands"]),
        ({"initial_commands": {"done": [], "complete": True}}, [], ENTRY["post_migrate_commands"]),
        ({"post_migrate_commands": {"release": "r2", "commands": ["sync 'a b'"]}}, ENTRY["initial_commands"], []),
        ({"post_migrate_commands": {"release": "r1", "commands": ["sync 'a b'"]}}, ENTRY["initial_commands"], [["sync", "a b"]]),
        ({"post_migrate_commands": {"release": "r2", "commands": []}}, ENTRY["initial_commands"], [["sync", "a b"]]),
    ],
)  # fmt: skip
def test_what_is_due_follows_from_the_marks(marks: dict[str, Any], initial: Any, release: Any) -> None:
    assert due(ENTRY, marks) == {"initial_commands": initial, "post_migrate_commands": release}


def test_commands_that_came_later_are_told() -> None:
    marks = {"initial_commands": {"done": ["loaddata first"], "complete": True}}
    assert changed_since(ENTRY, marks) == ["make_index"]
    assert changed_since(ENTRY, {}) == []


@pytest.fixture
def run(run_module: RunModule, tmp_path: Path) -> Any:
    manage = tmp_path / "shop-manage"
    manage.write_text(MANAGE)
    manage.chmod(0o755)

    def once(**changes: Any) -> dict[str, Any]:
        given = {**ENTRY, "name": "shop", "manage": str(manage), "slot": "green", "marks": "", **changes}
        return run_module(release_commands, **given)

    return once


def test_initial_commands_run_once_and_the_others_for_each_release(run: Any, tmp_path: Path) -> None:
    assert run()["ran"] == ["loaddata first", "make_index", "sync 'a b'"]
    assert run() | {"invocation": None} == {"changed": False, "ran": [], "new": [], "invocation": None}
    assert run(release="r3")["ran"] == ["sync 'a b'"]
    assert (tmp_path / "ran").read_text().splitlines()[0] == "--slot green loaddata first"


def test_a_failed_run_goes_on_where_it_was(run: Any, tmp_path: Path) -> None:
    (tmp_path / "broken").write_text("make_index")
    failed = run()
    assert failed["failed"]
    assert "shop: release r2 was not made live: initial_commands: 'make_index' failed: it is broken" in failed["msg"]
    assert json.loads((tmp_path / "marks").read_text())["initial_commands"]["complete"] is False
    (tmp_path / "broken").unlink()
    assert run()["ran"] == ["make_index", "sync 'a b'"]


def test_without_commands_the_database_is_not_asked(run: Any, tmp_path: Path) -> None:
    assert run(initial_commands=[], post_migrate_commands=[])["changed"] is False
    assert not (tmp_path / "marks").exists()


def test_check_mode_changes_nothing(run_module: RunModule, run: Any, tmp_path: Path) -> None:
    given = {**ENTRY, "name": "shop", "manage": str(tmp_path / "shop-manage"), "slot": "green", "marks": ""}
    assert run_module(release_commands, check_mode=True, **given)["changed"]
    assert not (tmp_path / "ran").exists()
