"""Hosts of the scenario, and the playbooks that its tests run."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest
import testinfra
from site_playbooks import Run, start
from site_visitor import LAB


def play(*words: str) -> Run:
    """Run a playbook to its end, whatever that is."""
    process = start(*words)
    output, _ = process.communicate(timeout=600)
    # Ansible breaks long lines where it likes.
    return Run(process.returncode, re.sub(r"\n {4,}", " ", output))


def on(name: str) -> Any:
    """A host of the inventory, as root."""
    return testinfra.get_host(f"ssh://{name}?ssh_config={LAB / 'ssh_config'}&sudo=true")


def info(host: Any) -> dict[str, Any]:
    """What the repository says of the cluster."""
    return json.loads(host.check_output("runuser -u postgres -- pgbackrest --stanza=main --output=json info"))[0]


def sql(host: Any, statement: str) -> str:
    """Ask the cluster as its superuser."""
    return host.check_output(f'runuser -u postgres -- psql -XAtq -d postgres -c "{statement}"').strip()


def until(seconds: float, condition: Any) -> float:
    """Wait until something holds; how long it took."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, f"not within {seconds} s"
        time.sleep(0.5)
    return time.monotonic() - began


@pytest.fixture(scope="session")
def db1() -> Any:
    return on("db1")


@pytest.fixture(scope="session")
def backup1() -> Any:
    return on("backup1")
