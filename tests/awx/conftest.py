"""An operations repository, as far as playbooks/awx.yml looks at it, and the stand-in beside it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.awx.stand_in import StandIn
from tests.awx.stand_in.server import TOKEN

ROOT = Path(__file__).resolve().parents[2]
URL = "https://git.example.org/operations.git"
SETTINGS = {"awx_project_url": URL, "awx_image": "registry.example.org/ee:1", "awx_mail_to": ["ops@example.org"]}


@dataclass
class Run:
    """What a run of the playbook said."""

    code: int
    output: str

    @property
    def changed(self) -> int:
        found = re.search(r"localhost\s+: ok=\d+\s+changed=(\d+)", self.output)
        assert found, self.output
        return int(found[1])


@dataclass
class Operations:
    """The directory of an operations repository, and an AWX for it."""

    path: Path
    awx: StandIn

    def write(self, name: str, content: object) -> None:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else yaml.safe_dump(content, sort_keys=False))

    def run(self, *words: str, **environment: str) -> Run:
        """Run playbooks/awx.yml."""
        variables = {
            **{
                name: value
                for name, value in os.environ.items()
                if not name.startswith(("CONTROLLER_", "TOWER_", "ANSIBLE_"))
            },
            "ANSIBLE_CONFIG": str(self.path / "ansible.cfg"),
            "CONTROLLER_HOST": self.awx.url,
            "CONTROLLER_OAUTH_TOKEN": TOKEN,
            "HOME": str(self.path),
            **environment,
        }
        command = [
            str(Path(sys.executable).with_name("ansible-playbook")),
            str(ROOT / "playbooks" / "awx.yml"),
            "-i",
            "localhost,",
            *words,
        ]
        done = subprocess.run(command, cwd=self.path, env=variables, capture_output=True, text=True, check=False)
        return Run(done.returncode, done.stdout + done.stderr)


def operations(path: Path, awx: StandIn) -> Operations:
    """A repository with these settings, and a stand-in that can clone it."""
    path.mkdir(exist_ok=True)
    config = f"[defaults]\ncollections_path = {ROOT}/collections\nroles_path = {ROOT}/roles\n"
    (path / "ansible.cfg").write_text(
        config
        + "gathering = explicit\ninject_facts_as_vars = False\nstdout_callback = default\ncallback_result_format = yaml\n"
    )
    made = Operations(path, awx)
    made.write("awx/settings.yml", SETTINGS)
    names = sorted(one.name for one in (ROOT / "playbooks").glob("*.yml"))
    awx.repositories[URL] = (["site.yml", *(f"django-ec2/playbooks/{name}" for name in names)], True)
    return made


@pytest.fixture
def awx() -> Iterator[StandIn]:
    server = StandIn()
    yield server
    server.close()


@pytest.fixture
def ops(tmp_path: Path, awx: StandIn) -> Operations:
    return operations(tmp_path / "operations", awx)
