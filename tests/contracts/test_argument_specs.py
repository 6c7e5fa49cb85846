"""What a role says about its options, its defaults and its tasks agree, for every role."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
ROLES = sorted(path for path in (ROOT / "roles").iterdir() if path.is_dir())
TYPES: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "path": (str,),
    "raw": (object,),
    "int": (int,),
    "float": (float, int),
    "bool": (bool,),
    "list": (list,),
    "dict": (dict,),
}

each_role = pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text()) if path.exists() else None


def options(role: Path) -> dict[str, dict[str, Any]]:
    return load(role / "meta" / "argument_specs.yml")["argument_specs"]["main"].get("options", {})


def defaults(role: Path) -> dict[str, Any]:
    return load(role / "defaults" / "main.yml") or {}


def nested(given: Mapping[str, Mapping[str, Any]], path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every option with its path, suboptions too."""
    for name, option in given.items():
        yield f"{path}{name}", option
        yield from nested(option.get("options", {}), f"{path}{name}.")


def is_jinja(value: Any) -> bool:
    return isinstance(value, str) and "{{" in value


def has_type(value: Any, kind: str) -> bool:
    if is_jinja(value):
        return True
    if isinstance(value, bool) and kind in ("int", "float"):
        return False
    return isinstance(value, TYPES[kind])


@each_role
def test_specs_and_defaults_name_the_same_options(role: Path) -> None:
    assert list(options(role)) == list(defaults(role)), "the same names, in the same order"


@each_role
def test_defaults_have_the_same_values_in_both(role: Path) -> None:
    given = defaults(role)
    for name, option in options(role).items():
        assert "default" in option, f"{name} has a default in defaults/main.yml and none in the specs"
        assert option["default"] == given[name], name
        assert type(option["default"]) is type(given[name]), name


@each_role
def test_defaults_have_the_stated_types(role: Path) -> None:
    for path, option in nested(options(role)):
        if "default" not in option:
            continue
        value = option["default"]
        assert has_type(value, option["type"]), f"{path}: {value!r} is no {option['type']}"
        if option["type"] == "list" and isinstance(value, list):
            assert all(has_type(one, option["elements"]) for one in value), path
            assert set(value) <= set(option["choices"]) if "choices" in option else True, path
        elif "choices" in option and not is_jinja(value):
            assert value in option["choices"], path


@each_role
def test_every_option_has_a_type_and_a_description(role: Path) -> None:
    for path, option in nested(options(role)):
        assert option.get("type") in TYPES, f"{path} has no type"
        description = option.get("description")
        sentences = [description] if isinstance(description, str) else description or []
        assert sentences, f"{path} has no description"
        assert all(one.strip().endswith((".", "…")) for one in sentences), f"{path}: a description is made of sentences"
        assert (option["type"] == "list") == ("elements" in option), f"{path}: a list says what is in it"
        assert not (option.get("required") and "default" in option), f"{path} is required and has a default"


@each_role
def test_names_begin_with_the_role_s(role: Path) -> None:
    for name in [*options(role), *defaults(role)]:
        assert name.startswith(f"{role.name}_"), name


@each_role
def test_private_variables_begin_with_the_role_s_name_as_well(role: Path) -> None:
    for path in sorted((role / "vars").glob("*.yml")):
        for name in load(path) or {}:
            assert name.startswith(f"__{role.name}_"), f"{path.name}: {name}"


@each_role
def test_every_default_is_explained(role: Path) -> None:
    """A comment stands above each default, or above the group of defaults that it belongs to."""
    lines = (role / "defaults" / "main.yml").read_text().splitlines()
    for number, line in enumerate(lines):
        if re.match(r"[a-z]", line):
            above = number - 1
            while above >= 0 and re.match(r"[a-z ]", lines[above]):
                above -= 1
            assert lines[above].startswith("#"), f"line {number + 1}: {line}"


def tasks(content: Any) -> Iterator[Mapping[str, Any]]:
    for task in content or []:
        yield task
        for part in ("block", "rescue", "always"):
            yield from tasks(task.get(part))


@each_role
def test_task_names_begin_with_their_file_s(role: Path) -> None:
    for path in sorted((role / "tasks").rglob("*.yml")):
        wanted = "" if path.name == "main.yml" else f"{path.stem.capitalize().replace('_', ' ')} | "
        for task in tasks(load(path)):
            name = task.get("name", "")
            assert name, f"{path.name}: a task has no name"
            assert name.replace("_", " ", 1).startswith(wanted), f"{path.name}: '{name}' should begin with '{wanted}'"
            assert name[:1].isupper() or name.startswith("{{"), f"{path.name}: '{name}'"


def test_the_readmes_are_up_to_date() -> None:
    command = [sys.executable, str(ROOT / "docs" / "generate_role_readmes.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@each_role
def test_the_readme_names_every_option(role: Path) -> None:
    for name in options(role):
        assert f"| `{name}` |" in (role / "README.md").read_text()


def included(task: Mapping[str, Any]) -> str:
    """The file of the same role that a task brings in; empty where it brings none, or one that is chosen at run time."""
    for word in ("include_tasks", "import_tasks"):
        given = task.get(f"ansible.builtin.{word}")
        name = given.get("file", "") if isinstance(given, Mapping) else given or ""
        if name and "{{" not in name:
            return str(name)
    return ""


@each_role
def test_no_file_is_more_than_two_away_from_where_its_role_is_entered(role: Path) -> None:
    """A reader opens at most three files to see what a role does."""
    brings = {
        path.relative_to(role / "tasks").as_posix(): {name for task in tasks(load(path)) if (name := included(task))}
        for path in (role / "tasks").rglob("*.yml")
    }
    brought = {name for names in brings.values() for name in names}

    def depth(name: str) -> int:
        return max((1 + depth(one) for one in brings[name]), default=0)

    deepest = {name: depth(name) for name in brings if name not in brought or name == "main.yml"}
    # main.yml is the table of contents: what it lists is where a reader goes to.
    entered = {name: own - 1 if name == "main.yml" else own for name, own in deepest.items()}
    assert all(own <= 2 for own in entered.values()), entered


def test_what_is_done_on_the_controller_needs_no_sudo() -> None:
    """An inventory's ansible_become outranks the keyword `become`; a file that root wrote is lost to the operator."""
    seen = 0
    for path in [
        *ROOT.glob("roles/*/tasks/**/*.yml"),
        ROOT / "site.yml",
        *ROOT.glob("playbooks/*.yml"),
        *ROOT.glob("playbooks/parts/**/*.yml"),
    ]:
        content = load(path)
        plays = [play for play in content or [] if isinstance(play, dict) and "hosts" in play]
        for task in tasks([task for play in plays for task in play.get("tasks", [])] or content):
            given = task.get("vars") or {}
            if task.get("delegate_to") == "localhost" and "ansible_connection" in given:
                seen += 1
                assert given.get("ansible_become") is False, (
                    f"{path.name}: {task.get('name')}: add ansible_become: false to vars"
                )
    assert seen > 4
