"""Hosts and visitors of the site."""

from __future__ import annotations

import os
from typing import Any

import pytest
import testinfra
from bounded import pytest_collection_modifyitems, pytest_runtest_setup, pytest_terminal_summary
from site_visitor import PROJECT, Visitor

__all__ = ["pytest_collection_modifyitems", "pytest_runtest_setup", "pytest_terminal_summary"]

INVENTORY = str(PROJECT / "inventory" / "lab")
# What Molecule's own runs are asked to tell, those of the tests are not, unless they say so.
for _one in ("ANSIBLE_VERBOSITY", "ANSIBLE_DIFF_ALWAYS", "ANSIBLE_LOG_PATH"):
    os.environ.pop(_one, None)


def on(name: str) -> Any:
    """A host of the inventory, as root."""
    return testinfra.get_host(f"ansible://{name}?ansible_inventory={INVENTORY}&force_ansible=true")


@pytest.fixture(scope="session")
def web1() -> Any:
    return on("web1")


@pytest.fixture(scope="session")
def web2() -> Any:
    return on("web2")


@pytest.fixture(scope="session")
def db1() -> Any:
    return on("db1")


@pytest.fixture(scope="session")
def backup1() -> Any:
    return on("backup1")


@pytest.fixture(params=["web1", "web2", "db1", "backup1"])
def any_host(request: pytest.FixtureRequest) -> Any:
    """Each host of the site."""
    return on(request.param)


@pytest.fixture
def visitor() -> Visitor:
    """A visitor who knows nothing yet."""
    return Visitor("web1")


@pytest.fixture(params=["web1", "web2"])
def any_visitor(request: pytest.FixtureRequest) -> Visitor:
    """A visitor of each web host."""
    return Visitor(request.param)
