"""What AWX accepts as a survey and as answers to it, by its own rules (awx/api/views, awx/main/models/mixins.py of 24.6.1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TYPES: dict[str, tuple[type, ...]] = {
    "text": (str,), "textarea": (str,), "password": (str,), "multiplechoice": (str,), "multiselect": (str, list),
    "integer": (int,), "float": (float, int),
}  # fmt: skip


def survey_problem(spec: Mapping[str, Any]) -> str:
    """Why AWX refuses a survey; empty when it takes it."""
    for field, kind in (("name", str), ("description", str), ("spec", list)):
        if not isinstance(spec.get(field), kind):
            return f"Field '{field}' is missing from survey spec."
    if not spec["spec"]:
        return "'spec' doesn't contain any items."
    seen: set[str] = set()
    for number, question in enumerate(spec["spec"]):
        for field, kind in (("type", str), ("question_name", str), ("variable", str), ("required", bool)):
            if not isinstance(question.get(field), kind):
                return f"'{field}' in survey question {number} expected to be {kind.__name__}."
        if question["variable"] in seen:
            return f"'variable' '{question['variable']}' duplicated in survey question {number}."
        seen.add(question["variable"])
        if problem := _question_problem(question):
            return f"survey question {number}: {problem}"
    return ""


def _question_problem(question: Mapping[str, Any]) -> str:
    kind = question["type"]
    if kind not in TYPES:
        return f"'{kind}' is not one of the allowed question types."
    default = question.get("default", "")
    if default != "" and not isinstance(default, TYPES[kind]):
        return f"Default value {default} expected to be {kind}."
    for limit in ("min", "max"):
        if question.get(limit) is not None and not isinstance(question[limit], int):
            return f"The {limit} limit expected to be integer."
    if kind in ("multiselect", "multiplechoice"):
        if "choices" not in question:
            return "must specify choices."
        given = default.splitlines() if isinstance(default, str) else default
        if any(one not in question["choices"] for one in given):
            return "Default choice must be answered from the choices listed."
    return ""


def answer_problem(question: Mapping[str, Any], answers: Mapping[str, Any]) -> str:
    """Why AWX refuses to start a job with these answers; empty when it does not."""
    name, kind = question["variable"], question["type"]
    if name not in answers:
        return f"'{name}' value missing" if question["required"] else ""
    value = answers[name]
    if kind in ("text", "textarea", "password"):
        if not isinstance(value, str):
            return f"Value {value} for '{name}' expected to be a string."
        value = len(value)
    elif kind == "integer" and type(value) is not int:
        return f"Value {value} for '{name}' expected to be an integer."
    elif kind == "multiplechoice":
        return (
            ""
            if value in question["choices"]
            else f"Value {value} for '{name}' expected to be one of {question['choices']}."
        )
    elif kind == "multiselect":
        return "" if all(one in question["choices"] for one in value) else f"Value {value} for '{name}' is no choice."
    if question.get("min") not in ("", None) and value < question["min"]:
        return f"'{name}' value {value} is too small (must be at least {question['min']})."
    if question.get("max") not in ("", None) and value > question["max"]:
        return f"'{name}' value {value} is too large (must be no more than {question['max']})."
    return ""


def launch_problems(spec: Mapping[str, Any], answers: Mapping[str, Any], asks_variables: bool = False) -> list[str]:
    """Why AWX refuses a launch: answers that break the survey's rules, and variables that nobody asked for."""
    questions = spec.get("spec", [])
    found = [problem for question in questions if (problem := answer_problem(question, answers))]
    strange = sorted(set(answers) - {question["variable"] for question in questions})
    if strange and not asks_variables:
        found.append(f"Variables {', '.join(strange)} are not allowed on launch.")
    return found
