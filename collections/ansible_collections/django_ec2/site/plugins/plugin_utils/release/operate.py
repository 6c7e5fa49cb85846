# SPDX-License-Identifier: MIT
"""What an operator asks of a running application: commands of manage.py, and its log."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.django_ec2.site.plugins.plugin_utils import application_server
from ansible_collections.django_ec2.site.plugins.plugin_utils.release.releases import words


def command_words(command: str) -> list[str]:
    """The words of a command that an operator gave.

    Raises:
        AnsibleFilterError: it has none, or its quotes don't match.
    """
    try:
        found = words(str(command))
    except ValueError as error:
        raise AnsibleFilterError(f"command: '{command}' cannot be split into words: {error}.") from error
    if not found:
        raise AnsibleFilterError("command is empty. Give the words after manage.py, as in -e command='check --deploy'.")
    return found


def command_output(result: Mapping[str, Any]) -> list[str]:
    """What a command said, line by line."""
    lines = [line for key in ("stdout", "stderr") for line in str(result.get(key) or "").splitlines()]
    return lines or ["It said nothing."]


def unit_patterns(application: Mapping[str, Any]) -> list[str]:
    """Regular expressions of the units of an application."""
    name = application["name"]
    return [re.escape(application_server.unit(name, "SLOT")).replace("SLOT", "[a-z]+"), f"{name}-.*"]


def log_lines(entries: Mapping[str, list[Mapping[str, Any]]]) -> list[str]:
    """The lines of all hosts in the order of time.

    Args:
        entries: by host, what the module release_log read.
    """
    found = sorted(
        (entry["time"], host, place, entry) for host, own in entries.items() for place, entry in enumerate(own)
    )
    return [f"{_time(when)} {host} {entry['source']}: {entry['text']}" for when, host, _place, entry in found]


def _time(when: float) -> str:
    return f"{time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime(when))}.{int(when * 1000) % 1000:03d}Z"
