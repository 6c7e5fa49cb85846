"""Run playbooks as AWX does: through ansible-runner, from a copy of a project in a bare private data directory."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ansible_runner
from ansible_collections.django_ec2.site.plugins.plugin_utils.release.source import files_of

# What AWX sets for a job (awx/main/tasks/jobs.py of 24.6.1): nothing of the operator's own environment reaches it.
ENVIRONMENT = {
    "ANSIBLE_FORCE_COLOR": "false",
    "ANSIBLE_HOST_KEY_CHECKING": "False",
    "ANSIBLE_INVENTORY_UNPARSED_FAILED": "True",
    "ANSIBLE_RETRY_FILES_ENABLED": "False",
}
# What AWX adds to the variables of a job.
VARIABLES = {
    "awx_job_id": 17, "awx_job_launch_type": "manual", "awx_user_name": "anna", "tower_user_name": "anna",
    "tower_job_id": 17,
}  # fmt: skip


@dataclass
class Job:
    """A job that ended.

    Attributes:
        status: ``successful`` or ``failed``.
        output: what it printed.
        changed: changed tasks of each host.
        artifacts: what it handed to a workflow by set_stats.
    """

    status: str
    output: str
    changed: dict[str, int] = field(default_factory=dict)
    artifacts: dict[str, Any] = field(default_factory=dict)


def project_copy(project: Path, place: Path, lab: Path, product: str = ".") -> Path:
    """A copy of what git knows of a project and its submodules, as AWX checks one out; returns the private data directory.

    Args:
        project: a checkout, of this product or of an operations repository.
        place: where to make the private data directory.
        lab: directory of a lab's files, which stands for the credentials and hosts that AWX would bring.
        product: where the product lies below the project.
    """
    copy = place / "project"
    for source in files_of(project):
        target = copy / source.relative_to(project)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target, follow_symlinks=False)
    labs = copy / product / ".lab"
    labs.mkdir()
    (labs / lab.name).symlink_to(lab)
    return place


def launch(
    private: Path, playbook: str, inventory: str, variables: Mapping[str, Any] | None = None, **options: Any
) -> Job:
    """Run a playbook of the copied project.

    Args:
        private: what ``project_copy`` made.
        playbook: its path below the project.
        inventory: path of the inventory below the project.
        variables: extra variables, as a survey gives them.
        options: further options of ``ansible_runner.run``, such as ``limit``.
    """
    environment = {**ENVIRONMENT, "HOME": str(private), "LAB_NAME": os.environ.get("LAB_NAME", "lab")}
    # Molecule's settings are the operator's, not the job's.
    kept = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith(("ANSIBLE_", "MOLECULE_"))}
    try:
        run = ansible_runner.run(
            private_data_dir=str(private),
            playbook=playbook,
            inventory=str(private / "project" / inventory),
            extravars={**VARIABLES, **(variables or {})},
            envvars=environment,
            quiet=True,
            **options,
        )
    finally:
        os.environ.update(kept)
    stats = run.stats or {}
    artifacts: dict[str, Any] = {}
    for event in run.events:
        artifacts.update(event.get("event_data", {}).get("artifact_data") or {})
    changed = {host: (stats.get("changed") or {}).get(host, 0) for host in stats.get("processed") or {}}
    return Job(run.status, run.stdout.read(), changed, artifacts)
