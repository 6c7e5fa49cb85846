"""Operating systems as data: which file counts, what is refused, and what the refusal says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible import constants
from ansible.errors import AnsibleFilterError
from ansible_collections.django_ec2.site.plugins.plugin_utils import systems

ROOT = Path(__file__).resolve().parents[2]
ANSIBLE = Path(sys.executable).with_name("ansible-playbook")


def facts(distribution: str, version: str) -> dict[str, str]:
    return {
        "distribution": distribution,
        "distribution_version": version,
        "distribution_major_version": version.split(".", maxsplit=1)[0],
    }


def host(name: str, distribution: str, version: str, **variables: Any) -> dict[str, Any]:
    return {"inventory_hostname": name, "ansible_facts": facts(distribution, version), **variables}


@pytest.fixture
def roles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Roles of a test, and the way to describe a system for one of them."""
    monkeypatch.setattr(constants, "DEFAULT_ROLES_PATH", [str(tmp_path)])
    describe(tmp_path, "base", "Debian_13", tested=True, ansible_core="2.19", packages=["curl"])
    describe(tmp_path, "base", "Ubuntu_24.04", tested=False, ansible_core="2.19", packages=["curl", "chrony"])
    describe(tmp_path, "web", "Debian_13", packages=["nginx", "curl"])
    return tmp_path


def describe(roles: Path, role: str, system: str, **data: Any) -> None:
    path = roles / role / "vars" / f"{system}.yml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump({f"__{role}_system": data}))


def test_the_most_exact_name_comes_first() -> None:
    assert systems.system_names(facts("Debian", "13.2")) == ["Debian_13.2", "Debian_13"]
    assert systems.system_names(facts("Ubuntu", "24.04")) == ["Ubuntu_24.04", "Ubuntu_24"]
    assert systems.system_names(facts("Debian", "13")) == ["Debian_13"]


def test_facts_that_were_not_read_are_named() -> None:
    with pytest.raises(AnsibleFilterError, match="gather its facts"):
        systems.system_names({})


def test_the_file_of_the_release_is_read(roles: Path) -> None:
    assert systems.role_system("web", facts("Debian", "13.2")) == {"packages": ["nginx", "curl"]}
    describe(roles, "web", "Debian_13.2", packages=["nginx-light"])
    assert systems.role_system("web", facts("Debian", "13.2")) == {"packages": ["nginx-light"]}
    assert systems.role_system("web", facts("Debian", "13.3")) == {"packages": ["nginx", "curl"]}


@pytest.mark.usefixtures("roles")
def test_what_one_reader_changes_no_other_sees() -> None:
    systems.role_system("web", facts("Debian", "13"))["packages"].append("telnetd")
    assert systems.role_system("web", facts("Debian", "13")) == {"packages": ["nginx", "curl"]}


@pytest.mark.usefixtures("roles")
def test_a_system_without_a_file_is_named_with_those_that_have_one() -> None:
    with pytest.raises(AnsibleFilterError) as caught:
        systems.role_system("web", facts("Ubuntu", "24.04"))
    message = str(caught.value)
    assert "roles/web/vars has no Ubuntu_24.yml or Ubuntu_24.04.yml" in message
    assert "describes Debian 13" in message
    assert "docs/operating-systems.md" in message


def test_a_file_that_says_something_else_is_named(roles: Path) -> None:
    (roles / "web" / "vars" / "Debian_12.yml").write_text("__web_packages: [nginx]\n")
    with pytest.raises(AnsibleFilterError, match=r"Debian_12\.yml has no mapping __web_system"):
        systems.role_system("web", facts("Debian", "12.9"))


@pytest.mark.usefixtures("roles")
def test_a_role_that_is_not_there_is_named() -> None:
    with pytest.raises(AnsibleFilterError, match="There is no role ngnix in"):
        systems.role_packages(["ngnix"], facts("Debian", "13"))


def test_packages_of_roles_are_listed_once(roles: Path) -> None:
    assert systems.role_packages(["web", "base"], facts("Debian", "13.1")) == ["curl", "nginx"]
    assert systems.role_packages([], facts("Debian", "13.1")) == []
    describe(roles, "mail", "Debian_13", unit="exim4.service")
    with pytest.raises(AnsibleFilterError, match="base_roles: roles/mail/vars/"):
        systems.role_packages(["mail"], facts("Debian", "13.1"))


@pytest.mark.usefixtures("roles")
def test_a_tested_system_is_taken() -> None:
    assert systems.system_problems([host("web1", "Debian", "13.1"), host("web2", "Debian", "13")]) == []
    assert systems.system_problems([]) == []


@pytest.mark.usefixtures("roles")
def test_a_system_that_was_looked_up_is_taken_by_those_who_accept_it() -> None:
    (problem,) = systems.system_problems([host("web1", "Debian", "13.1"), host("web2", "Ubuntu", "24.04")])
    assert problem.startswith("web2 runs Ubuntu 24.04, which is described, but not tested on a host.")
    assert "Tested are Debian 13." in problem
    assert "accept_untested_distribution: true" in problem
    assert "docs/operating-systems.md" in problem
    for word in (True, "true", "yes"):
        assert systems.system_problems([host("web2", "Ubuntu", "24.04", accept_untested_distribution=word)]) == []
    for word in (False, "false", "no"):
        assert systems.system_problems([host("web2", "Ubuntu", "24.04", accept_untested_distribution=word)])


@pytest.mark.usefixtures("roles")
@pytest.mark.parametrize(
    ("distribution", "version"), [("Ubuntu", "22.04"), ("Ubuntu", "24.10"), ("Debian", "11.9"), ("Fedora", "43")]
)
def test_any_other_system_is_refused_with_the_list(distribution: str, version: str) -> None:
    given = host("web1", distribution, version, accept_untested_distribution=True)
    (problem,) = systems.system_problems([given])
    assert problem.startswith(f"web1 runs {distribution} {version}, which no role describes.")
    assert "Described are Debian 13, Ubuntu 24.04" in problem


