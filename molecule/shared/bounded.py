"""The longest suites within the time of `make test`.

It leaves out what is marked ``thorough``, and on a slow machine their last tests are skipped, and not cut in the middle of one.
"""

from __future__ import annotations

import os
import time

import pytest

BEGIN_WITHIN_SECONDS = 54 * 60
REASON = "no time left: run 'make test-role' for this suite"


def began() -> str:
    """When `make test` began, which is the one that sets it, in seconds since 1970."""
    return os.environ.get("TEST_BEGAN", "")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is for `make test-long` and `make test-role`."""
    left = [one for one in items if one.get_closest_marker("thorough")] if began() else []
    if left:
        config.hook.pytest_deselected(items=left)
        items[:] = [one for one in items if one not in left]


def pytest_runtest_setup() -> None:
    """Skip what would begin too late in a run whose beginning is known."""
    if began() and time.time() - float(began()) > BEGIN_WITHIN_SECONDS:
        pytest.skip(REASON)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """How many were skipped, on a line of its own: beside a long name pytest leaves the reason out."""
    late = [one for one in terminalreporter.stats.get("skipped", []) if REASON in str(one.longrepr)]
    if late:
        terminalreporter.write_line(f"no time was left for {len(late)} tests")
