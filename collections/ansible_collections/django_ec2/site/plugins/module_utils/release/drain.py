# SPDX-License-Identifier: MIT
"""The end of a server whose slot is not live any more: nobody who waits at its socket is lost."""

from __future__ import annotations

import subprocess
import time

from ansible_collections.django_ec2.site.plugins.module_utils.release.services import DISABLE, Units

# So many looks in a row have to find an empty queue.
QUIET_READS = 3
LOOK_SECONDS = 0.05


def waiting(units: Units, socket: str) -> int:
    """Connections in the accept queue of a listening socket, as the kernel counts them."""
    _code, out, _err = units.module.run_command(["ss", "--listening", "--unix", "--no-header"])
    for line in out.splitlines():
        words = line.split()
        if socket in words:
            return int(words[2])
    return 0


def drain(units: Units, unit: str, socket: str, timeout: int) -> None:
    """Wait until nobody waits at the socket, then let the server finish its requests and end.

    Args:
        units: calls to systemd.
        unit: of the server; its stop is a graceful one.
        socket: where it listens.
        timeout: seconds for either.
    """
    deadline = time.monotonic() + timeout
    quiet = 0
    while quiet < QUIET_READS and time.monotonic() < deadline:
        quiet = quiet + 1 if waiting(units, socket) == 0 else 0
        time.sleep(LOOK_SECONDS)
    try:
        units.module.run_command(["systemctl", *DISABLE, unit])
        subprocess.run(["systemctl", "stop", unit], timeout=timeout, check=False, capture_output=True)
    except subprocess.TimeoutExpired:
        units.module.warn(f"{unit} still finishes its requests after {timeout} s.")