def test_an_ansible_that_does_not_know_the_python_of_the_system_is_refused(
    roles: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    describe(roles, "base", "Ubuntu_26.04", tested=False, ansible_core="2.20", packages=[])
    given = [host("web1", "Ubuntu", "26.04", accept_untested_distribution=True), host("web2", "Debian", "13.1")]
    monkeypatch.setattr(systems, "ansible_core", "2.19.14")
    (problem,) = systems.system_problems(given)
    assert problem.startswith("web1 runs Ubuntu 26.04, whose Python needs ansible-core 2.20 or newer; this is 2.19.14.")
    assert "Python 3.12 or newer" in problem
    for version in ("2.20.0", "2.21.5"):
        monkeypatch.setattr(systems, "ansible_core", version)
        assert systems.system_problems(given) == []


@pytest.mark.usefixtures("roles")
def test_every_host_that_cannot_be_taken_is_named_at_once() -> None:
    problems = systems.system_problems([host("web1", "Fedora", "43"), host("web2", "Ubuntu", "24.04")])
    assert [problem.split()[0] for problem in problems] == ["web1", "web2"]


def prepare_play() -> tuple[list[str], dict[str, Any]]:
    """The names of the tasks that prepare hosts, and the one that looks at their systems."""
    (path,) = (ROOT / "playbooks").rglob("prepare.yml")
    tasks = [task for play in yaml.safe_load(path.read_text()) for task in play["tasks"]]
    (task,) = [task for task in tasks if "system_problems" in str(task)]
    return [next(key for key in one if "." in key) for one in tasks], task


def test_it_is_asked_right_after_the_facts_were_read() -> None:
    modules, _ = prepare_play()
    assert modules[:2] == ["ansible.builtin.setup", "ansible.builtin.fail"]


@pytest.mark.parametrize(
    ("given", "accept", "said"),
    [
        (facts("Debian", "13.1"), False, ""),
        (facts("Ubuntu", "24.04"), True, ""),
        (
            facts("Ubuntu", "26.04"),
            False,
            "two runs Ubuntu 26.04, which is described, but not tested on a host. Tested are Debian 12, Debian 13.",
        ),
        (
            facts("Fedora", "43"),
            True,
            "two runs Fedora 43, which no role describes. Described are Debian 12, Debian 13, Ubuntu 24.04, Ubuntu 26.04",
        ),
    ],
)
def test_a_run_stops_for_all_hosts_before_anything_is_changed(
    tmp_path: Path, given: dict[str, str], accept: bool, said: str
) -> None:
    good = facts("Debian", "12.9")
    # Facts that a task sets as cacheable are in ansible_facts, as those of a host are.
    pretend = {name: "{{ given[inventory_hostname]." + name + " }}" for name in good}
    play = {
        "hosts": "all",
        "gather_facts": False,
        "vars": {"given": {"one": good, "two": given}},
        "tasks": [
            {"name": "Facts", "ansible.builtin.set_fact": {**pretend, "cacheable": True}},
            prepare_play()[1],
            {"name": "Next", "ansible.builtin.debug": {"msg": "goes on: {{ inventory_hostname }}"}},
        ],
    }
    (tmp_path / "play.yml").write_text(yaml.safe_dump([play]))
    hosts = {"one": {}, "two": {"accept_untested_distribution": accept}}
    (tmp_path / "hosts.yml").write_text(yaml.safe_dump({"web": {"hosts": hosts}}))
    done = subprocess.run(
        [str(ANSIBLE), "-i", str(tmp_path / "hosts.yml"), "-c", "local", str(tmp_path / "play.yml")],
        env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    output = " ".join(done.stdout.replace("\\n", " ").split())
    if said:
        assert done.returncode != 0
        assert said in output
        assert "goes on" not in output
    else:
        assert done.returncode == 0, done.stdout + done.stderr
        assert "goes on: one" in output
        assert "goes on: two" in output


PACKAGES = """
- hosts: localhost
  connection: local
  gather_facts: false
  vars:
    ansible_facts: {distribution: Debian, distribution_version: "13.1", distribution_major_version: "13"}
  tasks:
    - ansible.builtin.debug:
        msg: "{{ query('django_ec2.site.role_packages', 'nginx', 'rds_client') | join(' ') }}"
"""


@pytest.mark.parametrize(
    ("chosen", "expected", "missing"),
    [
        ({}, "libnginx-mod-http-brotli-static", "none-of-these"),
        ({"nginx_packages": ["nginx-light"]}, "nginx-light", "brotli"),
        ({"nginx_packages": "{{ __nginx_packages + ['nginx-extra'] }}"}, "libnginx-mod-http-brotli-static", "none-of-these"),
        ({"nginx_packages": "{{ __nginx_packages | reject('search', 'brotli') }}"}, "nginx", "brotli"),
    ],
)  # fmt: skip
def test_a_list_that_the_inventory_sets_takes_the_place_of_the_roles_own(
    tmp_path: Path, chosen: dict[str, Any], expected: str, missing: str
) -> None:
    (tmp_path / "play.yml").write_text(PACKAGES)
    done = subprocess.run(
        [ANSIBLE, "-i", "localhost,", tmp_path / "play.yml", "-e", json.dumps(chosen)],
        env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    said = " ".join(done.stdout.partition("msg:")[2].partition("PLAY RECAP")[0].split())
    assert "psycopg2" in said, "the other role's, from its file"
    assert expected in said
    assert missing not in said
