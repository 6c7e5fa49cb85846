# SPDX-License-Identifier: MIT
"""Write a draft down: as YAML with its reasons, in the file that the environment's group_vars include."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from ansible_collections.django_ec2.site.plugins.plugin_utils.applications.schema import ENTRY

from tools.new_app import NewAppError
from tools.new_app.project import Draft

# As docs/applications.md has them.
ORDER = tuple(key.name for key in ENTRY)
HEADER = """\
---
# The applications of this environment: they take the place of those in group_vars/all/applications.yml.
# docs/applications.md explains each key; what an entry leaves out has the default given there.
applications:
"""
PLAIN = re.compile(r"[A-Za-z/$][\w./${}@+ -]*")
WIDTH = 116


def scalar(value: Any, listed: bool = False) -> str:
    """A value as YAML, in quotes where it would be read as something else; in a list on one line more of them are needed."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    text = str(value)
    try:
        same = yaml.safe_load(f"[{text}]") == [text] if listed else yaml.safe_load(f"key: {text}") == {"key": text}
    except yaml.YAMLError:
        same = False
    return text if same and PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=False)


def _comment(text: str, indent: str) -> Iterator[str]:
    for line in textwrap.wrap(text, WIDTH - len(indent)):
        yield f"{indent}# {line}"


def _lines(key: str, value: Any, indent: str) -> Iterator[str]:
    if isinstance(value, dict):
        yield f"{indent}{key}:"
        for inner, one in value.items():
            yield from _lines(inner, one, indent + "  ")
    elif isinstance(value, list):
        yield f"{indent}{key}: [{', '.join(scalar(one, listed=True) for one in value)}]"
    else:
        yield f"{indent}{key}: {scalar(value)}"


def entry_text(draft: Draft) -> str:
    """The entry below ``applications``, with the reasons for what is set in the project's place, and what is open."""
    lines = [f"  {draft.name}:"]
    if draft.questions:
        lines.append(
            "    # What only you can answer. Every run refuses this entry until each of these is answered below, and removed."
        )
        lines.append("    open_questions:")
        for sentence in draft.questions:
            first, *others = textwrap.wrap(
                json.dumps(sentence, ensure_ascii=False), WIDTH - 8, break_on_hyphens=False, break_long_words=False
            )
            lines += [f"      - {first}", *(f"        {one}" for one in others)]
    if draft.open:
        lines.append("    # What could not be told, to be settled before the first deploy:")
        for sentence in draft.open:
            first, *others = textwrap.wrap(sentence, WIDTH - 8)
            lines += [f"    # - {first}", *(f"    #   {one}" for one in others)]
    assert set(draft.entry) <= set(ORDER), set(draft.entry) - set(ORDER)  # noqa: S101 - a key without a place
    for key in ORDER:
        if key not in draft.entry or key == "open_questions":
            continue
        if key == "managed_settings":
            lines.append("    # Set by the product in place of the project's settings, without a change to its code:")
            for name, reason in draft.managed.items():
                lines += _comment(f"{name}: {reason}.", "    ")
        lines += _lines(key, draft.entry[key], "    ")
    return "\n".join(lines) + "\n"


def placed(draft: Draft, path: Path) -> str:
    """What the file of the environment will hold: its content so far, and the entry.

    Raises:
        NewAppError: there is an entry of that name, or the file has a form that nothing can be added to.
    """
    text = entry_text(draft)
    if not path.exists():
        return HEADER + text
    before = path.read_text(encoding="utf-8")
    by_hand = "Write the entry into it yourself; 'make new-app SOURCE=… PRINT=1' prints it."
    if before.startswith("$ANSIBLE_VAULT"):
        raise NewAppError(f"{path} is encrypted. {by_hand}")
    try:
        content = yaml.compose(before)
    except yaml.YAMLError as error:
        raise NewAppError(f"{path} cannot be read as YAML ({str(error).splitlines()[0]}). Correct it first.") from error
    keys = [key.value for key, _ in content.value] if isinstance(content, yaml.MappingNode) else []
    own = next((value for key, value in content.value if key.value == "applications"), None) if keys else None
    # As a new operations repository has it: a key without a value yet.
    empty = isinstance(own, yaml.ScalarNode) and own.tag == "tag:yaml.org,2002:null" and not own.value
    if empty and keys[-1] == "applications":
        return before.rstrip("\n") + "\n" + text
    if not isinstance(own, yaml.MappingNode):
        raise NewAppError(f"{path} has no mapping 'applications'. {by_hand}")
    names = [key.value for key, _ in own.value]
    if draft.name in names:
        raise NewAppError(
            f"{path} has an entry '{draft.name}' already, and it is not overwritten: change it there, or give another NAME=."
        )
    if keys[-1] != "applications" or own.flow_style or (own.value and own.value[0][0].start_mark.column != 2):
        raise NewAppError(
            f"{path} does not end with 'applications', two spaces deep, so nothing can be added at its end. {by_hand}"
        )
    return before.rstrip("\n") + "\n\n" + text


def report(draft: Draft, path: Path | None, environment: str, product: str = "") -> str:
    """What is told at the end: what was found, what is proposed and why, what is open, and what comes next.

    Args:
        draft: what was found.
        path: of the file that got the entry; None where it was only printed.
        environment: its environment.
        product: directory of the playbooks with a slash, seen from an operations repository; empty in this one.
    """

    def listed(title: str, sentences: list[str]) -> list[str]:
        found = ["", title]
        for sentence in sentences:
            first, *others = textwrap.wrap(sentence, WIDTH - 4)
            found += [f"  - {first}", *(f"    {one}" for one in others)]
        return found if sentences else []

    lines = [f"{draft.name}: a first draft, from the project's files alone. Nothing of it was run."]
    lines += listed("Found:", draft.found)
    lines += listed(
        "Proposed as managed_settings, set by the product without a change to the project's code:",
        [f"{name}: {reason}." for name, reason in draft.managed.items()],
    )
    lines += listed("Could not be told:", draft.open)
    lines += listed("Only you can answer:", draft.questions)
    if path:
        inventory = f"-i inventory/{environment}"
        run = f"ansible-playbook {inventory} site.yml"
        if environment == "lab":
            run = f"make {'lab' if product else 'up'}    the lab, with it on it"
        lines += [
            "", f"Written to {path}. Next:",
            f"  1. read the entry; its address is {draft.domain}"
            if not draft.questions
            else "  1. answer the open_questions in the entry and remove each; until then every run refuses it",
            f"  2. ansible-playbook {inventory} {product}playbooks/secrets.yml     makes its passwords (docs/secrets.md)",
            f"  3. {run}",
            f"  4. ansible-playbook {inventory} {product}playbooks/deploy.yml -e app={draft.name}     for each new version",
        ]  # fmt: skip
    return "\n".join(lines)
