"""Playbooks that an operator runs on the hosts of a scenario that has an inventory of its own."""

from __future__ import annotations

import os
import re
import subprocess
from typing import Any, NamedTuple

import testinfra
from site_visitor import PROJECT

INVENTORY = f"molecule/{os.environ['MOLECULE_SCENARIO_NAME']}/inventory"


class Run(NamedTuple):
    """A playbook that ended."""

    code: int
    output: str

    @property
    def changed(self) -> dict[str, int]:
        """Changed tasks of each host."""
        found = re.findall(r"^(\S+)\s+: ok=\d+\s+changed=(\d+)", self.output, re.MULTILINE)
        return {host: int(count) for host, count in found}


def start(*words: str) -> subprocess.Popen[str]:
    """Start a playbook in a process group of its own."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    return subprocess.Popen(
        [str(PROJECT / ".venv/bin/ansible-playbook"), "-i", INVENTORY, *words],
        cwd=PROJECT, env={**env, "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg"), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True, start_new_session=True,
    )  # fmt: skip


def play(*words: str, code: int = 0) -> Run:
    """Run a playbook to its end."""
    process = start(*words)
    output, _ = process.communicate(timeout=600)
    assert process.returncode == code, f"{words} ended with {process.returncode}:\n{output[-8000:]}"
    return Run(process.returncode, output)


def on(name: str) -> Any:
    """A host of the scenario, as root."""
    return testinfra.get_host(f"ansible://{name}?ansible_inventory={PROJECT / INVENTORY}&force_ansible=true")
