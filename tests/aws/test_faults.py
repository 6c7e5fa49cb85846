"""What the playbooks of AWS say when AWS refuses, is slow or is not there, and that the next run goes on."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.kinds.aws import control
from tests.aws import environments
from tests.aws.rehearsal import PUBLIC_KEY, Endpoint

# The smallest environment: one host, one address, no bucket.
SETTINGS = {
    "aws_endpoint_is_a_test": True,
    "aws_fleet_buckets": {},
    "aws_fleet_public_key": PUBLIC_KEY,
    "aws_fleet_wait_seconds": 60,
    "aws_preset": "single",
    "network_operators": ["203.0.113.0/24"],
}


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """An empty account."""
    home = tmp_path_factory.mktemp("lab") / "aws"
    yield Endpoint(home, control.start_at(home))
    control.stop(home)


@pytest.fixture(scope="module")
def inventory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """inventory/production, without its hosts."""
    return environments.inventory(tmp_path_factory.mktemp("aws") / "inventory", SETTINGS)


def test_refused_credentials_are_told_before_anything_else(account: Endpoint, inventory: Path) -> None:
    done = account.playbook("aws_provision", inventory, AWS_ACCESS_KEY_ID="AKIANOBODYKNOWSTHIS0")
    assert done.returncode != 0
    assert "AWS does not take the credentials: give others by AWS_PROFILE" in said(done)


def test_a_missing_right_is_named_with_the_policy_that_has_it(account: Endpoint, inventory: Path) -> None:
    account.fault(
        action="CreateSubnet", code="UnauthorizedOperation", status=403, after=2,
        message="You are not authorized to perform this operation.",
    )  # fmt: skip
    done = account.playbook("aws_provision", inventory)
    assert done.returncode != 0
    assert "It stopped at 'Subnets | Make the subnets'" in said(done)
    assert "The credentials lack the right to CreateSubnet: docs/policies/aws_provision.json has all" in said(done)
    assert "What was done stays: the next run of playbooks/aws_provision.yml finds it, and goes on." in said(done)


def said(done: subprocess.CompletedProcess[str]) -> str:
    """All that a run printed, on one line."""
    return " ".join(done.stdout.split())
