"""The project's authority replaced while visitors come: by a run that is killed in between, and by the ones after it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import suppress

import pytest
import yaml

from tests.bench.labs import PROJECT
from tests.faults import cuts
from tests.faults.conftest import Run
from tests.faults.crowd import CALM_SECONDS, outcome
from tests.faults.notes import note
from tests.faults.site import WEB, Site

pytestmark = pytest.mark.faults

AUTHORITY = ("playbooks/rotate_secrets.yml", "-e", "what=authority")
# The first certificates of the new one are there, and the others are not.
KILLED_AT = "TASK [certificate : Issue | Place the certificates]"


def kill_at(site: Site, task: str, words: tuple[str, ...]) -> None:
    """Start a run, and kill it with its workers when a task begins."""
    program = str(PROJECT / ".venv/bin/ansible-playbook")
    with subprocess.Popen(
        [program, "-i", str(site.lab.inventory), *words], cwd=PROJECT, env=site.lab.environment, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
    ) as process:  # fmt: skip
        assert process.stdout
        assert any(line.startswith(task) for line in process.stdout), f"the run never came to '{task}'"
        for pid in [process.pid, *cuts.descendants(process.pid)]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.communicate()


def authority(site: Site) -> dict[str, str]:
    """What the file of secrets has of it."""
    return yaml.safe_load((site.lab.directory / "secrets.yml").read_text())["secrets"]["authority"]


def refused(site: Site) -> int:
    """How many connections PostgreSQL has refused."""
    return int(site.run("db1", "cat /var/log/postgresql/*.log | grep -cE 'FATAL|could not accept SSL' || true"))


def test_another_authority_takes_the_place_of_the_first(run: Run) -> None:
    site, crowd = run.site, run.crowd
    first, before, began = authority(site)["certificate"], refused(site), time.monotonic()
    site.lab.play(*AUTHORITY, "-e", "announce=true")
    # Visitors are given what counts now, before anybody shows a certificate of it.
    crowd.context.load_verify_locations(site.lab.directory / "ca.pem")
    kill_at(site, KILLED_AT, AUTHORITY)
    time.sleep(CALM_SECONDS)
    site.lab.play(*AUTHORITY)
    site.lab.play(*AUTHORITY, "-e", "finish=true")
    time.sleep(CALM_SECONDS)
    found = outcome(crowd.since(began), began, began, crowd.lost_writes())
    print(f"\nanother authority: {found}")
    assert not found.lost and refused(site) == before
    # A reload of nginx ends connections that are kept and idle: browsers ask again.
    assert set(found.kinds) <= {"dropped"}, found
    new = authority(site)
    assert sorted(new) == ["certificate", "key"] and new["certificate"] != first
    files = [("db1", "postgres"), ("db1", "redis")]
    files += [(host, name) for host in WEB for name in ("database", "redis", "bench")]
    for host, name in files:
        assert site.run(host, f"cat /etc/ssl/{name}/ca.pem") == new["certificate"].strip(), (host, name)
    failed = ", ".join(f"{count} × {kind}" for kind, count in found.kinds.items()) or "none"
    note(
        "authority",
        f"killed when the first certificates of the new one were placed; the next run has it sign all, `finish=true` ends the one before; "
        f"{found.requests} requests, {failed} failed, no write lost, no connection to the database refused",
    )
