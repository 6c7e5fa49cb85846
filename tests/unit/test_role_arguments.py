"""role_arguments: the variables of all roles of a host, checked in one task on the controller."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
ANSIBLE = Path(sys.executable).with_name("ansible-playbook")


def check(tmp_path: Path, *roles: str, **variables: Any) -> str:
    """What the task says; empty when nothing is wrong."""
    task = {"name": "Check", "django_ec2.site.role_arguments": {"roles": list(roles)}}
    play = {"hosts": "localhost", "connection": "local", "gather_facts": False, "vars": variables, "tasks": [task]}
    (tmp_path / "play.yml").write_text(yaml.safe_dump([play]))
    done = subprocess.run(
        [str(ANSIBLE), "-i", "localhost,", str(tmp_path / "play.yml")],
        env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return "" if done.returncode == 0 else " ".join((done.stdout + done.stderr).split())


def test_good_variables_pass(tmp_path: Path) -> None:
    # Made from a default of the role, and from another variable.
    variables = {"nginx_https_port": "{{ nginx_http_port + 443 }}", "nginx_http_port": "{{ port }}", "port": 8000}
    assert check(tmp_path, "nginx", "base", "postgres", **variables) == ""


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    said = check(
        tmp_path, "nginx", "base", nginx_http_port="eighty", nginx_tls_mode="hopefully", base_packages={"a": 1}
    )
    assert re.search(r"nginx: .*nginx_http_port.*eighty", said)
    assert "nginx: value of nginx_tls_mode must be one of" in said
    assert re.search(r"base: .*base_packages", said)


def test_entries_of_lists_are_looked_into(tmp_path: Path) -> None:
    assert "domains" in check(
        tmp_path, "nginx", nginx_sites=[{"name": "a", "upstream_socket": "/a", "domain": "a.test"}]
    )


def test_a_role_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert "There is no role ngnix" in check(tmp_path, "ngnix")


def tasks(content: Any) -> Any:
    for task in content or []:
        yield task
        for part in ("tasks", "pre_tasks", "post_tasks", "block", "rescue", "always"):
            yield from tasks(task.get(part))


PLAYBOOKS = sorted([*(ROOT / "playbooks").glob("*.yml"), *(ROOT / "playbooks" / "parts").rglob("*.yml")])


@pytest.mark.parametrize("playbook", PLAYBOOKS, ids=lambda path: path.stem)
def test_roles_that_are_told_not_to_check_are_checked_before(playbook: Path) -> None:
    checked = (ROOT / "playbooks" / "parts" / "prepare.yml").read_text()
    for task in tasks(yaml.safe_load(playbook.read_text())):
        role = task.get("ansible.builtin.import_role", {})
        if role.get("rolespec_validate") is False:
            assert f"'{role['name']}'" in checked, role["name"]
