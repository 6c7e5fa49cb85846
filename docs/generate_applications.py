#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Fill in the tables of docs/applications.md from the schema of an entry.

    .venv/bin/python docs/generate_applications.py             writes
    .venv/bin/python docs/generate_applications.py --check     fails when the page is not what this would write

The parts between marker comments are generated; the prose around them is written by hand. The schema is plugin_utils/applications/
schema.py of the collection.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from generate_role_readmes import code
from generated import between, bring_up_to_date, parser

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "collections"))

from ansible_collections.django_ec2.site.plugins.plugin_utils.applications import schema  # noqa: E402 - see above

PAGE = ROOT / "docs" / "applications.md"
NOTE = "<!-- Made by `make docs` from the schema of an entry. -->"
TABLES: dict[str, tuple[schema.Key, ...] | Mapping[str, str]] = {
    "entry": schema.ENTRY,
    "placeholders": {f"${{{name}}}": meaning for name, meaning in schema.PLACEHOLDERS.items()},
    "managed_settings": schema.MANAGED_SETTINGS,
    "check_paths": schema.CHECK,
    "locations": schema.LOCATION_OPTIONS,
    "services": schema.SERVICE,
    "timers": schema.TIMER,
    "database": schema.DATABASE,
    "mail": schema.MAIL,
    "superuser": schema.SUPERUSER,
}


def flow(value: Any) -> str:
    """A value as YAML on one line."""
    return yaml.safe_dump(value, default_flow_style=True, width=1000, allow_unicode=True).removesuffix("...\n").strip()


def kind(key: schema.Key) -> str:
    """The type of a key in words."""
    if key.type == "dict":
        return "mapping"
    words = {"str": "string", "int": "number", "bool": "`true`, `false`", "list": "list of strings"}[key.type]
    return words + (f", or {code(key.word)}" if key.word else "")


def default(key: schema.Key) -> str:
    """The default of a key, as somebody would write it."""
    if key.required:
        return "required"
    return code(key.default if isinstance(key.default, str) and key.default else json.dumps(key.default))


def cell(text: str) -> str:
    """Prose in a table."""
    return text.replace("|", "\\|")


def key_rows(keys: Iterable[schema.Key]) -> Iterator[str]:
    """A table of keys."""
    yield "| key | type | default | meaning | example |"
    yield "| --- | --- | --- | --- | --- |"
    for key in keys:
        example = "" if key.example is None else code(flow(key.example))
        yield f"| {code(key.name)} | {kind(key)} | {default(key)} | {cell(key.description)} | {example} |"


def word_rows(words: Mapping[str, str]) -> Iterator[str]:
    """A table of words and what they mean."""
    yield "| word | meaning |"
    yield "| --- | --- |"
    for word, meaning in words.items():
        yield f"| {code(word)} | {cell(meaning)} |"


def filled(text: str) -> str:
    """The page as it should be, made from the page as it is."""
    for name, table in TABLES.items():
        rows = word_rows(table) if isinstance(table, Mapping) else key_rows(table)
        start, end = f"<!-- schema {name}: start -->", f"<!-- schema {name}: end -->"
        text = between(text, start, end, "\n".join([NOTE, "", *rows, ""]))
    return text


def main(words: list[str] | None = None) -> int:
    """Entry point; the exit code is 0 or 1."""
    options = parser("Fill in the tables of docs/applications.md.")
    options.add_argument("--page", type=Path, default=PAGE, help="the page, where it is another one")
    given = options.parse_args(words)
    return bring_up_to_date([(given.page, filled)], given.check)


if __name__ == "__main__":
    sys.exit(main())
