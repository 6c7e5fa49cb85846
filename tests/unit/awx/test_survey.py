"""A survey asks what the playbook takes: one question an input, with its type, choices, default and limits."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.django_ec2.site.plugins.plugin_utils.awx.survey import answers, plain, survey

from tests.awx.rules import launch_problems, survey_problem


def question(**words: Any) -> dict[str, Any]:
    return survey({"options": {"it": {"description": "It.", **words}}})["spec"][0]


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ({"type": "str", "default": ""}, {"type": "text", "min": 0, "max": 1024}),
        ({"type": "str", "default": "1h"}, {"type": "text", "default": "1h"}),
        ({"type": "path"}, {"type": "text"}),
        ({"type": "bool", "default": True}, {"type": "multiplechoice", "choices": ["true", "false"], "default": "true"}),
        ({"type": "bool", "default": False}, {"default": "false"}),
        ({"type": "int", "default": 0, "minimum": 0}, {"type": "integer", "min": 0, "max": None, "default": 0}),
        ({"type": "int", "default": 5, "maximum": 9}, {"max": 9, "default": 5}),
        ({"type": "float", "default": 0.5}, {"type": "float", "default": 0.5}),
        ({"type": "str", "choices": ["fast", "safe"], "default": "safe"}, {"type": "multiplechoice", "default": "safe"}),
        ({"type": "str", "format": {"pattern": "quick|full", "words": "quick or full"}}, {"choices": ["quick", "full"]}),
        ({"type": "str", "format": {"pattern": "[a-z]+|0", "words": "small letters"}}, {"type": "text"}),
        ({"type": "list", "elements": "str", "choices": ["a", "b"], "default": ["a"]}, {"type": "multiselect", "default": "a"}),
        ({"type": "list", "elements": "str"}, {"type": "textarea"}),
        ({"type": "dict"}, {"type": "textarea"}),
        ({"type": "str", "no_log": True, "default": "x"}, {"type": "password"}),
    ],
)  # fmt: skip
def test_an_input_becomes_a_question(words: dict[str, Any], wanted: dict[str, Any]) -> None:
    found = question(**words)
    assert {key: found.get(key) for key in wanted} == wanted
    assert survey_problem(survey({"options": {"it": {"description": "It.", **words}}})) == ""


@pytest.mark.parametrize(
    "words",
    [
        {"type": "str", "default": ""},
        {"type": "raw", "default": [1, "50%"]},
        {"type": "str", "no_log": True, "default": "x"},
    ],
)
def test_a_question_without_a_text_for_its_default_is_left_open(words: dict[str, Any]) -> None:
    """A list is no text that a person types, a secret has no default, and an empty text would be passed on as an answer."""
    assert "default" not in question(**words)
    assert answers(survey({"options": {"it": {"description": "It.", **words}}})) == {}


def test_what_is_required_has_no_default() -> None:
    """A schedule would have to pass it nevertheless, and fail without it."""
    inputs = {"options": {"app": {"type": "str", "default": "shop", "description": "It."}}}
    asked = survey(inputs, required=["app"])["spec"][0]
    assert asked["required"]
    assert "default" not in asked
    assert launch_problems(survey(inputs, required=["app"]), {}) == ["'app' value missing"]


def test_the_words_are_those_of_the_docs_without_their_markup() -> None:
    assert (
        plain(["Give V(true), with C(playbooks/site.yml).", "Or not."]) == "Give true, with playbooks/site.yml. Or not."
    )
    asked = question(type="str", format={"pattern": "x+", "words": "one x or more"}, description="How many.")
    assert asked["question_name"] == asked["variable"] == "it"
    assert asked["question_description"] == "How many. Give one x or more."


def test_some_inputs_can_be_left_out_or_all() -> None:
    inputs = {"options": {name: {"type": "str", "description": "It."} for name in ("a", "b", "c")}}
    assert [one["variable"] for one in survey(inputs, ["c", "a"])["spec"]] == ["c", "a"]
    assert survey(inputs, []) == {}
    with pytest.raises(KeyError):
        survey(inputs, ["d"])


def test_the_answers_are_the_defaults() -> None:
    inputs = {
        "options": {
            "lines": {"type": "int", "default": 5, "description": "It."},
            "app": {"type": "str", "required": True, "description": "It."},
        }
    }
    assert answers(survey(inputs)) == {"lines": 5}
    assert answers({}) == {}
