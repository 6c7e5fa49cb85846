# SPDX-License-Identifier: MIT
"""Filters for units of systemd, whatever they run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.django_ec2.site.plugins.plugin_utils import sandbox

# How often within a minute a service is started before systemd calls it failed. It is then tried again after a pause, by
# start-again@.service (role base).
STARTS_A_MINUTE = 5


def systemd_restart(policy: str) -> str:
    """The lines of a drop-in that keep a service running (man systemd.service).

    Args:
        policy: of ``Restart=``, as in ``on-failure``.
    """
    return f"""[Unit]
# So many starts a minute; then the unit is failed, where an operator and monitoring see it, and is tried again after a pause.
StartLimitIntervalSec=60
StartLimitBurst={STARTS_A_MINUTE}
OnFailure=start-again@%n.service

[Service]
Restart={policy}
RestartSec=500ms
# One process that was killed for memory is the service's own business.
OOMPolicy=continue
"""


def systemd_sandbox(writable_paths: Iterable[str], exceptions: Sequence[Mapping[str, Any]] = ()) -> str:
    """The lines that keep a service in its place; see plugin_utils/sandbox.py.

    Raises:
        AnsibleFilterError: an exception without a reason.
    """
    try:
        return sandbox.sandbox(writable_paths, exceptions)
    except ValueError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Any]:
        return {
            "systemd_restart": systemd_restart,
            "systemd_sandbox": systemd_sandbox,
            "systemd_settings": sandbox.service_settings,
        }
