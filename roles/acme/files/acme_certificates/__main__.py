# SPDX-License-Identifier: MIT
"""Certificates of this host's sites, from a public authority by ACME. Run by a timer, and by the role ``acme``.

acme-certificates seed   what nginx needs before it is configured: a site without a certificate refuses the handshake
acme-certificates run    ask for what is missing or in the last third of its life, test it, have nginx load it
acme-certificates replace  the same, and for all others as well: each gets a new key
acme-certificates account  end the account at the authority and do as replace does, with a new account
"""

from __future__ import annotations

import argparse
import fcntl
import json
import sys
import time
from pathlib import Path

import client
import examine
import publish
from settings import Settings
from state import State

LOCK = Path("/run/acme-certificates.lock")
LOCK_SECONDS = 300


def seed(settings: Settings, state: State) -> bool:
    """Write what nginx includes, for the certificates that there are; returns whether that changed."""
    before = publish.written(settings)
    for wanted in settings.certificates:
        if state.of(wanted.name) is None:
            state.put(wanted.name, publish.adopted(settings, wanted))
    publish.write_snippets(settings, state)
    state.seeded(settings)
    return publish.written(settings) != before


def run(settings: Settings, state: State, now: float) -> tuple[bool, list[str]]:
    """Bring each certificate to what is wanted; returns whether anything changed, and what failed."""
    changed = seed(settings, state)
    for wanted in settings.certificates:
        known = state.of(wanted.name)
        reason = examine.due(wanted, known, settings.directory, now)
        if reason is None:
            changed = state.forgive(wanted.name) or changed
            continue
        if known and known.get("failure", {}).get("retry_after", 0) > now:
            continue
        print(f"{wanted.name}: asking for a certificate, as {reason}", file=sys.stderr)
        failure = _obtain(settings, state, wanted.name, now)
        if failure is None:
            changed = True
        else:
            print(f"{wanted.name}: {failure['message']}", file=sys.stderr)
            state.fail(wanted.name, failure)
    changed = publish.reload_if_owed(state) or changed
    changed = publish.remove_unwanted(settings, state) or changed
    return changed, [f"{name}: {failure['message']}" for name, failure in state.failures(settings)]


def _obtain(settings: Settings, state: State, name: str, now: float) -> dict | None:
    """Ask for one certificate and have nginx serve it; why not, when that failed."""
    wanted = next(one for one in settings.certificates if one.name == name)
    answer = client.obtain(settings, wanted, now)
    if isinstance(answer, dict):
        return answer
    chain, key = answer
    problems = examine.problems(chain, key, wanted.domains, settings.roots, time.time())
    if problems:
        message = f"the authority's certificate can't be used: {' '.join(problems)} nginx keeps what it has."
        return {"kind": "unusable", "message": message, "at": now}
    return publish.switch(settings, state, wanted, chain, key)


def main() -> int:
    """Entry point; exit code 1 where a site has no certificate for all of its names, or one that ends soon."""
    parser = argparse.ArgumentParser(prog="acme-certificates", description=__doc__)
    parser.add_argument("command", choices=["seed", "run", "replace", "account"])
    parser.add_argument("--json", action="store_true", help="print what changed as JSON, and end with 0")
    given = parser.parse_args()
    settings = Settings.read()
    with LOCK.open("w") as lock:
        deadline = time.monotonic() + LOCK_SECONDS
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    print(
                        "another run of acme-certificates does not end: systemctl status acme-certificates",
                        file=sys.stderr,
                    )
                    return 1
                time.sleep(0.5)
        state, failures = State.read(), []
        if given.command == "seed":
            changed = seed(settings, state)
        else:
            if given.command == "account" and (failure := client.end_account(settings, time.time())):
                print(failure, file=sys.stderr)
                return 1
            if given.command in ("replace", "account"):
                state.renew(settings)
            changed, failures = run(settings, state, time.time())
        urgent = state.urgent(settings, time.time())
    if given.json:
        print(json.dumps({"changed": changed, "failures": failures, "state": state.data}))
        return 0
    for name in urgent if given.command != "seed" else []:
        print(f"{name}: needs attention, see above and docs/certificates.md", file=sys.stderr)
    return 1 if given.command != "seed" and urgent else 0


if __name__ == "__main__":
    sys.exit(main())
