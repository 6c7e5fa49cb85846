"""A primary that is away is stopped by the API of AWS before another one is promoted, where there are credentials."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.aws.conftest import REGION, Cloud
from tests.aws.test_inventory import launch

STATE = {"running": True, "lsn": 100, "timeline": 1}
PLAY = """
- hosts: database
  gather_facts: false
  any_errors_fatal: true
  vars:
    to: db2
    away: db1
    ansible_connection: local
    ansible_python_interpreter: "{{ ansible_playbook_python }}"
    postgres_states: {db2: {role: standby, running: true, lsn: 100, timeline: 1}}
  tasks:
    - include_role: {name: postgres, tasks_from: promote_decide.yml, rolespec_validate: false}
    - debug: {msg: "FENCE {{ postgres_promotion.fence }}"}
      run_once: true
    - include_role: {name: postgres, tasks_from: promote_fence.yml, rolespec_validate: false}
"""


@pytest.fixture
def files(cloud: Cloud, tmp_path: Path) -> dict[str, Any]:
    instance = launch(cloud, "db1", "database")["InstanceId"]
    hosts = {
        "db1": {"instance_id": instance, "placement": {"region": REGION}, "private_address": "10.0.0.5"},
        "db2": {},
    }
    inventory = {"database": {"hosts": hosts}, "web": {"hosts": {}}, "all": {"vars": {"database_mode": "self_hosted"}}}
    (tmp_path / "hosts.yml").write_text(json.dumps(inventory))
    (tmp_path / "play.yml").write_text(PLAY)
    return {"instance": instance, "words": ("-i", str(tmp_path / "hosts.yml"), str(tmp_path / "play.yml"))}


def state(cloud: Cloud, instance: str) -> str:
    found = cloud.client("ec2").describe_instances(InstanceIds=[instance])
    return found["Reservations"][0]["Instances"][0]["State"]["Name"]


def test_the_instance_of_a_primary_that_is_away_is_stopped(cloud: Cloud, files: dict[str, Any]) -> None:
    done = cloud.ansible("ansible-playbook", *files["words"])
    assert done.returncode == 0, done.stdout + done.stderr
    assert "FENCE aws" in done.stdout
    assert state(cloud, files["instance"]) == "stopped"


def test_without_the_api_the_other_ways_are_left(cloud: Cloud, files: dict[str, Any]) -> None:
    nobody = Cloud("http://127.0.0.1:9", cloud.root, cloud._asked)
    done = nobody.ansible("ansible-playbook", *files["words"])
    assert done.returncode == 0, done.stdout + done.stderr
    assert "FENCE clients" in done.stdout
    assert state(cloud, files["instance"]) == "running"


def test_whoever_says_that_it_is_off_needs_no_rights(cloud: Cloud, files: dict[str, Any]) -> None:
    done = cloud.ansible("ansible-playbook", *files["words"], "-e", "confirm_fenced=db1")
    assert "FENCE confirmed" in done.stdout, done.stdout
    assert state(cloud, files["instance"]) == "running"


def test_a_primary_that_is_stopped_already_is_fenced(cloud: Cloud, files: dict[str, Any]) -> None:
    cloud.client("ec2").stop_instances(InstanceIds=[files["instance"]])
    done = cloud.ansible("ansible-playbook", *files["words"])
    assert done.returncode == 0, done.stdout + done.stderr
    assert "FENCE aws" in done.stdout
    assert state(cloud, files["instance"]) == "stopped"
