"""Run a job template as AWX 24.6 does, without an AWX: in the execution environment, with what AWX hands to a job and nothing else.

What is AWX's own is done as its source does it (awx/main/tasks/jobs.py, awx/main/models/inventory.py): the inventory is imported from the
project and handed over as a script, credentials come by injectors, answers are marked unsafe, paths come from the project's ansible.cfg.
The checkout is mounted so that nobody can write to it.
"""

from __future__ import annotations

import configparser
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ansible_runner
import jinja2
import yaml
from ansible_collections.django_ec2.site.plugins.plugin_utils.release.source import files_of

# Of every job (awx/settings/defaults.py): nothing of the operator's own environment reaches it.
ENVIRONMENT = {
    "ANSIBLE_FORCE_COLOR": "True",
    "ANSIBLE_HOST_KEY_CHECKING": "False",
    "ANSIBLE_INVENTORY_UNPARSED_FAILED": "True",
    "ANSIBLE_PARAMIKO_RECORD_HOST_KEYS": "False",
    "ANSIBLE_RETRY_FILES_ENABLED": "False",
    "ANSIBLE_SSH_CONTROL_PATH_DIR": "/runner/cp",
    "AWX_HOST": "https://towerhost",
    "AWX_PRIVATE_DATA_DIR": "/tmp/awx_17_x",
    "INVENTORY_ID": "1",
    "JOB_ID": "17",
    "MAX_EVENT_RES": "700000",
    "PROJECT_REVISION": "0" * 40,
}
# What AWX adds to the variables of a job.
VARIABLES = {
    "awx_job_id": 17, "awx_job_launch_type": "manual", "awx_user_name": "anna", "tower_user_name": "anna", "tower_job_id": 17,
}  # fmt: skip
# Paths of ansible.cfg that AWX takes over, with its variable, its directory of what it installed, and its default.
PATHS = (
    ("ANSIBLE_ROLES_PATH", "roles_path", "requirements_roles", "~/.ansible/roles:/usr/share/ansible/roles:/etc/ansible/roles"),
    ("ANSIBLE_COLLECTIONS_PATH", "collections_path", "requirements_collections", "~/.ansible/collections:/usr/share/ansible/collections"),
)  # fmt: skip
COLORS = re.compile(r"\x1b\[[0-9;]*[mK]")


@dataclass
class Job:
    """A job that ended.

    Attributes:
        status: ``successful`` or ``failed``.
        output: what the browser shows of it, without colours.
        changed: changed tasks of each host.
        artifacts: what it handed to a workflow by set_stats.
    """

    status: str
    output: str
    changed: dict[str, int] = field(default_factory=dict)
    artifacts: dict[str, Any] = field(default_factory=dict)


@dataclass
class Controller:
    """Stands for AWX: one project, one image, one inventory.

    Attributes:
        place: directory of its own.
        image: of the execution environment.
        containers_conf: file with Podman's settings.
        options: further words for ``podman run``.
        environment: of all jobs, as an administrator sets it (AWX_TASK_ENV).
    """

    place: Path
    image: str
    containers_conf: Path
    options: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    inventory: dict[str, Any] = field(default_factory=dict)
    _number: int = 0

    @property
    def project(self) -> Path:
        """The checkout."""
        return self.place / "project"

    def check_out(self, repository: Path) -> None:
        """Take what git knows of a repository and its submodules."""
        shutil.rmtree(self.project, ignore_errors=True)
        for source in files_of(repository):
            target = self.project / source.relative_to(repository)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target, follow_symlinks=False)

    def import_inventory(self, source_path: str) -> None:
        """Update the inventory from the project: without a vault's password, as AWX knows none there."""
        words = ["ansible-inventory", "--list", "--export", "-i", f"/runner/project/{source_path}"]
        words += ["--playbook-dir", f"/runner/project/{source_path}"]
        environment = {**ENVIRONMENT, "ANSIBLE_FORCE_COLOR": "False", **self.environment}
        variables = [word for name, value in environment.items() for word in ("--env", f"{name}={value}")]
        done = subprocess.run(
            ["podman", "run", "--rm", "--user=root", *self.options, *variables, "--workdir=/runner/project",
             "--volume", f"{self.project}:/runner/project:ro", self.image, *words],
            env={**os.environ, "CONTAINERS_CONF": str(self.containers_conf)}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        self.inventory = script_data(json.loads(done.stdout))

    def launch(
        self,
        template: Mapping[str, Any],
        answers: Mapping[str, Any],
        credentials: Sequence[Credential],
        limit: str = "",
        artifacts: Mapping[str, Any] | None = None,
    ) -> Job:
        """Start a job of a template and wait for its end.

        Args:
            template: as awx/objects/ make it.
            answers: to its survey.
            credentials: what is attached to it.
            limit: what was given at the start.
            artifacts: of the nodes before it in a workflow.
        """
        self._number += 1
        private = self.place / f"job{self._number}"
        for name in ("env", "inventory", "cp"):
            (private / name).mkdir(parents=True, mode=0o700)
        _script(private / "inventory/hosts", self.inventory)
        environment = {**ENVIRONMENT, **self.environment, **paths(self.project)}
        variables = {**(template.get("extra_vars") or {}), **(artifacts or {}), **answers}
        for credential in credentials:
            more, extra = credential.inject(private)
            environment |= more
            variables |= extra
        (private / "env/extravars").write_text(unsafe({**variables, **VARIABLES}))
        machine = next((one for one in credentials if one.ssh_key), None)
        with _no_settings_of_ours(self.containers_conf):
            run = ansible_runner.run(
                private_data_dir=str(private),
                playbook=template["playbook"],
                cmdline=ansible_runner.utils.args2cmdline(*words(template, machine.user if machine else "root", limit)),
                ssh_key=machine.ssh_key if machine else None,
                envvars=environment,
                process_isolation=True,
                process_isolation_executable="podman",
                container_image=self.image,
                container_options=["--user=root", *self.options],
                container_volume_mounts=[f"{self.project}:/runner/project:ro"],
                quiet=True,
            )
        return _ended(run)


@dataclass
class Credential:
    """A credential: of the type Machine with a user and a key, otherwise of a type of ours with its inputs."""

    type: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    user: str = ""
    ssh_key: str = ""

    def inject(self, private: Path) -> tuple[dict[str, str], dict[str, Any]]:
        """What the type's injectors make of it: environment and extra variables. Files lie where the job alone reads them."""
        injectors = self.type.get("injectors") or {}
        names: dict[str, Any] = dict(self.inputs)
        filenames = {}
        for key, template in (injectors.get("file") or {}).items():
            path = private / "env" / f"tmp_{key.rpartition('.')[2]}"
            path.touch(mode=0o600)
            path.write_text(_fill(template, names))
            filenames[key.rpartition(".")[2]] = f"/runner/env/{path.name}"
        names["tower"] = {"filename": filenames}
        return (
            {key: _fill(value, names) for key, value in (injectors.get("env") or {}).items()},
            {key: _fill(value, names) for key, value in (injectors.get("extra_vars") or {}).items()},
        )


def _fill(template: str, names: Mapping[str, Any]) -> str:
    return jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False).from_string(template).render(names)  # noqa: S701


