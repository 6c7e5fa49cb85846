"""What a host remembers: a set is found again as long as the host is in keeping with it."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.django_ec2.site.plugins.module_utils.host_config import memory as records
from ansible_collections.django_ec2.site.plugins.module_utils.host_config.configuration import sets_that_hold
from ansible_collections.django_ec2.site.plugins.module_utils.host_config.errors import HostConfigError

from .helpers import ANSIBLE, ROOT, apply, refused, tree


@pytest.fixture
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    directory = tmp_path / "memory"
    monkeypatch.setattr(records, "DIRECTORY", str(directory))
    return directory


def remember(etc: Path, **more: Any) -> dict[str, Any]:
    entry = {"path": str(etc / "app.conf"), "content": "a = 1\n", "mode": "0640"}
    wish = {"directories": [{"path": str(etc / "app.d")}], "files": [entry], "remember": "app", "digest": "d1"}
    return apply(**{**wish, **more})


def test_a_set_that_was_applied_is_remembered_and_found_again(etc: Path, memory: Path) -> None:
    assert sets_that_hold() == {}
    assert remember(etc)["changed"]
    assert sets_that_hold() == {"app": "d1"}
    assert not remember(etc)["changed"]
    assert stat.S_IMODE(memory.stat().st_mode) == 0o700
    assert "a = 1" not in (memory / "app.json").read_text()


@pytest.mark.parametrize("drift", ["content", "mode", "missing", "link", "directory", "purge"])
def test_a_set_that_the_host_departed_from_is_not_found(etc: Path, memory: Path, drift: str) -> None:
    remember(etc, purge=[{"directory": str(etc / "app.d"), "pattern": "*"}])
    assert sets_that_hold() == {"app": "d1"}
    path = etc / "app.conf"
    if drift == "content":
        path.write_text("a = 2\n")
    elif drift == "mode":
        path.chmod(0o644)
    elif drift == "missing":
        path.unlink()
    elif drift == "link":
        path.rename(etc / "elsewhere")
        path.symlink_to("elsewhere")
    elif drift == "directory":
        (etc / "app.d").rmdir()
    else:
        (etc / "app.d" / "stranger").touch()
    before = tree(etc)
    assert sets_that_hold() == {}
    assert tree(etc) == before, "looking changes nothing"
    remember(etc, purge=[{"directory": str(etc / "app.d"), "pattern": "*"}])
    assert sets_that_hold() == {"app": "d1"}


def test_a_check_remembers_nothing_and_forgets_nothing(etc: Path, memory: Path) -> None:
    remember(etc, check_mode=True)
    assert not memory.exists()
    remember(etc)
    (etc / "app.conf").write_text("drift\n")
    remember(etc, check_mode=True)
    assert (memory / "app.json").exists()
    assert sets_that_hold() == {}


def test_a_set_that_failed_is_forgotten(etc: Path, memory: Path) -> None:
    remember(etc)
    entry = {"path": str(etc / "app.conf"), "content": "b\n", "validate": "false %s"}
    with pytest.raises(HostConfigError):
        apply(files=[entry], remember="app", digest="d2")
    assert not (memory / "app.json").exists()


def test_units_belong_to_what_is_remembered(etc: Path, memory: Path, fake_bin: Any) -> None:
    def says(state: str) -> None:
        fake_bin(
            "systemctl",
            f"printf 'Id=a.service\\nLoadState=loaded\\nActiveState={state}\\nUnitFileState=enabled\\nNeedDaemonReload=no\\n'",
        )

    says("active")
    remember(etc, units=[{"name": "a.service", "enabled": True, "state": "started"}])
    assert sets_that_hold() == {"app": "d1"}
    says("inactive")
    assert sets_that_hold() == {}


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"params": {}}', '{"params": {"files": [1]}, "digest": "x"}'])
def test_a_damaged_record_counts_as_none(memory: Path, text: str) -> None:
    memory.mkdir()
    (memory / "app.json").write_text(text)
    assert sets_that_hold() == {}


def test_a_record_ends_when_it_says_so(etc: Path, memory: Path) -> None:
    remember(etc)
    record = json.loads((memory / "app.json").read_text())
    (memory / "app.json").write_text(json.dumps({**record, "until": 1}))
    assert sets_that_hold() == {}


def test_a_name_that_is_no_name_is_refused(etc: Path) -> None:
    assert "remember: '../app'" in refused(remember="../app")


PLAY = """
- hosts: localhost
  gather_facts: false
  vars: {{ansible_connection: local}}
  tasks:
    - {{name: First, django_ec2.site.host_config: {{}}}}
    - &set
      name: Second
      django_ec2.site.host_config:
        remember: test-of-the-project
        files: [{{path: "{path}", content: "one", owner: "{uid}", group: "{gid}"}}]
      register: second
    - {{name: Look, django_ec2.site.host_config: {{}}}}
    - {{<<: *set, name: Third, register: third}}
    - name: Fourth
      django_ec2.site.host_config:
        remember: test-of-the-project
        files: [{{path: "{path}", content: "two", owner: "{uid}", group: "{gid}"}}]
      register: fourth
    - ansible.builtin.assert:
        that:
          - second is changed and not second.remembered
          - third is not changed and third.remembered and third.triggers == []
          - fourth is changed and not fourth.remembered
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="the memory of a host is root's")
def test_a_host_is_asked_once_a_run(tmp_path: Path) -> None:
    record = Path(records.DIRECTORY) / "test-of-the-project.json"
    record.unlink(missing_ok=True)
    playbook = tmp_path / "play.yml"
    playbook.write_text(PLAY.format(path=tmp_path / "file", uid=os.getuid(), gid=os.getgid()))
    try:
        done = subprocess.run(
            [str(ANSIBLE), "-i", "localhost,", str(playbook)],
            env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")}, capture_output=True, text=True, check=False,
        )  # fmt: skip
    finally:
        record.unlink(missing_ok=True)
    assert done.returncode == 0, done.stdout + done.stderr
