# SPDX-License-Identifier: MIT
"""Refuse an entry of `applications` that can't work, with what to write instead.

What the schema says of each key is checked by its words; what concerns several keys, or the inside of a value, follows it.
"""

from __future__ import annotations

import difflib
import ipaddress
import re
import shlex
from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.django_ec2.site.plugins.plugin_utils.applications.mail import mail_problems
from ansible_collections.django_ec2.site.plugins.plugin_utils.applications.schema import (
    APPLICATION_NAME,
    ENTRY,
    MAIL,
    PLACEHOLDERS,
    Key,
)
from ansible_collections.django_ec2.site.plugins.plugin_utils.applications.variables import (
    environment_problems,
    placeholder_problems,
    settings_problems,
)

ENVIRONMENTS = ("environment", "secret_environment")


def is_url(source: str) -> bool:
    """Whether a source is a URL of git's; anything else is a path on the controller."""
    return bool(re.match(r"(https?|ssh|git|file)://|[\w.-]+@[\w.-]+:", source))


def is_git(source: str) -> bool:
    """Whether a source is a git repository to be cloned: a URL, or the path of a bare one. Anything else is a directory."""
    return is_url(source) or source.endswith(".git") or _is_bare(Path(source))


def _is_bare(path: Path) -> bool:
    """Whether a directory is a repository without a working tree. Only an absolute path can be looked at everywhere."""
    return path.is_absolute() and (path / "HEAD").is_file() and (path / "objects").is_dir() and (path / "refs").is_dir()


def defaults(keys: Sequence[Key]) -> dict[str, Any]:
    """The defaults of these keys, those of required ones left out."""
    return {key.name: deepcopy(key.default) for key in keys if not key.required}


def completed(keys: Sequence[Key], given: Mapping[str, Any]) -> dict[str, Any]:
    """What was given with the defaults of the rest; an empty value counts as left out."""
    return {**defaults(keys), **{key: value for key, value in given.items() if value is not None}}


def validate(name: str, given: Any) -> None:
    """Check an entry as somebody wrote it.

    Raises:
        AnsibleFilterError: it can't work; the message names the key and the remedy.
    """
    if not re.fullmatch(APPLICATION_NAME, str(name)):
        _fail(name, "the name needs small letters, digits and '_', begins with a letter and has at most 31 of them.")
    if not isinstance(given, Mapping):
        _fail(name, "the entry has to be a mapping.")
    _check_options(name, "", given, ENTRY)
    entry = completed(ENTRY, given)
    _check_questions(name, entry["open_questions"])
    _check_source(name, entry)
    _check_packages(name, entry)
    _check_commands(name, entry)
    _check_managed_settings(name, entry)
    _check_media_storage(name, entry)
    _check_mail(name, entry)
    _check_networks(name, entry)
    _check_variables(name, entry)
    twice = sorted(set(entry["environment"]) & set(entry["secret_environment"]))
    if twice:
        _fail(name, f"{', '.join(twice)} stands in environment and in secret_environment; keep one.")


def refusal(name: str, problem: str) -> AnsibleFilterError:
    """The error about an entry, from a sentence that ends in the remedy."""
    return AnsibleFilterError(f"applications.{name}: {problem} See docs/applications.md.")


def _fail(name: str, problem: str) -> None:
    raise refusal(name, problem)


# --- What the schema says ---


def _check_options(name: str, where: str, given: Mapping[str, Any], keys: Sequence[Key]) -> None:
    """A mapping with these keys. ``where`` is its own place below the entry, which itself is ``""``."""
    known = [key.name for key in keys]
    for one in given:
        if one not in known:
            near = difflib.get_close_matches(str(one), known, 1)
            hint = f" Did you mean '{near[0]}'?" if near else f" Known: {', '.join(sorted(known))}."
            _fail(name, f"{where or 'the entry'} has no key '{one}'.{hint}")
    for key in keys:
        if key.required and not given.get(key.name):
            _fail(name, f"{where}: '{key.name}' is missing." if where else f"'{key.name}' is missing.")
    for key in keys:
        if key.name in given:
            _check_value(name, f"{where}.{key.name}" if where else key.name, given[key.name], key)


