"""Each Molecule scenario, whole: check on empty hosts (most of them), converge, idempotence, check, verify."""

from __future__ import annotations

import os
import re
import sys
import time
import warnings
from collections.abc import Callable

import pytest
import yaml

from tests.scenarios import times
from tests.scenarios.labs import PROJECT, SITES, environment

SCENARIOS = sorted(
    path.parent.name for path in PROJECT.glob("molecule/*/molecule.yml") if path.parent.name != "default"
)
# The longest first, so that no worker is left alone with one of them at the end. Each of the three workers begins with two tests in
# hand, the first of them with that of AWS's hosts: what waits behind `stack` is a variant of it, and not another part of the product.
LONGEST = ("deploy", "stack", "stack_rds", "move", "pgbackrest")
LONG = ("acme", "django", "firewall", "pgbouncer", "postgres", "replica", "upgrade")
ORDER = sorted(
    SCENARIOS,
    key=lambda name: (
        LONGEST.index(name) if name in LONGEST else len(LONGEST),
        name not in SITES,
        not name.startswith(LONG),
        name,
    ),
)
# What `make test` leaves to `make test-long`: the roles once more with each variable set, and the longest about faults.
APART = {"deploy_faults", "upgrade", *(name for name in SCENARIOS if name.endswith("_full"))}
# Suites of which it leaves out the tests that are marked `thorough` (molecule/shared/bounded.py).
SHORTENED = {"deploy", "stack"}
# The site's suites take 25 minutes on a quiet machine, and three times that on one whose neighbours are busy.
SECONDS = 3900
# `make test` has to end within 75 minutes. A scenario that has not begun by this time is named as skipped, not cut in its middle.
BEGIN_WITHIN_SECONDS = 54 * 60
LATE = re.compile(r"^no time was left for (\d+) tests$", re.MULTILINE)
CHANGED = re.compile(r"(\S+)\s+: ok=\d+\s+changed=(\d+)")
# What says why a scenario failed: a task's failure, and of the tests the names, the assertions and where they stand.
REASONS = re.compile(
    r"^(?:fatal: .*|\[ERROR\].*|FAILED .*|ERROR .*|E  .*|_{3,} .* _{3,}|\S+\.py:\d+: .*)$", re.MULTILINE
)


def actions(log: str) -> list[tuple[str, str]]:
    """The actions of a Molecule run and what each printed, in the plain form that Molecule writes to a file."""
    parts = times.ANNOUNCED.split(log)
    return list(zip(parts[1::2], parts[2::2], strict=True))


def changed_by(output: str) -> dict[str, int]:
    """Changed tasks of each host, from the recap."""
    return {host: int(count) for host, count in CHANGED.findall(output)}


def reasons(log: str) -> str:
    """The lines that say what went wrong, each cut, then the end of the log."""
    lines = [line[:400] for line in REASONS.findall(log)]
    return "\n".join([*lines[-60:], "--- the end of the log:", log[-2000:]])


def marks(scenario: str) -> list[pytest.MarkDecorator]:
    """What says which target runs the scenario."""
    apart, shortened = scenario in APART, scenario in SHORTENED
    return [pytest.mark.long] * apart + [pytest.mark.thorough] * shortened


def checks_before(scenario: str) -> int:
    """How many checks the scenario's sequence has before its hosts are configured."""
    shared = yaml.safe_load((PROJECT / ".config/molecule/config.yml").read_text())
    own = yaml.safe_load((PROJECT / f"molecule/{scenario}/molecule.yml").read_text())
    sequence = {**shared["scenario"], **own.get("scenario", {})}["test_sequence"]
    return sequence[: sequence.index("converge")].count("check")


@pytest.mark.scenario
@pytest.mark.parametrize("scenario", [pytest.param(name, marks=marks(name)) for name in ORDER])
def test_scenario(scenario: str, record_property: Callable[[str, object], None]) -> None:
    """The scenario passes, and its last check, after converge, predicts no change on any host."""
    if limit := times.budget(os.environ, time.time(), BEGIN_WITHIN_SECONDS):
        pytest.skip(f"{limit}: run 'make test-role ROLE={scenario}'")
    log_file = PROJECT / "build" / "molecule" / f"{scenario}.log"
    log_file.parent.mkdir(parents=True, exist_ok=True)
    code, seconds, phases = times.run(
        [sys.executable, "-m", "molecule", "test", "-s", scenario],
        log_file,
        SECONDS,
        cwd=PROJECT,
        env=environment(scenario),
    )
    record_property(times.PROPERTY, [scenario, seconds, phases])
    text = log_file.read_text()
    # Not an `assert`: it would print the log before the reasons, and a log that is cut in the middle loses them.
    if code != 0:
        pytest.fail(f"{scenario} failed after {seconds:.0f} s, see {log_file}:\n{reasons(text)}", pytrace=False)
    # The longest suites skip tests that would begin too late (molecule/shared/bounded.py).
    if late := LATE.search(text):
        warnings.warn(
            f"{scenario}: no time was left for {late[1]} of its tests: run 'make test-role ROLE={scenario}'",
            stacklevel=1,
        )
    checks = [changed_by(output) for name, output in actions(text) if name == "check"]
    expected = checks_before(scenario) + 1
    assert len(checks) == expected, f"expected {expected} check runs in {log_file}, found {len(checks)}"
    *before, after = checks
    assert all(sum(one.values()) > 0 for one in before), f"the check on empty hosts predicted nothing: {before}"
    assert after and not any(after.values()), f"the check after converge predicts changes: {after}"
