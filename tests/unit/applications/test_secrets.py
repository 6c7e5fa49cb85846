"""What is wrong with secrets, in sentences that do not repeat them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.django_ec2.site.plugins.plugin_utils.applications.secrets import (
    application_secrets_problems,
    secrets_file_problems,
)

from .entries import STRONG, resolved


def problems(strict: bool = True, **changes: Any) -> list[str]:
    return application_secrets_problems([resolved(**changes)], strict)


def test_good_secrets_are_no_problem() -> None:
    assert problems(secret_environment={"KEY": STRONG * 2, "DATABASE_URL": "${database_url}"}) == []


@pytest.mark.parametrize(
    "value", ["changeme-0123456789abcdef", "short", "aaaaaaaaaaaaaaaaaaaaaaaa", "my-long-dear-password"]
)
def test_weak_secrets_are_a_problem_outside_the_lab_alone(value: str) -> None:
    (problem,) = problems(secret_environment={"KEY": value})
    assert "applications.shop.secret_environment.KEY is a placeholder or too weak" in problem
    assert "playbooks/secrets.yml" in problem
    assert value not in problem
    assert problems(strict=False, secret_environment={"KEY": value}) == []


def test_missing_secrets_are_a_problem_everywhere() -> None:
    found = problems(
        strict=False,
        secret_environment={"KEY": ""},
        database={"password": STRONG},
        superuser={"username": "admin", "email": "a@example.org"},
    )
    assert [problem.split(" is empty")[0] for problem in found] == [
        "applications.shop.secret_environment.KEY",
        "applications.shop.database.owner_password",
        "applications.shop.superuser.password",
    ]


def test_one_password_for_both_roles_is_a_problem() -> None:
    (problem,) = problems(strict=False, database={"password": STRONG, "owner_password": STRONG})
    assert "are the same; use two" in problem


@pytest.mark.parametrize(
    ("content", "mode", "safe"),
    [
        ("secrets: {}", 0o600, True),
        ("secrets: {}", 0o604, False),
        ("secrets: {}", 0o640, False),
        ("$ANSIBLE_VAULT;1.1", 0o644, True),
    ],
)
def test_a_file_of_secrets_is_for_its_owner_alone(tmp_path: Path, content: str, mode: int, safe: bool) -> None:
    path = tmp_path / "secrets.yml"
    path.write_text(content)
    path.chmod(mode)
    assert (secrets_file_problems(str(path)) == []) is safe
    assert secrets_file_problems(str(tmp_path / "none.yml")) == []


def test_the_passwords_of_a_further_database_are_examined() -> None:
    found = problems(databases={"facts": {"password": "short"}, "same": {"password": STRONG, "owner_password": STRONG}})
    assert [one.split(" is ")[0].split(": ")[0] for one in found] == [
        "applications.shop.databases.facts.password",
        "applications.shop.databases.facts.owner_password",
        "applications.shop.databases.same",
    ]
