# SPDX-License-Identifier: MIT
"""The last lines of a run: which hosts were left out by a limit, and which could not be reached."""

from __future__ import annotations

DOCUMENTATION = r"""
---
name: absent_hosts
type: aggregate
short_description: Say which hosts a run did without
description:
  - After the recap, names the hosts that a limit left out of plays that would have been about them.
  - Names the hosts that could not be reached, and how to go on. Changes no result.
requirements:
  - Listed in C(callbacks_enabled).
author:
  - The maintainers
"""

import contextlib
from pathlib import Path
from typing import Any

from ansible import context
from ansible.plugins.callback import CallbackBase
from ansible_collections.django_ec2.site.plugins.plugin_utils import absent_hosts, playbook_inputs

# A play on all hosts looks at variables on the controller, of hosts that no play may be about.
CONTROLLER = ("all", "localhost")


class CallbackModule(CallbackBase):
    """Ansible's entry point."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "django_ec2.site.absent_hosts"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._playbook = Path()
        self._left_out: set[str] = set()

    def v2_playbook_on_start(self, playbook: Any) -> None:
        """Keep which playbook runs."""
        self._playbook = Path(playbook._file_name)

    def v2_playbook_on_play_start(self, play: Any) -> None:
        """Note the hosts of the play that the limit leaves out."""
        pattern = ":".join(play.hosts) if isinstance(play.hosts, list) else play.hosts
        if not context.CLIARGS.get("subset") or pattern in CONTROLLER:
            return
        inventory = play.get_variable_manager()._inventory
        concerned = inventory.get_hosts(pattern, ignore_limits=True, ignore_restrictions=True)
        taken = inventory.get_hosts(pattern, ignore_restrictions=True)
        self._left_out |= {host.name for host in concerned} - {host.name for host in taken}

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """Say both."""
        for line in absent_hosts.last_lines(
            sorted(self._left_out), sorted(stats.dark), bool(stats.changed), context.CLIARGS.get("subset") or "", self._needed()
        ):  # fmt: skip
            self._display.display(line)

    def _needed(self) -> list[str]:
        """The groups of which the playbook needs every host."""
        directory = self._playbook.parent / (
            "inputs" if self._playbook.parent.name == "playbooks" else "playbooks/inputs"
        )
        with contextlib.suppress(playbook_inputs.InputsError):
            return list(playbook_inputs.read(directory / self._playbook.name).every_host_of)
        return []
