# SPDX-License-Identifier: MIT
"""The commands of an application between migration and switch: what is due follows from the marks in its database.

``initial_commands`` run once in a database's life, each of them; ``post_migrate_commands`` once for each new release.
"""

from __future__ import annotations

import shlex
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.release.commands import Refusal, run
from ansible_collections.django_ec2.site.plugins.module_utils.release.inside import ask_inside

INITIAL, RELEASE = "initial_commands", "post_migrate_commands"
Words = list[str]


def due(given: dict[str, Any], marks: dict[str, Any]) -> dict[str, list[Words]]:
    """The commands that have to run, by the key that they stand in.

    Args:
        given: the options of the module release_commands.
        marks: of the database.
    """
    ended = marks.get(INITIAL) or {"done": [], "complete": False}
    initial = [] if ended["complete"] else [one for one in given[INITIAL] if shlex.join(one) not in ended["done"]]
    again = marks.get(RELEASE) != _of_release(given)
    return {INITIAL: initial, RELEASE: given[RELEASE] if again else []}


def changed_since(given: dict[str, Any], marks: dict[str, Any]) -> list[str]:
    """Initial commands that came to the entry after the others had run; they don't run by themselves."""
    ended = marks.get(INITIAL) or {"done": [], "complete": False}
    return (
        [shlex.join(one) for one in given[INITIAL] if shlex.join(one) not in ended["done"]] if ended["complete"] else []
    )


def _of_release(given: dict[str, Any]) -> dict[str, Any]:
    return {"release": given["release"], "commands": [shlex.join(one) for one in given[RELEASE]]}


class DataCommands:
    """One run of the commands that are due, in the slot of the new release.

    ``given`` has the options of the module release_commands.
    """

    def __init__(self, given: dict[str, Any]) -> None:
        self.given = given
        self.manage = [given["manage"], "--slot", given["slot"]]
        self.marks: dict[str, Any] = {}

    def run(self) -> dict[str, Any]:
        """All that is due; a run that was interrupted goes on at the command that did not end.

        Raises:
            Refusal: a command failed; what ended before it is marked.
        """
        if not (self.given[INITIAL] or self.given[RELEASE]):
            return {"ran": [], "new": []}
        self._mark({})
        commands = due(self.given, self.marks)
        new = changed_since(self.given, self.marks)
        ended = list((self.marks.get(INITIAL) or {"done": []})["done"])
        for words in commands[INITIAL]:
            self._command(INITIAL, words)
            ended.append(shlex.join(words))
            self._mark({INITIAL: {"done": ended, "complete": False}})
        if commands[INITIAL]:
            self._mark({INITIAL: {"done": ended, "complete": True}})
        for words in commands[RELEASE]:
            self._command(RELEASE, words)
        if commands[RELEASE]:
            self._mark({RELEASE: _of_release(self.given)})
        return {"ran": [shlex.join(words) for group in commands.values() for words in group], "new": new}

    def _command(self, key: str, words: Words) -> None:
        run(f"{key}: '{shlex.join(words)}'", [*self.manage, *words])

    def _mark(self, values: dict[str, Any]) -> None:
        try:
            answer = ask_inside([*self.manage, "--owner"], "marks.py", self.given["marks"], {"set": values})
        except Refusal as error:
            raise Refusal(f"the marks in its database could not be read or written: {error}") from error
        self.marks = answer["marks"]
