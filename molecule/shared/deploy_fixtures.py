"""Fixtures of the scenarios `deploy` and `deploy_faults`."""

from __future__ import annotations

from pathlib import Path

import pytest
from deploying import DOMAIN, WEB, Seen, Visitor, deploy, variant, visitors

# The releases of the plain project that were deployed, the newest last: what visitors may see is decided by it.
LIVE = ["none"]


@pytest.fixture(scope="session")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the copies of the project lie."""
    return tmp_path_factory.mktemp("sources")


@pytest.fixture(scope="session")
def good(sources: Path) -> str:
    """The mark of a good release that is live on every web host."""
    deploy(variant(sources, "good"))
    LIVE.append("good")
    return "good"


@pytest.fixture
def unharmed(good: str) -> object:
    """Visitors during the test; after it, each of them got the release that was live before, always."""
    with visitors() as seen:
        yield seen
    assert isinstance(seen, Seen)
    assert seen.errors == []
    assert len(seen.answers) > 50
    assert seen.statuses() == {200}
    assert seen.marks() == {LIVE[-1]}


@pytest.fixture(params=WEB)
def any_visitor(request: pytest.FixtureRequest) -> Visitor:
    """A visitor of the plain project on each web host."""
    return Visitor(request.param, DOMAIN)
