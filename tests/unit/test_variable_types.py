"""Variables of the wrong type: told before any host, with the form to write, and without their values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.django_ec2.site.plugins.plugin_utils import playbook_inputs
from ansible_collections.django_ec2.site.plugins.plugin_utils.variable_types import (
    SITE,
    literal_problems,
    structure_problem,
)

ROOT = Path(__file__).resolve().parents[2]
SITES = {
    "type": "list",
    "elements": "dict",
    "options": {"name": {"type": "str"}, "domains": {"type": "list", "elements": "str"}},
}


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ({"type": "list", "elements": "str"}, "10.0.0.0/8", "x is a string: write a list, as in x: [value]"),
        ({"type": "list", "elements": "str"}, None, "x is empty: write a list"),
        ({"type": "list", "elements": "str"}, {"a": 1}, "x is a mapping: write a list"),
        ({"type": "list", "elements": "str"}, ["a", ["b"]], "x[1] is a list: write one value."),
        ({"type": "dict"}, "a=b", "x is a string: write a mapping, as in x: {key: value}"),
        ({"type": "dict"}, ["a"], "x is a list: write a mapping"),
        ({"type": "int"}, [1], "x is a list: write one value."),
        ({}, {"a": 1}, "x is a mapping: write one value."),
        (SITES, [{"name": "a", "domains": "b"}], "x[0].domains is a string: write a list, as in domains: [value]"),
        (SITES, ["a"], "x[0] is a string: write a mapping"),
        (SITES, [{"name": ["a"]}], "x[0].name is a list: write one value."),
    ],
)
def test_a_structure_of_the_wrong_kind_is_told(option: dict[str, Any], value: Any, said: str) -> None:
    assert structure_problem("x", option, value).startswith(said)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ({"type": "list", "elements": "str"}, []),
        ({"type": "list", "elements": "str"}, ["a", 1]),
        ({"type": "list"}, [{"a": 1}, "b"]),
        ({"type": "dict"}, {}),
        ({"type": "raw"}, ["a"]),
        ({"type": "str"}, "a"),
        ({"type": "int"}, "12"),
        (SITES, [{"name": "a", "domains": ["b"]}, {"name": None}]),
    ],
)
def test_a_good_structure_is_no_problem(option: dict[str, Any], value: Any) -> None:
    assert structure_problem("x", option, value) == ""


def test_what_is_no_template_is_told_for_all_hosts_at_once() -> None:
    options = {
        "port": {"type": "int"},
        "mode": {"type": "str", "choices": ["a", "b"]},
        "names": {"type": "list"},
        "secrets": SITE["secrets"],
    }
    hosts = [
        {"port": "eighty", "names": "{{ others }}", "mode": "{{ x }}", "unknown": {}},
        {"port": "eighty", "names": "a", "mode": "c", "secrets": "geheim"},
        {"port": 80, "names": [{"a": "{{ b }}"}], "mode": "a", "secrets": {"a": "geheim"}},
    ]
    found = list(literal_problems(options, hosts))
    assert found == [
        "mode is 'c': give one of a, b.",
        "names is a string: write a list, as in names: [value]; with -e as JSON.",
        "port is 'eighty': give a value of the type int.",
        "secrets is a string: write a mapping, as in secrets: {key: value}; with -e as JSON.",
    ]
    assert "geheim" not in " ".join(found)


def test_every_variable_that_the_site_sets_has_a_type() -> None:
    """In an argument spec of a role, or in SITE for those that no role owns."""
    files = [*(ROOT / "group_vars" / "all").glob("*.yml"), ROOT / "group_vars" / "web" / "main.yml"]
    known = set(playbook_inputs.role_options([ROOT / "roles"])) | set(SITE)
    variables = {
        name for path in files for name in playbook_inputs.group_variables(path.parent) if not name.startswith("__")
    }
    # Those of the sample application are its entry's own.
    assert {name for name in variables - known if not name.startswith("board_")} == set()
