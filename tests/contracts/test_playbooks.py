"""What playbooks/inputs/ says, what the playbooks do, and what the docs tell an operator to type agree."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.django_ec2.site.plugins.plugin_utils import playbook_inputs as checks

ROOT = Path(__file__).resolve().parents[2]
INPUTS = sorted((ROOT / "playbooks" / "inputs").glob("*.yml"))
PLAYBOOKS = {"site": ROOT / "site.yml", **{path.stem: path for path in sorted((ROOT / "playbooks").glob("*.yml"))}}
OPTION_KEYS = {
    "type", "elements", "choices", "default", "required", "no_log", "description", "keys_of", "whole_line", "format", "minimum", "maximum",
    "when_missing",
}  # fmt: skip
TYPES: dict[str, tuple[type, ...]] = {
    "str": (str,), "path": (str,), "raw": (object,), "int": (int,), "bool": (bool,), "list": (list,), "dict": (dict,),
}  # fmt: skip

# These change nothing: they tell what the hosts say that are there.
READS_ONLY = ("database_status", "logs", "releases")

each = pytest.mark.parametrize("path", INPUTS, ids=lambda path: path.stem)


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def parts(playbook: Path) -> Iterator[Path]:
    """A playbook and all that it imports."""
    yield playbook
    for play in load(playbook):
        if name := play.get("import_playbook"):
            # One of several, which an input names.
            for path in sorted(playbook.parent.glob(re.sub(r"\{\{.*\}\}", "*", name))):
                yield from parts(path)


def sources() -> Iterator[Path]:
    """The files that a run of a playbook is made of."""
    yield ROOT / "site.yml"
    for directory in ("playbooks", "roles", "group_vars"):
        for path in sorted((ROOT / directory).rglob("*.yml")):
            if path.parent != ROOT / "playbooks" / "inputs" and path.name != "README.md":
                yield path


def expressions() -> str:
    """Everything between braces, and every condition: what can use a variable."""
    text = "\n".join(
        line for path in sources() for line in path.read_text().splitlines() if not line.lstrip().startswith("#")
    )
    conditions = re.findall(r"(?:when|that|until|loop):\s*(.*)", text)
    return "\n".join([*re.findall(r"\{\{.*?\}\}", text, re.DOTALL), *conditions])


def test_every_playbook_has_its_inputs_and_every_file_its_playbook() -> None:
    assert {path.stem for path in INPUTS} == set(PLAYBOOKS)


def test_site_yml_reads_as_a_table_of_contents() -> None:
    for play in load(PLAYBOOKS["site"]):
        assert set(play) <= {"name", "import_playbook", "vars"}, play["name"]


@each
def test_the_playbook_checks_its_own_inputs_first(path: Path) -> None:
    first = load(PLAYBOOKS[path.stem])[0]
    if "import_playbook" in first:
        assert first["import_playbook"].endswith("parts/preflight.yml")
        assert first["vars"] == {"preflight_playbook": path.stem}
    else:
        task = first["tasks"][0]
        assert task["ansible.builtin.import_role"] == {"name": "preflight", "tasks_from": "inputs.yml"}
        assert task["vars"] == {"preflight_playbook": path.stem}
        assert "pre_tasks" not in first
        assert "roles" not in first


@each
def test_every_input_is_described(path: Path) -> None:
    content = load(path)
    assert set(content) - {"returns", "every_host_of", "absent_host", "without_hosts"} == {
        "short_description",
        "description",
        "controller_only",
        "options",
    }
    assert isinstance(content["controller_only"], bool)
    assert not content["short_description"].endswith(".")
    for name, option in content["options"].items():
        assert set(option) <= OPTION_KEYS, name
        assert option["type"] in TYPES, name
        sentences = [option["description"]] if isinstance(option["description"], str) else option["description"]
        assert all(one.endswith(".") for one in sentences), f"{name}: a description is made of sentences"
        assert ("elements" in option) == (option["type"] == "list"), name
        assert not ("default" in option and option.get("required")), f"{name} is required and has a default"
        assert ("when_missing" in option) == bool(option.get("required")), f"{name}: say what to do when it is missing"
        if "default" in option:
            assert isinstance(option["default"], TYPES[option["type"]]), name
            if option["default"] != "":
                assert checks.value_problem(name, option, option["default"]) == ""
        if "format" in option:
            assert set(option["format"]) == {"pattern", "words"}
            re.compile(option["format"]["pattern"])
        if "minimum" in option or "maximum" in option:
            assert option["type"] in ("int", "float"), name
        if "keys_of" in option:
            assert option["keys_of"] in checks.group_variables(ROOT / "group_vars"), name
        if re.search("password|token|secret_key", name):
            assert option.get("no_log") is not None, f"{name}: say no_log"


@each
def test_it_is_said_what_an_absent_host_means(path: Path) -> None:
    content = load(path)
    assert content["controller_only"] != ("absent_host" in content), (
        "absent_host: say what a host that can't be reached means"
    )
    assert set(content.get("every_host_of", [])) <= {"web", "database", "redis"}


@each
def test_a_host_that_is_away_stops_the_run_for_all(path: Path) -> None:
    """`any_errors_fatal` is not templated as other keywords are: it has to stand there as true."""
    plays = [play for one in parts(PLAYBOOKS[path.stem]) for play in load(one) if "hosts" in play]
    if path.stem not in READS_ONLY:
        assert all(play["hosts"] == "localhost" or play.get("any_errors_fatal") is True for play in plays)


@each
def test_what_deploys_ends_with_what_failed(path: Path) -> None:
    for part in parts(PLAYBOOKS[path.stem]):
        names = [play.get("import_playbook", "").rpartition("/")[2] for play in load(part)]
        assert "applications.yml" not in names or "outcome.yml" in names[names.index("applications.yml") :]


def test_each_secret_that_can_be_asked_for_has_its_rotation() -> None:
    choices = load(ROOT / "playbooks/inputs/rotate_secrets.yml")["options"]["what"]["choices"]
    assert sorted(choices) == sorted(
        path.stem for path in (ROOT / "playbooks/parts/rotations").glob("*.yml") if path.stem not in ("kept", "reach")
    )
    text = (ROOT / "playbooks/rotate_secrets.yml").read_text()
    assert [one for one in choices if f"'{one}'" not in text] == []


def test_whoever_trusts_the_project_s_authority_trusts_those_that_take_its_place() -> None:
    """The certificate of the one that signs is for signing alone."""
    allowed = {
        "roles/certificate/tasks/main.yml",
        "roles/certificate/tasks/issue.yml",
        "roles/preflight/tasks/secrets.yml",
    }
    found = {
        str(path.relative_to(ROOT)) for path in sources() if re.search(r"authority\.certificate\b", path.read_text())
    }
    assert found == allowed


@each
def test_nobody_is_asked_while_a_playbook_runs(path: Path) -> None:
    """A job of AWX or a pipeline has no terminal: it would wait for its end."""
    for one in parts(PLAYBOOKS[path.stem]):
        assert not [play["name"] for play in load(one) if "vars_prompt" in play]
    asking = [str(one) for one in sources() if re.search(r"(ansible\.builtin\.pause|vars_prompt):", one.read_text())]
    assert asking == []


@each
def test_every_input_is_used(path: Path) -> None:
    text = expressions()
    for name in load(path)["options"]:
        assert re.search(rf"\b{name}\b", text), f"no expression uses {name}"


@each
def test_defaults_are_those_of_the_expressions(path: Path) -> None:
    text = expressions()
    for name, option in load(path)["options"].items():
        for given, rest in re.findall(rf"\b{name} \| default\(([^()]*)\)( \| string \| default\(true, true\))?", text):
            value, *empty_too = ast.literal_eval(f"[{given.replace('true', 'True').replace('false', 'False')}]")
            assert value == option.get("default", ""), f"{name} is {given} where it is used"
            # AWX hands over '' for a question that nobody answered, and `false` must not count as that.
            assert not value or (rest if value is True else empty_too), f"{name}: an empty answer has to be {value}"


def test_an_input_of_several_playbooks_is_the_same_in_each() -> None:
    known: dict[str, tuple[str, Mapping[str, Any]]] = {}
    for path in INPUTS:
        for name, option in load(path)["options"].items():
            stated = {
                key: value
                for key, value in option.items()
                if key in ("type", "elements", "choices", "format", "minimum", "maximum", "keys_of")
            }
            if (path.stem, name) == ("remove_app", "app"):
                continue  # what goes may be no key of applications any more
            if (path.stem, name) in (("database_promote", "to"), ("database_upgrade", "to")):
                continue  # a host; to database_move it is where the databases are kept
            owner, other = known.setdefault(name, (path.stem, stated))
            assert stated == other, f"{name} differs in {path.stem} and {owner}"


def tasks_of(node: Any) -> Iterator[dict[str, Any]]:
    """Every task below plays, blocks and lists of them."""
    for one in node if isinstance(node, list) else []:
        if isinstance(one, dict):
            yield one
            for key in ("tasks", "pre_tasks", "post_tasks", "handlers", "block", "rescue", "always"):
                yield from tasks_of(one.get(key))


def test_no_loop_goes_over_whole_applications() -> None:
    """A verbose run prints each item of a loop, and an application has its secrets; the line of an included file has its label alone."""
    found = [
        f"{path.relative_to(ROOT)}: {task.get('name')}"
        for path in sources()
        for task in tasks_of(load(path))
        if re.fullmatch(r"\{\{ *\w*applications *\}\}", str(task.get("loop", "")).strip())
        and "ansible.builtin.include_tasks" not in task
        and not task.get("no_log")
    ]
    assert found == []


def test_a_host_that_may_be_away_ends_no_run_in_silence() -> None:
    """In a play with ``any_errors_fatal``, and in a task of ``run_once``, Ansible counts a host that ``ignore_unreachable`` ignores.

    The run ends there, and what comes after it to say what that means does not run (``linear.py`` of ansible-core, 2.19).
    """
    found = [
        f"{path.relative_to(ROOT)}: {task['name']}"
        for path in sources()
        for task in tasks_of(load(path))
        if task.get("ignore_unreachable")
        and "hosts" not in task
        and not task.get("ignore_errors")
        and (task.get("any_errors_fatal", True) or task.get("run_once"))
    ]
    assert found == []
    plays = [
        f"{path.relative_to(ROOT)}: {play['name']}"
        for path in sources()
        for play in load(path)
        if isinstance(play, dict)
        and "hosts" in play
        and play.get("ignore_unreachable")
        and play.get("any_errors_fatal")
    ]
    assert plays == []


@each
def test_what_is_for_the_controller_alone_contacts_no_host(path: Path) -> None:
    plays = [play for one in parts(PLAYBOOKS[path.stem]) for play in load(one) if "hosts" in play]
    local = all(
        play["hosts"] == "localhost"
        or all(
            task.get("delegate_to") == "localhost" or task.get("ansible.builtin.import_role", {}).get("name") == "preflight"
            for task in play["tasks"]
        )
        for play in plays
    )  # fmt: skip
    assert load(path)["controller_only"] == local


@each
def test_what_is_handed_to_a_workflow_is_described(path: Path) -> None:
    handed = {
        name
        for one in parts(PLAYBOOKS[path.stem])
        for play in load(one)
        for task in play.get("tasks", [])
        for name in task.get("ansible.builtin.set_stats", {}).get("data", {})
    }
    returns = load(path).get("returns", {})
    assert set(returns) == handed
    for value in returns.values():
        assert set(value) == {"type", "description"}


def told() -> Iterator[tuple[str, str, str]]:
    """Each ``-e name=`` of docs, comments and messages, with its place and the playbook that its line names."""
    places = [ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "Makefile"]
    for directory, pattern in (
        ("docs", "*.md"), ("playbooks", "*.yml"), ("roles", "*.yml"), ("roles", "*.md"), ("group_vars", "*"),
        ("inventory", "*.yml"), ("collections", "*.py"), ("tools", "*.py"),
    ):  # fmt: skip
        places += [path for path in sorted((ROOT / directory).rglob(pattern)) if path.is_file()]
    for place in [ROOT / "site.yml", *places]:
        for line in place.read_text().splitlines():
            playbook = re.search(r"(?:playbooks/)?\b(\w+)\.yml(?=[^`]*-e )", line)
            for name in re.findall(r"(?<!\w)-e ['\"]?([A-Za-z_]\w*)=", line):
                named = playbook[1] if playbook and playbook[1] in PLAYBOOKS else ""
                yield f"{place.relative_to(ROOT)}: {line.strip()}", name, named


def test_what_an_operator_is_told_to_type_is_known() -> None:
    inputs = {path.stem: checks.read(path) for path in INPUTS}
    variables = set(checks.role_options([ROOT / "roles"])) | checks.group_variables(ROOT / "group_vars")
    seen = list(told())
    assert len(seen) > 20
    for place, name, playbook in seen:
        own = inputs[playbook].options if playbook else {one for each in inputs.values() for one in each.options}
        assert name in own or name in variables, place


def test_the_page_is_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "generate_playbooks.py"), "--check"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    page = (ROOT / "docs" / "playbooks.md").read_text()
    for path in INPUTS:
        for name in load(path)["options"]:
            assert f"| `{name}` |" in page


def test_what_a_playbook_brings_in_is_there() -> None:
    """`--syntax-check` does not look where an include leads."""
    seen = 0
    for path in sorted((ROOT / "playbooks").rglob("*.yml")):
        for task in tasks_of(load(path)):
            for word in ("include_tasks", "import_tasks"):
                given = task.get(f"ansible.builtin.{word}")
                name = given.get("file") if isinstance(given, Mapping) else given
                if name:
                    seen += 1
                    assert (path.parent / name).is_file(), f"{path.relative_to(ROOT)}: {name}"
    assert seen > 20