def _check_value(name: str, where: str, value: Any, key: Key) -> None:
    if key.type == "dict":
        _check_mapping(name, where, value, key)
    elif key.type == "list":
        _check_list(name, where, value, key)
    elif key.type == "bool":
        if not isinstance(value, bool):
            _fail(name, f"{where}: '{value}' is neither true nor false.")
    elif key.type == "int":
        if isinstance(value, bool) or not re.fullmatch(key.pattern or r"\d+", str(value)):
            _fail(name, f"{where}: '{value}' {key.otherwise or 'is no whole number'}.")
    elif _is_number(value) and (not key.pattern or isinstance(value, float)):
        # Not repeated: it may be a password, and what was written is not what YAML made of it (1.10 became 1.1, 0755 493).
        _fail(name, f'{where}: YAML reads the value as a number: put it in quotes, as in {key.name}: "1.10".')
    elif value is not None:
        _check_string(name, where, value, key)


def _check_string(name: str, where: str, value: Any, key: Key) -> None:
    """A string, or a whole number that the key's pattern takes. What may be a secret has no pattern, and is not shown."""
    if kind := _not_a_string(value):
        _fail(name, f"{where}: is {kind}. Write one string{_as_in(key)}.")
    if key.pattern and not re.fullmatch(key.pattern, str(value)):
        _fail(name, f"{where}: '{value}' {key.otherwise}.")


def _as_in(key: Key) -> str:
    return f", as in {key.name}: {key.example}" if isinstance(key.example, str) else " in quotes"