def script_data(exported: Mapping[str, Any]) -> dict[str, Any]:
    """What a job's inventory script prints of an inventory that was imported from this export."""
    hostvars = exported["_meta"]["hostvars"]
    groups = {name: dict(group) for name, group in exported.items() if name not in ("_meta", "all", "ungrouped")}
    hosts = sorted({host for group in exported.values() for host in group.get("hosts", [])} | set(hostvars))
    grouped = {host for group in groups.values() for host in group.get("hosts", [])}
    return {
        "all": {
            "vars": exported["all"].get("vars", {}),
            "hosts": [host for host in hosts if host not in grouped],
            "children": sorted({*groups, *(name for name in exported["all"]["children"] if name != "ungrouped")}),
        },
        **groups,
        "_meta": {
            "hostvars": {
                host: {**hostvars.get(host, {}), "remote_tower_enabled": "true", "remote_tower_id": number}
                for number, host in enumerate(hosts, 1)
            }
        },
    }


def paths(project: Path) -> dict[str, str]:
    """The paths of roles and collections, put together as AWX does it: relative ones are seen from the checkout."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(project / "ansible.cfg")
    found = {}
    for variable, setting, directory, default in PATHS:
        several = default.split(":")
        value = parser.get("defaults", setting, fallback="")
        for one in value.split(":") if value else ():
            if one not in several:
                several = [value, *several]
        found[variable] = ":".join([f"/runner/{directory}", *several])
    return found


def words(template: Mapping[str, Any], user: str, limit: str) -> list[str]:
    """The words for ansible-playbook."""
    found = ["--check"] if template["job_type"] == "check" else []
    found += ["-u", user, *(["--become"] if template.get("become_enabled") else [])]
    found += ["--diff"] if template.get("diff_mode") else []
    found += [f"--forks={template['forks']}"] if template.get("forks") else []
    return [*found, *(["-l", limit] if limit else [])]


class _Unsafe(str):
    """A text that no template may make anything of."""


class _Dumper(yaml.SafeDumper):
    """Marks texts as unsafe."""


_Dumper.add_representer(_Unsafe, lambda dumper, text: dumper.represent_scalar("!unsafe", str(text)))


def unsafe(variables: Mapping[str, Any]) -> str:
    """Extra variables as AWX writes them: no text of a survey is a template."""

    def marked(value: Any) -> Any:
        if isinstance(value, dict):
            return {marked(key): marked(one) for key, one in value.items()}
        if isinstance(value, list):
            return [marked(one) for one in value]
        return _Unsafe(value) if isinstance(value, str) else value

    return yaml.dump(marked(dict(variables)), Dumper=_Dumper, default_flow_style=False)


def _script(path: Path, data: Mapping[str, Any]) -> None:
    path.write_text(f"#! /usr/bin/env python3\n# -*- coding: utf-8 -*-\nprint({json.dumps(data)!r})\n")
    path.chmod(0o700)


@contextmanager
def _no_settings_of_ours(containers_conf: Path) -> Iterator[None]:
    """Molecule's settings are the operator's, not the job's; Podman's are this machine's."""
    kept = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith(("ANSIBLE_", "MOLECULE_"))}
    before = os.environ.get("CONTAINERS_CONF")
    os.environ["CONTAINERS_CONF"] = str(containers_conf)
    try:
        yield
    finally:
        os.environ.pop("CONTAINERS_CONF")
        os.environ.update(kept | ({"CONTAINERS_CONF": before} if before else {}))


def _ended(run: ansible_runner.Runner) -> Job:
    stats = run.stats or {}
    artifacts: dict[str, Any] = {}
    for event in run.events:
        artifacts.update(event.get("event_data", {}).get("artifact_data") or {})
    changed = {host: (stats.get("changed") or {}).get(host, 0) for host in stats.get("processed") or {}}
    return Job(run.status, COLORS.sub("", run.stdout.read()).replace("\r\n", "\n"), changed, artifacts)
