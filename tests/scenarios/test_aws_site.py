"""An environment on AWS from an empty account, as `make up LAB=lab-aws` makes it, on one host behind a balancer."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.scenarios.aws_environment import DOMAIN, Site, changes, environment_of


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """A lab of its own."""
    with environment_of("aws_site") as made:
        yield made


@pytest.mark.aws
def test_an_environment_from_an_empty_account(site: Site) -> None:
    """Provisioned, configured and served; provisioned again without a change, or a call that writes.

    One test: two would be handed to two workers, and there is one lab.
    """
    told = site.lab("up")
    assert f"https://{DOMAIN}/" in told
    assert site.lab("url").strip() == f"https://{DOMAIN}/"
    status, page = site.get("/")
    assert (status, b"</html>" in page) == (200, True)
    assert site.health() == ["healthy"]
    assert site.published() == site.live("web1")

    before = site.writes()
    again = site.playbook("playbooks/aws_provision.yml")
    assert "aws_account" in again
    assert changes(again) == {}
    assert site.writes() == before