def _not_a_string(value: Any) -> str:
    """What a value is that YAML did not make a string of; empty for a string."""
    if isinstance(value, str) or _is_number(value):
        return ""
    kinds = ((bool, "true or false"), (Mapping, "a mapping"), (list, "a list"))
    return next(
        (words for kind, words in kinds if isinstance(value, kind)), f"a value of the kind {type(value).__name__}"
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _check_mapping(name: str, where: str, value: Any, key: Key) -> None:
    if not isinstance(value, Mapping):
        _fail(name, f"{where}: has to be a mapping of names to values.")
    for one in value if key.pattern else ():
        if isinstance(one, bool):
            _fail(
                name,
                f"{where}: YAML reads one of its names as the value {str(one).lower()}. Write that name in quotes.",
            )
        if not re.fullmatch(key.pattern, str(one)):
            _fail(name, f"{where}: '{one}' {key.otherwise}.")
    if key.elements == "dict":
        for one, inner in value.items():
            if not isinstance(inner, Mapping):
                needed = " and ".join(f"'{option.name}'" for option in key.options if option.required)
                first = key.options[0]
                form = f"with {needed}" if needed else f", as in {{{first.name}: {first.example or first.default}}}"
                _fail(name, f"{where}.{one}: has to be a mapping{' ' if needed else ''}{form}.")
            _check_options(name, f"{where}.{one}", inner, key.options)
    elif key.options and value:
        _check_options(name, where, value, key.options)


def _check_list(name: str, where: str, value: Any, key: Key) -> None:
    if key.word and value == key.word:
        return
    fits = isinstance(value, list) and all(isinstance(one, str) for one in value)
    if key.otherwise and not (fits and all(re.fullmatch(key.pattern, one) for one in value)):
        _fail(name, f"{where}: {value!r} {key.otherwise}.")
    for one in value if isinstance(value, list) else ():
        if not isinstance(one, str):
            _fail(
                name,
                f"{where}: has an element that is {_not_a_string(one) or 'a number'}. Write it as a string in quotes.",
            )
    if not fits:
        _fail(name, f"{where}: has to be a list, as in ['{value}'].")
    for one in value:
        if key.choices and one not in key.choices:
            _fail(name, f"{where}: '{one}' is none of {', '.join(key.choices)}.")


# --- What a schema can't say ---


def _check_questions(name: str, questions: Sequence[str]) -> None:
    if questions:
        listed = " ".join(f"({number}) {one}" for number, one in enumerate(questions, start=1))
        _fail(name, f"open_questions are to be answered first: {listed} Answer each in the entry and remove it.")


def _check_source(name: str, entry: Mapping[str, Any]) -> None:
    if not is_git(str(entry["source"])) and entry["version"]:
        _fail(name, f"version is for a git repository; source '{entry['source']}' is a directory.")


def _check_packages(name: str, entry: Mapping[str, Any]) -> None:
    for package, requirement in entry["replace_packages"].items():
        if not isinstance(requirement, str):
            _fail(
                name, f"replace_packages.{package}: has to be a requirement in pip's notation, or '' to leave it out."
            )


def _check_commands(name: str, entry: Mapping[str, Any]) -> None:
    for key in ("build_commands", "release_commands", "initial_commands", "post_migrate_commands", "scrub"):
        for command in entry[key]:
            _check_words(name, key, command)
    for key in ("services", "timers"):
        for process, one in entry[key].items():
            _check_words(name, f"{key}.{process}.command", one["command"])


def _check_words(name: str, where: str, command: str) -> None:
    try:
        words = shlex.split(command)
    except ValueError as error:
        _fail(name, f"{where}: '{command}' cannot be split into words: {error}.")
    if not words:
        _fail(name, f"{where}: is empty.")


def _check_managed_settings(name: str, entry: Mapping[str, Any]) -> None:
    if "secret_key" in entry["managed_settings"] and "SECRET_KEY" not in entry["secret_environment"]:
        _fail(name, "managed_settings has 'secret_key', so secret_environment needs SECRET_KEY.")
    if "cache" in entry["managed_settings"] and not entry["redis"]:
        _fail(name, "managed_settings has 'cache', so it needs redis: true.")


def _check_mail(name: str, entry: Mapping[str, Any]) -> None:
    for problem in mail_problems(completed(MAIL, entry["mail"]) if entry["mail"] else {}):
        _fail(name, problem)
    if "mail" in entry["managed_settings"] and not entry["mail"]:
        _fail(name, "managed_settings has 'mail', so the entry needs mail with host and sender.")


def _check_media_storage(name: str, entry: Mapping[str, Any]) -> None:
    if entry["media_storage"] != "none":
        return
    if "media" in entry["managed_settings"]:
        _fail(name, "media_storage is none, so managed_settings can't have 'media': take one of them out.")
    for key in (*ENVIRONMENTS, "settings"):
        if "${media_root}" in repr(entry[key]):
            _fail(name, f"media_storage is none, and {key} asks for ${{media_root}}: take one of them out.")


def _check_networks(name: str, entry: Mapping[str, Any]) -> None:
    for network in entry["maintenance_allow"]:
        try:
            ipaddress.ip_network(network)
        except ValueError as error:
            _fail(name, f"maintenance_allow: {error}. Write a network, as in 203.0.113.0/24, or an address.")


def _check_variables(name: str, entry: Mapping[str, Any]) -> None:
    processes = {
        f"{key}.{process}.environment": one.get("environment") or {}
        for key in ("services", "timers")
        for process, one in entry[key].items()
    }
    missing = {} if entry["redis"] else {"redis_url": "redis: true"}
    if not entry["mail"]:
        missing |= {word: "mail" for word in PLACEHOLDERS if word.startswith("mail_")}
    problems = [
        *(
            problem
            for key in ENVIRONMENTS
            for problem in environment_problems(key, entry[key], secret=key != "environment")
        ),
        *(problem for key, one in processes.items() for problem in environment_problems(key, one, secret=False)),
        *settings_problems(entry["settings"]),
        *(
            problem
            for key in (*ENVIRONMENTS, "settings")
            for problem in placeholder_problems(
                key, entry[key], missing, secret=key == "secret_environment", databases=entry["databases"]
            )
        ),
    ]
    if problems:
        _fail(name, problems[0])
