"""The execution environment: what ansible-builder makes of its description, and its versions, which are those of the lock."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from tests.execution_environment import create_context

ROOT = Path(__file__).resolve().parents[2]
OWN = ROOT / "execution-environment"
# Nothing of a lab or a test runs in a job.
TESTS_ALONE = {"molecule", "moto", "pytest", "selenium", "ansible-lint", "django"}


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return create_context(tmp_path_factory.mktemp("context"))


def packages(path: Path) -> dict[str, set[str]]:
    """The lines of a lock by package: version and marker, and the hashes."""
    found: dict[str, set[str]] = {}
    for entry in re.split(r"\n(?=[a-z])", path.read_text()):
        if named := re.match(r"([a-z0-9._-]+)==(\S+)( ; [^\\\n]+)?", entry):
            found.setdefault(named[1], set()).add(named[2])
            found[named[1]] |= set(re.findall(r"sha256:\w+", entry))
    return found


def test_its_versions_and_hashes_are_those_of_the_lock() -> None:
    lock, own = packages(ROOT / "requirements.txt"), packages(OWN / "requirements.txt")
    assert {name: lines for name, lines in own.items() if not lines <= lock.get(name, set())} == {}
    assert set(own) >= {"ansible", "ansible-core", "ansible-runner", "boto3", "cryptography", "uv"}
    assert not set(own) & TESTS_ALONE
    asked = {line for line in (OWN / "requirements.in").read_text().splitlines() if not line.startswith("#")}
    assert asked <= set((ROOT / "requirements.in").read_text().splitlines())


def test_the_context_installs_the_lock_with_its_hashes(context: Path) -> None:
    assert (context / "_build/locked/requirements.txt").read_bytes() == (OWN / "requirements.txt").read_bytes()
    steps = (context / "Containerfile").read_text()
    final = steps[steps.index("FROM base AS final") :]
    installs = re.findall(r"pip install [^&\n]*", final)
    assert installs
    assert all("--require-hashes" in one for one in installs)
    for package in ("git", "openssh-client"):
        assert re.search(rf"apt-get install .*\b{package}\b", steps), package
    assert 'ENV PATH="/opt/ansible/bin:$PATH"' in final
    assert "USER 1000" in final


def navigator(*words: str) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("ansible-navigator")
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        [program, "settings", *words, "--mode", "stdout", "--execution-environment", "false"],
        env={**os.environ, "PATH": path, "ANSIBLE_NAVIGATOR_LOG_FILE": os.devnull}, cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_ansible_navigator_knows_every_setting() -> None:
    done = navigator("--schema", "json")
    assert done.returncode == 0, done.stderr
    settings: dict[str, Any] = yaml.safe_load((ROOT / "ansible-navigator.yml").read_text())
    jsonschema.validate(settings, json.loads(done.stdout))
    strange = {"ansible-navigator": {**settings["ansible-navigator"], "execution": {}}}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(strange, json.loads(done.stdout))
