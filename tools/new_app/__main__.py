# SPDX-License-Identifier: MIT
"""``python -m tools.new_app SOURCE``: what ``make new-app SOURCE=…`` calls."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from ansible_collections.django_ec2.site.plugins.plugin_utils.applications.schema import DOMAIN

from tools.new_app import NewAppError
from tools.new_app.draft import entry_text, placed, report
from tools.new_app.examine import examine
from tools.new_app.source import application_name, checked_out, is_git, located

ROOT = Path(__file__).resolve().parents[2]


def _arguments(words: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make new-app", description="Write the first draft of an application's entry."
    )
    parser.add_argument("source", help="directory of a Django project, or a git URL")
    parser.add_argument("--version", default="", help="branch, tag or commit of a git source")
    parser.add_argument("--deploy-key", default="", help="private SSH key for a private git source")
    parser.add_argument("--name", default="", help="name of the entry; the default follows from the source")
    parser.add_argument(
        "--environment", default="lab", help="whose group_vars get the entry: lab, local, staging, production"
    )
    parser.add_argument("--domain", default="", help="under which it is visited")
    parser.add_argument("--operations", type=Path, help="an operations repository, which gets the entry")
    parser.add_argument("--group-vars", type=Path, default=ROOT / "group_vars", help=argparse.SUPPRESS)
    parser.add_argument("--print", action="store_true", dest="show", help="print the entry and write nothing")
    return parser.parse_args(words)


def _stated(source: str, root: Path) -> str:
    """The source as the entry names it: below the repository where it is, absolute where it is not."""
    if is_git(source):
        return source
    path = Path(source).expanduser().resolve()
    return str(path.relative_to(root)) if path.is_relative_to(root) and path != root else str(path)


def _check_words(given: argparse.Namespace) -> None:
    """
    Raises:
        NewAppError: a word can stand in no entry.
    """
    try:
        " ".join((given.source, given.version, given.deploy_key, given.domain)).encode()
    except UnicodeEncodeError as error:
        raise NewAppError(
            f"SOURCE {given.source!r} has a name that is not UTF-8, which no entry can hold: rename the directory."
        ) from error
    if given.domain and not re.fullmatch(DOMAIN, given.domain):
        raise NewAppError(
            f"DOMAIN '{given.domain}' is no domain in small letters: give a name alone, as in DOMAIN=shop.example.org."
        )


def _place(given: argparse.Namespace) -> Path:
    """The directory of the environment's own variables, which gets the entry.

    Raises:
        NewAppError: there is no such environment.
    """
    group = f"env_{given.environment}"
    if given.operations:
        inventory = given.operations.resolve() / "inventory"
        directory = inventory / given.environment / "group_vars" / group
        names = [one.parent.parent.parent.name for one in inventory.glob("*/group_vars/env_*/applications.yml")]
    else:
        directory = given.group_vars / group
        names = [one.name.removeprefix("env_") for one in given.group_vars.glob("env_*")]
    if not directory.is_dir():
        known = ", ".join(sorted(set(names)))
        raise NewAppError(f"There is no environment '{given.environment}': give ENVIRONMENT= one of {known}.")
    return directory


def main(words: list[str] | None = None) -> int:
    """Entry point; the exit code is 0 or 1."""
    given = _arguments(words)
    root = given.operations.resolve() if given.operations else ROOT
    # Where the playbooks are, seen from there.
    product = f"{ROOT.relative_to(root)}/" if ROOT.is_relative_to(root) and root != ROOT else ""
    try:
        path = _place(given) / "applications.yml"
        if not given.source:
            raise NewAppError("SOURCE is missing, as in 'make new-app SOURCE=../shop': a directory, or a git URL.")
        given.source = located(given.source)
        _check_words(given)
        name = application_name(given.name, given.source)
        local = given.environment in ("lab", "local")
        domain = given.domain or f"{name.replace('_', '-')}.{'localhost' if local else 'example.org'}"
        with checked_out(given.source, given.version, given.deploy_key) as project:
            stated = _stated(given.source, root)
            draft = examine(project, name, stated, domain, given.version, given.deploy_key, given.environment)
        if not given.domain and not local:
            draft.ask_first(
                f"Under which name is it visited? {domain} stands for it: write yours in its place, everywhere in this entry."
            )
        if given.show:
            print(entry_text(draft), end="")
            print(report(draft, None, given.environment), file=sys.stderr)
            return 0
        text = placed(draft, path)
        path.write_text(text, encoding="utf-8")
    except (NewAppError, OSError) as error:
        print(f"make new-app: {error}", file=sys.stderr)
        return 1
    print(report(draft, path.relative_to(root) if path.is_relative_to(root) else path, given.environment, product))
    return 0


if __name__ == "__main__":
    sys.exit(main())
