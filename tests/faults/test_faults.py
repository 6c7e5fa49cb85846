"""What a site does when something fails: ``make test-faults``. It takes an hour, and is not part of ``make test``.

``FAULTS_POINTS`` (20) is at how many points each playbook is cut, ``FAULTS_SEED`` chooses others. ``FAULTS_KEEP=1`` leaves the lab for a
run with ``FAULTS_BOOTED=1``.
"""

from __future__ import annotations

import time

import pytest

from tests.faults import cuts, report
from tests.faults.conftest import Run
from tests.faults.crowd import CALM_SECONDS, outcome
from tests.faults.cuts import Cut
from tests.faults.faults import FAULTS

pytestmark = pytest.mark.faults


@pytest.mark.parametrize("name", FAULTS)
def test_visitors_are_served_again(run: Run, name: str) -> None:
    fault, site, crowd = FAULTS[name], run.site, run.crowd
    with fault.around(site):
        assert crowd.wait_for_calm(time.monotonic(), 120), "the site did not serve before the fault"
        struck = time.monotonic()
        fault.strike(site)
        healed = time.monotonic()
        if fault.hold:
            time.sleep(fault.hold)
            fault.heal(site)
            healed = time.monotonic()
        calm = crowd.wait_for_calm(healed, fault.within)
        answers = crowd.since(struck)
        site.until("the database's return", "db1", "runuser -u postgres -- psql -XAtqc 'SELECT 1'", fault.within)
        found = outcome(answers, struck, healed, crowd.lost_writes())
    report.keep(name, found)
    print(f"\n{name}: {found}")
    assert calm, f"visitors were not served again within {fault.within} s: {found}"
    assert found.lost == 0


def tasks_of(run: Run, playbook: str) -> int:
    """How many tasks a whole run has that finds something to do."""
    if playbook not in run.tasks:
        cuts.change(run.site, playbook)
        done = cuts.play(run.site, playbook)
        assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
        run.tasks[playbook] = len(cuts.begun(done.stdout))
    return run.tasks[playbook]


@pytest.mark.parametrize("number", range(cuts.POINTS))
@pytest.mark.parametrize("playbook", cuts.PATHS)
def test_a_killed_controller_is_made_up_for(run: Run, playbook: str, number: int) -> None:
    site, crowd = run.site, run.crowd
    one = Cut(playbook, cuts.shares(playbook)[number], whole=number % 2 == 0)
    tasks = tasks_of(run, playbook)
    began = time.monotonic()
    wanted = cuts.change(site, playbook)
    cuts.cut(site, one, tasks)
    done = cuts.play(site, playbook)
    time.sleep(CALM_SECONDS)
    problems = cuts.problems(site, playbook, wanted)
    if done.returncode:
        problems.insert(0, f"the next run failed: {(done.stdout + done.stderr)[-3000:]}")
    found = outcome(crowd.since(began), began, began, crowd.lost_writes())
    report.keep_cut(number, one, found, problems)
    print(f"\n{one}: {found} {problems}")
    assert not problems, f"killed at '{one.last}': {problems}"
    # A reload of nginx, which site.yml was to bring, ends connections that are kept and idle: browsers ask again.
    assert set(found.kinds) <= {"dropped"} and not found.lost, f"killed at '{one.last}': {found}"
