# SPDX-License-Identifier: MIT
"""What is wrong with environment variables and Django settings of an entry: the inside of their values.

Each function gives sentences that name the key and the form to write. Values that may be secrets are not quoted.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ansible_collections.django_ec2.site.plugins.plugin_utils.applications.placeholders import placeholders
from ansible_collections.django_ec2.site.plugins.plugin_utils.applications.schema import (
    MORE_DATABASE_WORDS,
    PLACEHOLDERS,
)


def environment_problems(where: str, variables: Mapping[str, Any], secret: bool) -> Iterator[str]:
    """What a process would not get as it was meant.

    Args:
        where: the key of the mapping, such as ``environment``.
        variables: name to value.
        secret: whether the values may not be shown.
    """
    for name, value in variables.items():
        if value is None:
            yield f'{where}: {name} has no value. Write {name}: "" for an empty one, or leave it out.'
        elif isinstance(value, Mapping):
            yield f"{where}: {name} is a mapping. Write one string, for example JSON: {name}: '{{\"a\": 1}}'."
        elif isinstance(value, (list, tuple)):
            parts = ["one", "two"] if secret else [str(one) for one in value]
            yield (
                f"{where}: {name} is a list, and a process gets text. Write it in the form that the project reads, for example "
                f'with commas: {name}: "{",".join(parts)}".'
            )
        elif "\n" in str(value):
            yield f"{where}: the value of '{name}' has several lines; encode it, for example as base64."


def placeholder_problems(
    where: str,
    values: Mapping[str, Any],
    missing: Mapping[str, str],
    secret: bool = False,
    databases: Iterable[str] = (),
) -> Iterator[str]:
    """What is asked for as ${…} and isn't known, or isn't there.

    Args:
        where: the key of the entry.
        values: what stands there.
        missing: placeholders that need something that the entry lacks, and what.
        secret: whether the values are secrets.
        databases: aliases of further databases.
    """
    known = [*PLACEHOLDERS, *(f"database_{alias}_{word}" for alias in databases for word in MORE_DATABASE_WORDS)]
    for name, value in values.items():
        for word in placeholders(value):
            if word in missing:
                yield f"{where}: '{name}' asks for ${{{word}}}, so the entry needs {missing[word]}."
            if word not in known:
                yield f"{where}: '{name}' {_unknown(word, str(value), secret, known)}"


def _unknown(word: str, value: str, secret: bool, known: list[str]) -> str:
    near = difflib.get_close_matches(word, known, 1)
    # The middle of a password is not shown.
    shown = not secret or near or value == f"${{{word}}}"
    asked = f"asks for ${{{word}}}" if shown else "asks for a word in ${…} that is no placeholder"
    hint = f"Did you mean ${{{near[0]}}}?" if near else f"known are {', '.join(sorted(known))}."
    literal = f"$${{{word}}}" if shown else "$${…}"
    return f"{asked}; {hint} For these characters themselves write {literal}."


def settings_problems(settings: Mapping[str, Any]) -> Iterator[str]:
    """Django settings that the module managed_settings could not set."""
    for name, value in settings.items():
        if "+" in name and not isinstance(value, (list, Mapping)):
            yield f"settings: {name} adds to a list or a mapping. Write it as one, as in {name}: [value]."
        if name.startswith("+") and isinstance(value, Mapping):
            yield f"settings: {name} puts a list in front. For a mapping write {name[1:]}+."
        try:
            json.dumps(value)
        except TypeError:
            yield f"settings: {name} holds a date or the like, which YAML makes of a value without quotes. Write it in quotes."
