"""Secrets that AWS keeps: values in Parameter Store, and a whole mapping in Secrets Manager."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.aws.conftest import Cloud

NAMES = ["secret_key", "api_token", "admin_password", "database_password", "database_owner_password"]
GOOD = {name: f"Zq8vX3kLw0Rt-{number}-Hn5cPm7bYd" for number, name in enumerate(NAMES)}
SECRET = "production/board"
FROM_A_PARAMETER = "{{{{ lookup('amazon.aws.ssm_parameter', '/production/board/{}') }}}}"
FROM_PARAMETERS = {name: FROM_A_PARAMETER.format(name) for name in NAMES}
FROM_A_SECRET = "{{ lookup('amazon.aws.secretsmanager_secret', '" + SECRET + "') | from_json }}"
# The plays that come before any change; the host is this machine, and nothing is done to it.
PLAY = """\
- import_playbook: {root}/playbooks/parts/preflight.yml
- import_playbook: {root}/playbooks/parts/prepare.yml
- hosts: web
  gather_facts: false
  tasks:
    - ansible.builtin.assert:
        that: django_applications[0].database.password == '{password}'
      loop: "{{{{ range({times}) | list }}}}"
"""


@pytest.fixture(scope="module")
def kept(cloud: Cloud) -> None:
    """The secrets, in both places."""
    for name, value in GOOD.items():
        cloud.client("ssm").put_parameter(Name=f"/production/board/{name}", Value=value, Type="SecureString")
    cloud.client("secretsmanager").create_secret(Name=SECRET, SecretString=json.dumps(GOOD))


def play(cloud: Cloud, place: Path, board: object, times: int = 1) -> subprocess.CompletedProcess[str]:
    """Run the first plays of site.yml as production does, with these secrets of the board; use one so many times."""
    inventory = place / "inventory"
    shutil.copytree(cloud.root / "group_vars", inventory / "group_vars")
    authority = {"certificate": "-----BEGIN CERTIFICATE-----", "key": "-----BEGIN PRIVATE KEY-----"}
    (inventory / "group_vars/env_production/secrets.yml").write_text(
        yaml.safe_dump({"secrets": {"authority": authority, "applications": {"board": board}}})
    )
    host = {
        "ansible_connection": "local",
        "ansible_become": False,
        "ansible_host": "127.0.0.1",
        "database_backups": "none",
    }
    children = {"web": {"hosts": {"web1": host}}, "database": {"hosts": {"web1": {}}}}
    (inventory / "hosts.yml").write_text(
        yaml.safe_dump(
            {
                "env_production": {
                    "vars": {"ansible_group_priority": 10},
                    "children": children,
                }
            }
        )
    )
    (place / "play.yml").write_text(PLAY.format(root=cloud.root, password=GOOD["database_password"], times=times))
    return cloud.ansible("ansible-playbook", "-i", str(inventory), str(place / "play.yml"))


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize("board", [FROM_PARAMETERS, FROM_A_SECRET], ids=["Parameter Store", "Secrets Manager"])
def test_a_run_takes_them_from_aws_and_shows_none(cloud: Cloud, tmp_path: Path, board: object) -> None:
    done = play(cloud, tmp_path, board)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not [value for value in GOOD.values() if value in done.stdout + done.stderr]


@pytest.mark.usefixtures("kept")
def test_aws_is_not_asked_again_for_each_use(cloud: Cloud, tmp_path: Path) -> None:
    asked = []
    for times in (1, 9):
        before = cloud.requests
        done = play(cloud, tmp_path / str(times), FROM_PARAMETERS, times)
        assert done.returncode == 0, done.stdout + done.stderr
        asked.append(cloud.requests - before)
    assert asked[0] == asked[1]
    assert asked[0] >= len(NAMES)


@pytest.mark.usefixtures("kept")
def test_one_that_is_missing_is_named(cloud: Cloud, tmp_path: Path) -> None:
    missing = {**FROM_PARAMETERS, "api_token": FROM_A_PARAMETER.format("typo")}
    done = play(cloud, tmp_path, missing)
    assert done.returncode != 0
    assert "/production/board/typo" in done.stdout


@pytest.mark.usefixtures("kept")
def test_a_weak_one_is_refused_without_being_shown(cloud: Cloud, tmp_path: Path) -> None:
    cloud.client("ssm").put_parameter(Name="/production/board/weak", Value="tooshort", Type="SecureString")
    weak = {**FROM_PARAMETERS, "api_token": FROM_A_PARAMETER.format("weak")}
    done = play(cloud, tmp_path, weak)
    assert done.returncode != 0
    assert "applications.board.secret_environment.API_TOKEN is a placeholder or too weak" in done.stdout
    assert "tooshort" not in done.stdout
