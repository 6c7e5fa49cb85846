"""What aws_scale.yml and aws_resize.yml refuse before anything is done, and what to write instead."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.aws import environments
from tests.aws.rehearsal import Endpoint, an_account, said

pytestmark = pytest.mark.aws


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """One for all, as nothing is done to it."""
    with an_account(tmp_path_factory) as made:
        yield made


@pytest.fixture(scope="module")
def inventory(account: Endpoint, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of two web hosts and an instance of RDS."""
    return environments.inventory(tmp_path_factory.mktemp("aws") / "inventory", environments.make_small(account))


@pytest.mark.parametrize(
    ("playbook", "words", "problem"),
    [
        ("aws_scale", "web=3", "web is 3, and the inventory asks for 2 (web1, web2). Write aws_web_count: 3"),
        ("aws_scale", "aws_web_count=0", "aws_web_count is '0': give a whole number from 1"),
        ("aws_scale", "aws_web_count=many", "aws_web_count is 'many': give a whole number"),
        ("aws_scale", "aws_database_storage_gb=40", "RDS shrinks no storage"),
        ("aws_scale", "aws_database_storage_gb=52", "RDS grows it by at least a tenth, and would make 55 of it"),
        ("aws_scale", "aws_database_class=db.m7g.huge", "aws_database_class is 'db.m7g.huge', which is no class"),
        (
            "aws_resize",
            '{"aws_sizes": {"web": {"type": "t3.gigantic"}}}',
            "type is 't3.gigantic', which is no instance type",
        ),
        (
            "aws_resize",
            '{"aws_sizes": {"web": {"type": "t4g.small"}}}',
            "type t4g.small is of arm64, and aws_fleet_architecture is x86_64",
        ),
        (
            "aws_resize",
            '{"aws_sizes": {"web": {"type": "t3.nano"}}}',
            "t3.nano has 512 MiB of memory, and a host of web needs about 900",
        ),
        (
            "aws_resize",
            '{"aws_sizes": {"web": {"disk_gb": 20}}}',
            "disk_gb is 20 and the volume has 30 GiB: AWS shrinks none",
        ),
        ("aws_resize", "host=web7", "host is web7, which is no host of the environment: choose from web1, web2"),
        (
            "aws_power",
            "power=stopped host=web7",
            "host is web7, and aws_fleet_hosts has none of this name: choose from web1, web2",
        ),
        ("aws_image", "host=web7", "AWS has no web host of this name"),
        ("aws_terminate", "confirm=django", "repeat the name: -e confirm=django-production"),
    ],
)
def test_what_cannot_work_is_refused_before_anything(
    account: Endpoint, inventory: Path, playbook: str, words: str, problem: str
) -> None:
    before = len(account.writes())
    done = account.playbook(playbook, inventory, "-e", words)
    assert done.returncode != 0
    assert problem in said(done)
    assert account.writes()[before:] == []
