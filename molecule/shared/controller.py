"""What the tests do from the controller: run a playbook again, and log in as a stranger would."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import testinfra
from testinfra.host import Host

PROJECT = Path(os.environ["MOLECULE_PROJECT_DIRECTORY"])
LAB = PROJECT / ".lab" / os.environ["LAB_NAME"]


def play(playbook: str, *words: str, limit: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a playbook below ``molecule/`` against some hosts of the lab.

    Args:
        playbook: its path below ``molecule/``.
        words: further words for ``ansible-playbook``.
        limit: the hosts.
        check: whether a failure fails the test.
    """
    # Molecule hands its own settings to the tests; the project's are meant here.
    env = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    done = subprocess.run(
        [
            PROJECT / ".venv/bin/ansible-playbook", "-i", "inventory/molecule", "--limit", f"{limit},localhost",
            f"molecule/{playbook}", *words,
        ],
        cwd=PROJECT, env=env, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert not check or done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done


def log_in(name: str, *options: str, command: str = "true", **env: str) -> subprocess.CompletedProcess[str]:
    """Log in over a new connection, which shares nothing with those that are open."""
    return subprocess.run(
        ["ssh", "-F", LAB / "ssh_config", "-o", "ControlPath=none", *options, name, command],
        env={**os.environ, **env}, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip


def connect(name: str) -> Host:
    """A host by its name, for what is done once for all hosts."""
    return testinfra.get_host(f"ssh://{name}", ssh_config=str(LAB / "ssh_config"), sudo=True)
