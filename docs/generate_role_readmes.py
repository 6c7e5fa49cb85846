#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Fill in the table of options of each role's README.md from its meta/argument_specs.yml.

    .venv/bin/python docs/generate_role_readmes.py             writes
    .venv/bin/python docs/generate_role_readmes.py --check     fails when a README is not what this would write

The part between the two marker comments is generated; the prose around it is written by hand.
"""

from __future__ import annotations

import functools
import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from generated import between, bring_up_to_date, parser

ROOT = Path(__file__).resolve().parent.parent
START = "<!-- argument-specs:start -->"
END = "<!-- argument-specs:end -->"
NOTE = "<!-- Made by `make docs` from meta/argument_specs.yml. -->"
# Ansible's markup in descriptions: C(code), V(value), O(option), B(bold), I(emphasis), L(text,address).
CODE = re.compile(r"\b[CVO]\((?P<text>(?:[^()]|\([^()]*\))*)\)")
BOLD = re.compile(r"\bB\(([^)]*)\)")
EMPHASIS = re.compile(r"\bI\(([^)]*)\)")
LINK = re.compile(r"\bL\(([^,)]*), *([^)]*)\)")


def code(text: str) -> str:
    """Text as code in a table's cell: pipes escaped, and backticks of its own survive."""
    fence = "``" if "`" in text else "`"
    return f"{fence}{text}{fence}".replace("|", "\\|")


def prose(description: str | list[str]) -> str:
    """A description as one cell of a table."""
    text = " ".join(" ".join([description] if isinstance(description, str) else description).split())
    kept: list[str] = []

    def keep(found: re.Match[str]) -> str:
        kept.append(code(found["text"]))
        return f"\0{len(kept) - 1}\0"

    text = CODE.sub(keep, text)
    text = LINK.sub(r"[\1](\2)", EMPHASIS.sub(r"*\1*", BOLD.sub(r"**\1**", text)))
    # What is no code must not be taken for HTML, emphasis or the end of the cell.
    text = re.sub(r"([|<])", r"\\\1", text)
    return re.sub("\0(\\d+)\0", lambda found: kept[int(found[1])], text)


def default(option: Mapping[str, Any]) -> str:
    """The default of an option as a cell: YAML's own words, Jinja as code."""
    if "default" not in option:
        return "required" if option.get("required") else ""
    value = option["default"]
    text = value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)
    return code(text)


def kind(option: Mapping[str, Any]) -> str:
    """The type of an option, with that of its elements and its choices."""
    text = str(option["type"])
    if "elements" in option:
        text += f" of {option['elements']}"
    if "choices" in option:
        text += ": " + ", ".join(code(str(choice)) for choice in option["choices"])
    return text


def rows(options: Mapping[str, Mapping[str, Any]], prefix: str = "") -> Iterator[str]:
    """One row an option; those of a dict or of a list of dicts follow it, named by their path."""
    for name, option in options.items():
        path = prefix + name
        yield f"| {code(path)} | {kind(option)} | {default(option)} | {prose(option['description'])} |"
        inner = f"{path}[]." if option.get("type") == "list" else f"{path}."
        yield from rows(option.get("options", {}), inner)


def generated(specs: Mapping[str, Any]) -> str:
    """The generated part of a README, without its markers."""
    options = specs["argument_specs"]["main"].get("options", {})
    if not options:
        return f"{NOTE}\n\nThe role has no options.\n"
    head = ["| option | type | default | description |", "| --- | --- | --- | --- |"]
    return "\n".join([NOTE, "", *head, *rows(options)]) + "\n"


def filled(specs: Path, text: str) -> str:
    """The README of the role with these specs as it should be, made from the one that is there."""
    return between(text, START, END, generated(yaml.safe_load(specs.read_text(encoding="utf-8"))))


def main(words: list[str] | None = None) -> int:
    """Entry point; the exit code is 0 or 1."""
    options = parser("Fill in the tables of options in the READMEs of the roles.")
    options.add_argument("--roles", type=Path, default=ROOT / "roles", help="directory of the roles")
    given = options.parse_args(words)
    specs = sorted(given.roles.glob("*/meta/argument_specs.yml"))
    pages = [(one.parent.parent / "README.md", functools.partial(filled, one)) for one in specs]
    return bring_up_to_date(pages, given.check)


if __name__ == "__main__":
    sys.exit(main())
