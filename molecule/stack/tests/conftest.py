"""Hosts and visitors of the site."""

from __future__ import annotations

from typing import Any

import pytest
import testinfra
from site_visitor import PROJECT, Visitor

INVENTORY = str(PROJECT / "inventory" / "lab")


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


@pytest.fixture
def visitor() -> Visitor:
    """A visitor who knows nothing yet."""
    return Visitor("web1")


@pytest.fixture(params=["web1", "web2"])
def any_visitor(request: pytest.FixtureRequest) -> Visitor:
    """A visitor of each web host."""
    return Visitor(request.param)
