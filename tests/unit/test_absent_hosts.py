"""Hosts that a run does without: refused where a playbook needs them, told in the last lines otherwise."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.django_ec2.site.plugins.plugin_utils.absent_hosts import (
    inventory_problem,
    last_lines,
    limit_problem,
)

GROUPS = {"all": ["web1", "web2", "db1"], "web": ["web1", "web2"], "database": ["db1"], "ungrouped": []}


@pytest.mark.parametrize(
    ("groups", "web", "words"),
    [
        (GROUPS, True, ""),
        ({"all": ["db1"], "database": ["db1"]}, False, ""),
        ({"all": [], "ungrouped": []}, False, "The inventory inventory/production has no host."),
        ({"all": ["db1"], "database": ["db1"], "web": []}, True, "has no host in the group web."),
    ],
)
def test_an_inventory_without_hosts_is_refused(groups: dict[str, list[str]], web: bool, words: str) -> None:
    said = inventory_problem(groups, ["inventory/production"], web)
    assert words in said
    assert bool(said) == bool(words)


@pytest.mark.parametrize(
    ("needed", "taken", "missing"),
    [
        (["web"], ["web1", "web2"], ""),
        (["web", "database"], ["web1", "db1"], "web2"),
        (["web", "database"], [], "web1, web2, db1"),
        ([], ["web1"], ""),
    ],
)
def test_a_limit_that_leaves_out_a_needed_host_is_refused(needed: list[str], taken: list[str], missing: str) -> None:
    said = limit_problem("rollback", needed, GROUPS, taken)
    assert bool(said) == bool(missing)
    assert f"leaves out {missing}." in said or not missing


def test_a_full_run_has_nothing_to_say() -> None:
    assert list(last_lines([], [], True, "", [])) == []


def test_the_last_line_says_who_was_left_out() -> None:
    assert list(last_lines(["db1", "web2"], [], True, "web1", []))[-1].startswith("Left out by --limit: db1, web2.")


def test_a_host_that_was_not_reached_comes_with_the_way_on() -> None:
    (line,) = last_lines([], ["web2"], False, "", [])
    assert line == (
        "Not reached: web2. Nothing was changed on any host. Run it again when the host is back, or leave it out with --limit '!web2'."
    )


def test_a_limit_is_kept_in_the_way_on() -> None:
    assert "--limit 'web:!web2'" in next(last_lines([], ["web2"], True, "web", []))


def test_a_playbook_that_needs_every_host_names_no_limit() -> None:
    (line,) = last_lines([], ["web2"], False, "", ["web"])
    assert "--limit" not in line
    assert "take it out of the inventory" in line


@pytest.fixture
def run(root: Path, tmp_path: Path):
    """Run a playbook on an inventory of this machine, with some words more."""

    def run(playbook: str, hosts: str, *words: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "hosts.yml").write_text(hosts)
        (tmp_path / "small.yml").write_text(
            "- hosts: web\n  gather_facts: false\n  any_errors_fatal: true\n  tasks: [{ansible.builtin.ping: }, {ansible.builtin.ping: }]\n"
        )
        environment = {
            **os.environ,
            "ANSIBLE_CONFIG": str(root / "ansible.cfg"),
            "ANSIBLE_NOCOLOR": "1",
            "COLUMNS": "1000",
        }
        program = Path(sys.executable).with_name("ansible-playbook")
        return subprocess.run(
            [str(program), "-i", str(tmp_path / "hosts.yml"), playbook.replace("small", str(tmp_path / "small")), *words],
            cwd=root, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip

    return run


LOCAL = "ansible_connection: local, ansible_python_interpreter: /usr/bin/python3"
HERE = f"web: {{hosts: {{web1: {{{LOCAL}}}, web2: {{{LOCAL}}}}}}}\n"
AWAY = f"web: {{hosts: {{web1: {{{LOCAL}}}, web2: {{ansible_host: 127.0.0.1, ansible_port: 9}}}}}}\n"


def test_a_limit_ends_well_and_its_last_line_names_who_was_left_out(run) -> None:
    done = run("small.yml", HERE, "--limit", "!web2")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip().splitlines()[-1].startswith("Left out by --limit: web2.")


def test_a_host_that_is_away_ends_the_run_for_the_others(run) -> None:
    done = run("small.yml", AWAY)
    assert done.returncode != 0
    assert "web1                       : ok=1 " in done.stdout, "the second task has run"
    assert done.stdout.strip().splitlines()[-1].startswith("Not reached: web2. Nothing was changed on any host.")


@pytest.mark.parametrize(
    "playbook", ["site.yml", "playbooks/deploy.yml", "playbooks/releases.yml", "playbooks/secrets.yml"]
)
def test_an_inventory_that_parses_and_has_no_host_ends_the_run(run, playbook: str) -> None:
    done = run(playbook, "web: {}\n")
    assert done.returncode == 2, done.stdout + done.stderr
    assert "has no host" in done.stdout


@pytest.mark.parametrize("playbook", ["rollback", "rotate_secrets"])
def test_a_playbook_that_needs_every_host_refuses_a_limit(run, playbook: str) -> None:
    done = run(f"playbooks/{playbook}.yml", HERE, "--limit", "web1")
    assert done.returncode == 2, done.stdout + done.stderr
    assert f"{playbook} needs every host of web" in done.stdout
    assert "leaves out web2" in done.stdout


def test_a_source_that_cannot_be_read_ends_the_run_though_others_have_hosts(run, tmp_path: Path) -> None:
    (tmp_path / "aws_ec2.yml").write_text("plugin: amazon.aws.aws_nothing\n")
    done = run("small.yml", HERE, "-i", str(tmp_path / "aws_ec2.yml"))
    assert done.returncode == 1, done.stdout + done.stderr
    assert "failed to parse inventory source" in done.stderr


LOST = """
- hosts: web
  gather_facts: false
  any_errors_fatal: true
  tasks:
    - any_errors_fatal: false
      block: [{ansible.builtin.ping: }]
      rescue: [{ansible.builtin.debug: {msg: a step of an application}}]
    - ansible.builtin.import_role: {name: release, tasks_from: leave_out.yml, rolespec_validate: false}
    - ansible.builtin.debug: {msg: went on}
"""


def test_a_host_that_is_lost_in_the_middle_of_an_application_stops_the_others(run, tmp_path: Path) -> None:
    """Steps of an application forgive a failure of it; a host that is gone is none."""
    (tmp_path / "lost.yml").write_text(LOST)
    done = run(str(tmp_path / "lost.yml"), AWAY)
    assert done.returncode != 0
    assert "web2 can't be reached any more, so the run stops." in done.stdout
    assert "went on" not in done.stdout
