"""The way to the database changes while visitors come: from a pooler to none and back, for all applications and for one.

Part of ``make test-faults`` (``ONLY=pooling``), in the lab of all faults.
"""

from __future__ import annotations

import json
import re
import time

import pytest

from tests.faults.conftest import Run
from tests.faults.crowd import outcome
from tests.faults.site import WEB

pytestmark = pytest.mark.faults

NONE = {"database_pooling": "none"}
TRANSACTION, SESSION = "self_hosted-transaction", "self_hosted-session"
# What the inventory says, one after the other, and which poolers know the application then; the last one is as it was.
CHANGES = [
    (NONE, []),
    ({}, [TRANSACTION]),
    ({"own_pooling": "none"}, []),
    ({"own_pooling": "session"}, [SESSION]),
    ({}, [TRANSACTION]),
]


def pools(run: Run, host: str) -> list[str]:
    """The poolers that run on a web host."""
    units = "systemctl list-units --plain --no-legend 'pgbouncer@*.service' --state active"
    return [line.split()[0] for line in run.site.run(host, units).splitlines()]


def known(run: Run, host: str) -> list[str]:
    """The poolers of a web host whose rules of access name the application."""
    listed = "grep -lE '^local +[^ ]+ +bench ' /etc/pgbouncer/*/hba.conf; true"
    return sorted(path.split("/")[3] for path in run.site.run(host, listed).split())


def test_pooling_changes_without_a_failed_request(run: Run) -> None:
    own = run.site.lab.inventory / "group_vars" / "env_lab" / "zzz_pooling.yml"
    try:
        for change, poolers in CHANGES:
            own.write_text(json.dumps(change) + "\n")
            began = time.monotonic()
            run.site.lab.play("site.yml")
            assert run.crowd.wait_for_calm(time.monotonic(), 60), f"after {change} the site does not serve"
            seen = outcome(run.crowd.since(began), began, began, run.crowd.lost_writes())
            print(f"\n{change or 'back'}: {seen} {pools(run, WEB[0])}")
            assert not seen.failed and not seen.lost, f"{change}: {seen}"
            for host in WEB:
                assert bool(pools(run, host)) is (change != NONE), f"{change}: {host} has {pools(run, host)}"
                assert known(run, host) == poolers, f"{change}: {host}'s {known(run, host)} know the application"
            # What an application has left, the same run took away: nothing is left to the next one.
            said = run.site.lab.play("site.yml").output
            assert set(re.findall(r"changed=(\d+)", said)) == {"0"}, f"{change}: {said[-5000:]}"
    finally:
        own.unlink()
