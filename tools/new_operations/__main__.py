# SPDX-License-Identifier: MIT
"""``python -m tools.new_operations new|environment|update DIR``: what make calls, here and in an operations repository."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tools.new_operations import PRODUCT, NewOperationsError
from tools.new_operations.create import add_environment, create
from tools.new_operations.layout import add_links, changed_settings, default_environment
from tools.new_operations.repository import git


def _arguments(words: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make new-operations", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    new = commands.add_parser("new", help="make a repository")
    new.add_argument("directory", help="a directory that is not there yet, or empty")
    new.add_argument("--source", default="", help="URL or path of this product; the default is this checkout's origin")
    new.add_argument("--environments", default="staging production", help="names, separated by blanks")
    update = commands.add_parser("update", help="after a new pin: add links for new groups, say what else is new")
    update.add_argument("directory", type=Path)
    environment = commands.add_parser("environment", help="add an environment")
    environment.add_argument("directory", type=Path)
    environment.add_argument("name")
    return parser.parse_args(words)


def _new(given: argparse.Namespace) -> None:
    made = create(given.directory, given.environments.split(), given.source)
    print(f"{made.path} is a repository of your own, with {made.source} at {made.commit[:12]} in {PRODUCT}/.")
    for sentence in made.notes:
        print(f"  - {sentence}")
    first = default_environment(made.environments)
    print(
        f"Next, in {made.path} (README.md says more):\n"
        "  make venv                                            what Ansible needs\n"
        f"  make new-app SOURCE=<directory or URL> ENVIRONMENT={first}    the entry of your application\n"
        f"  make {'lab' if first == 'lab' else f'site ENVIRONMENT={first}'}"
    )


def _update(directory: Path) -> None:
    links = add_links(directory)
    git("add", "--", PRODUCT, *map(str, links), at=directory)
    for link in links:
        print(f"{link.relative_to(directory)} is new: variables of a group that came with this version.")
    different = changed_settings(directory)
    if different:
        print(
            f"ansible.cfg has other settings than {PRODUCT}/ansible.cfg; take over what you did not change on purpose:"
        )
        for sentence in different:
            print(f"  - {sentence}")


def main(words: list[str] | None = None) -> int:
    """Entry point; the exit code is 0 or 1."""
    given = _arguments(words)
    try:
        if given.command == "new":
            _new(given)
        elif given.command == "environment":
            add_environment(given.directory.resolve(), given.name)
            print(
                f"inventory/{given.name} is there: its hosts, and group_vars/env_{given.name}/ for its applications and values."
            )
        else:
            _update(given.directory.resolve())
    except (NewOperationsError, OSError) as error:
        print(f"make {'new-operations' if given.command == 'new' else given.command}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
