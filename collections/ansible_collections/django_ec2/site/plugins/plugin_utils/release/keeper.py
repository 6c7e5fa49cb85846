# SPDX-License-Identifier: MIT
"""A process beside the run that keeps its locks on a host: it renews them while the run lives, and gives them back when it is gone.

A task of Ansible cannot do that. A migration may take an hour, other hosts have nothing to do meanwhile, and a run that was killed gives
nothing back. On the host, everything that makes a release live asks first whether its run still holds the lock. So a run that
is gone stops within seconds, with the workers that it left behind.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import time
from collections.abc import Callable
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.release.deploy_lock import NAME, token
from ansible_collections.django_ec2.site.plugins.plugin_utils.release.run import started

RENEW_SECONDS = 20
LOOK_SECONDS = 1.0
# How often a host that does not answer is asked to give the locks back, once the run is gone.
ATTEMPTS = 5
NOT_OURS = 75
# Runs a command on the host and returns its exit code.
Execute = Callable[[str], int]


def command(roots: list[str], run: dict[str, Any], give_back: bool) -> str:
    """A line for a shell on the host, which renews the locks or gives them back; one that another run has is left alone.

    It ends with NOT_OURS when none of them is this run's.
    """
    action = ': > "$0"' if give_back else 'touch "$0"'
    files = " ".join(shlex.quote(f"{root}/{NAME}") for root in roots)
    one = shlex.quote(f'grep -qs {token(run)} "$0" && {action}')
    return f'code={NOT_OURS}; for file in {files}; do flock "$file" sh -c {one} "$file" && code=0; done; exit $code'


def keep(roots: list[str], run: dict[str, Any], execute: Execute) -> None:
    """Renew the locks until the run is gone, then give them back; or until none of them is the run's any more."""
    renew, end = command(roots, run, give_back=False), command(roots, run, give_back=True)
    renewed = time.monotonic()
    while started(run["process"]) == run["started"]:
        if time.monotonic() - renewed > RENEW_SECONDS:
            renewed = time.monotonic()
            with contextlib.suppress(Exception):
                if execute(renew) == NOT_OURS:
                    return
        time.sleep(LOOK_SECONDS)
    for _attempt in range(ATTEMPTS):
        with contextlib.suppress(Exception):
            if execute(end) in (0, NOT_OURS):
                return
        time.sleep(LOOK_SECONDS)


def start(roots: list[str], run: dict[str, Any], execute: Execute) -> None:
    """Begin to keep the locks, in a process that outlives the task's worker and no signal to its group reaches."""
    worker = os.fork()
    if worker:
        os.waitpid(worker, 0)
        return
    try:
        os.setsid()
        if os.fork() == 0:
            nothing = os.open(os.devnull, os.O_RDWR)
            for descriptor in (0, 1, 2):
                # Whoever reads the run's output must not wait for this process.
                os.dup2(nothing, descriptor)
            keep(roots, run, execute)
    finally:
        os._exit(0)
