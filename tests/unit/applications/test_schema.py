"""The schema is whole, and what follows from it agrees with what it says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.django_ec2.site.plugins.plugin_utils.applications.resolve import resolve_applications
from ansible_collections.django_ec2.site.plugins.plugin_utils.applications.schema import BUILD_KEYS, ENTRY, Key
from ansible_collections.django_ec2.site.plugins.plugin_utils.applications.validate import validate

from .entries import entry, resolved

TYPES: dict[str, type | tuple[type, ...]] = {"str": str, "bool": bool, "int": int, "list": list, "dict": dict}


def nested(keys: tuple[Key, ...] = ENTRY, path: str = "") -> Iterator[tuple[str, Key]]:
    for key in keys:
        yield f"{path}{key.name}", key
        yield from nested(key.options, f"{path}{key.name}.")


EVERY = dict(nested())


@pytest.mark.parametrize("path", EVERY)
def test_every_key_is_described(path: str) -> None:
    key = EVERY[path]
    assert key.type in TYPES
    assert key.description
    assert (
        key.description[0] in "`"
        or key.description[0].islower()
        or key.description.startswith(("Debian", "URL", "PostgreSQL"))
    )
    assert not key.description.endswith("."), "a cell of a table"
    assert (key.type == "list") == (key.elements == "str")
    assert key.required == (key.default is None), "what is required has no default, all else has one"
    if not key.required and key.default != key.word:
        assert isinstance(key.default, TYPES[key.type])
    assert bool(key.otherwise) == bool(key.pattern), "a pattern says with which words it refuses"


@pytest.mark.parametrize("name", [key.name for key in ENTRY if not key.options])
def test_an_example_is_a_value_that_is_taken(name: str) -> None:
    key = EVERY[name]
    value = key.default if key.example is None else key.example
    more: dict[str, Any] = {"source": "https://git.example.org/shop.git"} if name in ("version", "deploy_key") else {}
    validate("shop", entry(**{**more, name: value}))


@pytest.mark.parametrize("name", [key.name for key in ENTRY if not key.required])
def test_a_default_is_a_value_that_is_taken(name: str) -> None:
    validate("shop", entry(**{name: EVERY[name].default}))
    assert resolved(**{name: EVERY[name].default})["domains"]


def test_what_is_left_out_has_the_default_of_the_schema() -> None:
    (one,) = resolve_applications({"shop": entry()})
    assert set(one) >= {key.name for key in ENTRY}
    for key in ENTRY:
        if not key.required and not key.options:
            assert one[key.name] == key.default


def test_a_build_is_told_nothing_that_may_be_secret() -> None:
    assert set(BUILD_KEYS) == {
        "name", "source", "version", "deploy_key", "extras", "packages", "build_commands", "release_commands",
        "replace_packages", "ignore_requires_python",
    }  # fmt: skip
    assert {key.name for key in ENTRY if key.build} == set(BUILD_KEYS) - {"name"} | {"requirements"}
    assert not [name for name in BUILD_KEYS if re.search("secret|password|environment|database", name)]
