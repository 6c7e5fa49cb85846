"""The pipelines of docs/ci: what the services' schemas say of them, which playbooks they call, and that they keep no key of AWS."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tools.new_operations import PRODUCT

ROOT = Path(__file__).resolve().parents[2]
GITHUB, GITLAB = ROOT / "docs/ci/github-actions.yml", ROOT / "docs/ci/gitlab-ci.yml"
SCHEMAS = {GITHUB: "vendor.github-workflows", GITLAB: "vendor.gitlab-ci"}
# What a run of a pipeline calls, and says with which words.
STUB = 'echo "$(basename "$0") $*"; [ "$(basename "$0")" != ssh-add ] || cat >/dev/null'
INVENTORY = "-i inventory/staging"

each = pytest.mark.parametrize("pipeline", SCHEMAS, ids=lambda path: path.stem)


@each
def test_the_schema_of_the_service_accepts_it(pipeline: Path) -> None:
    program = Path(sys.executable).with_name("check-jsonschema")
    done = subprocess.run(
        [program, "--builtin-schema", SCHEMAS[pipeline], pipeline], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@each
def test_credentials_of_aws_are_short_lived(pipeline: Path) -> None:
    text = pipeline.read_text()
    assert not re.search(r"AWS_(ACCESS_KEY_ID|SECRET_ACCESS_KEY|SESSION_TOKEN)|aws-access-key-id|aws-secret", text)
    assert "id-token: write" in text or "id_tokens:" in text


@each
def test_it_calls_playbooks_that_there_are(pipeline: Path) -> None:
    text = pipeline.read_text()
    called = set(re.findall(rf"{PRODUCT}/playbooks/(\w+)\.yml", text))
    if pipeline == GITHUB:
        called |= {
            one for one in load(pipeline)[True]["workflow_dispatch"]["inputs"]["playbook"]["options"] if one != "site"
        }
    assert called
    assert not {name for name in called if not (ROOT / "playbooks" / f"{name}.yml").is_file()}


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def calls(
    script: str, fake_bin: Callable[[str, str], Path] | None, place: Path, **environment: str
) -> tuple[int, list[str]]:
    """The calls of ansible-playbook that a script makes, and its exit code."""
    assert fake_bin
    for name in ("ansible-playbook", "git", "ssh-agent", "ssh-add"):
        fake_bin(name, "true" if name == "ssh-agent" else STUB)
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        env={"PATH": os.environ["PATH"], "HOME": str(place), **environment}, cwd=place, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, [line for line in done.stdout.splitlines() if line.startswith("ansible-playbook")]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"PLAYBOOK": "deploy", "APP": "shop", "VERSION": "v1"}, f"{PRODUCT}/playbooks/deploy.yml {INVENTORY} -e app=shop -e version=v1"),
        ({"PLAYBOOK": "rollback", "APP": "shop"}, f"{PRODUCT}/playbooks/rollback.yml {INVENTORY} -e app=shop"),
        ({"PLAYBOOK": "site"}, f"site.yml {INVENTORY}"),
        ({"PLAYBOOK": "check"}, f"site.yml --check --diff {INVENTORY}"),
    ],
)  # fmt: skip
def test_the_steps_of_github_run_the_playbook_with_what_was_chosen(
    fake_bin: Callable[[str, str], Path], tmp_path: Path, given: dict[str, str], words: str
) -> None:
    [script] = [step["run"] for step in load(GITHUB)["jobs"]["run"]["steps"] if "run" in step]
    nothing = {"APP": "", "VERSION": "", "SSH_PRIVATE_KEY": "a key", "SSH_KNOWN_HOSTS": "a line"}
    code, called = calls(script, fake_bin, tmp_path, **{**nothing, "ENVIRONMENT": "staging", **given})
    assert (code, called) == (0, [f"ansible-playbook {words}"])
    assert (tmp_path / ".ssh/known_hosts").read_text() == "a line\n"


@pytest.mark.parametrize(
    ("job", "given", "words"),
    [
        ("deploy staging", {"APP": "shop", "VERSION": "v1"}, f"{PRODUCT}/playbooks/deploy.yml {INVENTORY} -e app=shop -e version=v1"),
        ("rollback production", {"APP": "shop"}, f"{PRODUCT}/playbooks/rollback.yml {INVENTORY} -e app=shop"),
        ("check production", {}, "-i inventory/production site.yml --check --diff"),
    ],
)  # fmt: skip
def test_the_jobs_of_gitlab_run_the_playbook_with_what_was_given(
    fake_bin: Callable[[str, str], Path], tmp_path: Path, job: str, given: dict[str, str], words: str
) -> None:
    pipeline = load(GITLAB)
    for name in ("key", "hosts"):
        (tmp_path / name).write_text(name)
    files = {"SSH_PRIVATE_KEY": str(tmp_path / "key"), "SSH_KNOWN_HOSTS": str(tmp_path / "hosts")}
    own = {"CI_BUILDS_DIR": str(tmp_path), "CI_JOB_ID": "7", "CI_PROJECT_DIR": str(tmp_path), "AWS_TOKEN": "a token"}
    script = "\n".join([*pipeline[".run"]["before_script"], *pipeline[job]["script"]])
    code, called = calls(
        script,
        fake_bin,
        tmp_path,
        **{**files, **own, "APP": "", "VERSION": "", "CI_ENVIRONMENT_NAME": "staging", **given},
    )
    assert (code, called) == (0, [f"ansible-playbook {words}"])
    token = tmp_path / ".aws-token-7"
    assert (token.read_text(), token.stat().st_mode & 0o777) == ("a token", 0o600)


def test_jobs_of_gitlab_that_run_by_hand_ask_for_their_environment() -> None:
    """A protected environment is the approval: a job without one could not be kept from anybody."""
    jobs = {name: job for name, job in load(GITLAB).items() if isinstance(job, dict) and "script" in job}
    assert jobs
    assert all(job["extends"] == ".run" and job["environment"]["name"] for job in jobs.values())
