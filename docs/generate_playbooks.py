#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Fill in docs/playbooks.md from playbooks/inputs/: what each playbook does, takes and hands on.

    .venv/bin/python docs/generate_playbooks.py             writes
    .venv/bin/python docs/generate_playbooks.py --check     fails when the page is not what this would write

The part between the two marker comments is generated; the prose around it is written by hand.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from generate_role_readmes import code, default, kind, prose
from generated import between, bring_up_to_date, parser

ROOT = Path(__file__).resolve().parent.parent
INPUTS = ROOT / "playbooks" / "inputs"
PAGE = ROOT / "docs" / "playbooks.md"
START = "<!-- playbook-inputs:start -->"
END = "<!-- playbook-inputs:end -->"
NOTE = "<!-- Made by `make docs` from playbooks/inputs/. -->"


def row(name: str, option: Mapping[str, Any]) -> str:
    """The row of one input."""
    # What the value has to look like says more than `raw`.
    words = {**option, "type": option["format"]["words"]} if "format" in option else option
    return f"| {code(name)} | {kind(words)} | {default(option)} | {prose(option['description'])} |"


def section(path: Path) -> Iterator[str]:
    """The lines about one playbook."""
    content = yaml.safe_load(path.read_text())
    playbook = "site.yml" if path.stem == "site" else f"playbooks/{path.name}"
    yield f"### {playbook}"
    yield ""
    sentences = content["description"] + (["Runs on the controller alone."] if content["controller_only"] else [])
    yield f"{content['short_description']}. {prose(sentences)}"
    yield ""
    if content["options"]:
        yield from ["| input | type | default | what it does |", "| --- | --- | --- | --- |"]
        yield from (row(name, option) for name, option in content["options"].items())
        yield ""
    for name, value in content.get("returns", {}).items():
        yield f"Hands {code(name)} ({value['type']}) to a workflow of AWX: {prose(value['description'])}"
        yield ""


def absent_hosts(paths: list[Path]) -> Iterator[str]:
    """The table of what it means to a playbook when a host can't be reached."""
    yield from [
        "### When a host can't be reached",
        "",
        "| playbook | without a limit | with `--limit` |",
        "| --- | --- | --- |",
    ]
    for path in paths:
        content = yaml.safe_load(path.read_text())
        if content["controller_only"]:
            continue
        limit = "leaves hosts out; exit 0"
        if needed := content.get("every_host_of"):
            limit = f"refused, when it leaves out a host of {' or '.join(map(code, needed))}"
        yield f"| {path.stem} | {prose(content['absent_host'])} | {limit} |"
    yield ""


def filled(text: str) -> str:
    """The page as it should be, made from the page as it is."""
    # site.yml first: it is where a reader begins.
    paths = sorted(INPUTS.glob("*.yml"), key=lambda path: (path.stem != "site", path.stem))
    lines = [NOTE, "", *absent_hosts(paths), *(line for path in paths for line in section(path))]
    return between(text, START, END, "\n".join(lines))


def main(words: list[str] | None = None) -> int:
    """Entry point; the exit code is 0 or 1."""
    given = parser("Fill in the tables of docs/playbooks.md.").parse_args(words)
    return bring_up_to_date([(PAGE, filled)], given.check)


if __name__ == "__main__":
    sys.exit(main())
