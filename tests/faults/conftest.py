"""One lab and one crowd of visitors for all faults; at the end the tables."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from tests.faults import report
from tests.faults.crowd import Crowd
from tests.faults.site import Site


@dataclass
class Run:
    """The site, its visitors, and how many tasks a whole run of each playbook has."""

    site: Site
    crowd: Crowd
    tasks: dict[str, int] = field(default_factory=dict)


@pytest.fixture(scope="session")
def run() -> Iterator[Run]:
    """Boot the lab, let visitors come, and write the tables when all is done."""
    site = Site()
    try:
        if not os.environ.get("FAULTS_BOOTED"):
            site.boot()
        crowd = Crowd(site)
        crowd.arrive()
        found = Run(site, crowd)
        assert crowd.wait_for_calm(time.monotonic(), 60), "the site does not serve"
        try:
            yield found
        finally:
            print(f"\n{report.write()}")
            crowd.go()
    finally:
        site.leave()
