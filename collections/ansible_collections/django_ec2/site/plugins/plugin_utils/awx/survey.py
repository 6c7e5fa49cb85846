# SPDX-License-Identifier: MIT
"""Surveys of job templates, made from what the playbooks take (playbooks/inputs/).

AWX asks before a job starts, and hands the answers to the playbook as extra variables. A question keeps the name, the type, the choices
and the default of its input, so that a form in a browser and ``-e`` on a command line are one description.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

# Questions whose answer is text carry a limit of length; AWX's own form begins with this one.
LONGEST = 1024
LONGEST_AREA = 16384
MARKUP = re.compile(r"\b[A-Z]\(([^)]*)\)")
BOOLEANS = ["true", "false"]


def survey(
    inputs: Mapping[str, Any], names: Iterable[str] | None = None, required: Iterable[str] = ()
) -> dict[str, Any]:
    """The survey of a playbook, as AWX stores it.

    Args:
        inputs: the content of ``playbooks/inputs/<playbook>.yml``.
        names: the inputs that are asked for, in this order; all of them when not given.
        required: inputs that have to be answered here, though the playbook can do without them.

    Returns:
        ``survey_spec`` of the API; empty when there is nothing to ask.

    Raises:
        KeyError: a name that is no input.
    """
    options = inputs["options"]
    asked = list(options) if names is None else list(names)
    questions = [_question(name, options[name], name in set(required)) for name in asked]
    if not questions:
        return {}
    return {"name": "", "description": "", "spec": questions}


def answers(spec: Mapping[str, Any]) -> dict[str, Any]:
    """The extra variables that AWX passes when every question is left as it stands."""
    return {question["variable"]: question["default"] for question in spec.get("spec", []) if "default" in question}


def plain(text: str | Iterable[str]) -> str:
    """A description without the markup of Ansible's documentation."""
    sentences = [text] if isinstance(text, str) else text
    return " ".join(MARKUP.sub(r"\1", sentence).strip() for sentence in sentences)


def _question(name: str, option: Mapping[str, Any], required: bool) -> dict[str, Any]:
    words = plain(option["description"])
    if "format" in option:
        words += f" Give {option['format']['words']}."
    question: dict[str, Any] = {
        # The word that `-e` takes: who knows the one knows the other.
        "question_name": name,
        "question_description": words,
        "variable": name,
        "required": bool(option.get("required")) or required,
        **_kind(option),
    }
    default = _default(option, question["type"])
    if default is not None and not question["required"]:
        # A question that is required and has a default would still have to be answered by each schedule and each launch by the API.
        question["default"] = default
    return question


def _kind(option: Mapping[str, Any]) -> dict[str, Any]:
    """The question's type, with its limits or choices."""
    kind = option.get("type", "str")
    if option.get("no_log"):
        return {"type": "password", "min": 0, "max": LONGEST}
    if kind == "bool":
        return {"type": "multiplechoice", "choices": list(BOOLEANS)}
    if "choices" in option:
        return {
            "type": "multiselect" if kind == "list" else "multiplechoice",
            "choices": [str(choice) for choice in option["choices"]],
        }
    if words := re.fullmatch(r"\w+(\|\w+)+", option.get("format", {}).get("pattern", "")):
        return {"type": "multiplechoice", "choices": words[0].split("|")}
    if kind in ("int", "float"):
        limits = {"min": option.get("minimum"), "max": option.get("maximum")}
        return {"type": "integer" if kind == "int" else "float", **limits}
    if kind in ("list", "dict"):
        return {"type": "textarea", "min": 0, "max": LONGEST_AREA}
    return {"type": "text", "min": 0, "max": LONGEST}


def _default(option: Mapping[str, Any], kind: str) -> Any:
    """The default as an answer; None where leaving the question open says it better."""
    default = option.get("default")
    if kind == "password" or default is None or default == "":
        return None
    if option.get("type") == "bool":
        return BOOLEANS[0] if default else BOOLEANS[1]
    if isinstance(default, dict) or (isinstance(default, list) and kind != "multiselect"):
        # No text that a person types is a list. What happens without an answer stands in the description.
        return None
    return default if kind in ("integer", "float") else "\n".join(default) if kind == "multiselect" else str(default)
