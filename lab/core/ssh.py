# SPDX-License-Identifier: MIT
"""How hosts are reached: the lab's key, ssh_config, known_hosts, and their addresses in hosts.json."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

from lab.core.files import write_private
from lab.core.podman import run
from lab.core.settings import Settings


def ensure_key(settings: Settings) -> str:
    """The public part of the lab's key, which is made where it is missing."""
    key = settings.directory / "id_ed25519"
    if not key.exists():
        run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"lab-{settings.name}", "-f", str(key)],
            what="the lab's SSH key could not be made",
        )
    return key.with_suffix(".pub").read_text().strip()


def config(directory: Path, addresses: Mapping[str, str]) -> str:
    """The text of ssh_config."""
    lines = []
    for name, address in addresses.items():
        lines += [f"Host {name}", f"    HostName {address}", ""]
    lines += [
        "Host *",
        "    User admin",
        f'    IdentityFile "{directory / "id_ed25519"}"',
        "    IdentitiesOnly yes",
        f'    UserKnownHostsFile "{directory / "known_hosts"}"',
        "    StrictHostKeyChecking yes",
        "    ConnectTimeout 10",
        "",
    ]
    return "\n".join(lines)


def known_hosts(before: str, addresses: Mapping[str, str], keys: Mapping[str, str]) -> str:
    """The text of known_hosts.

    Args:
        before: the text as it is.
        addresses: the addresses of all hosts of the lab, by name; other addresses are forgotten.
        keys: the hosts' keys that were read now, by name; those of the other hosts stay.
    """
    old = dict(line.split(" ", 1) for line in before.splitlines())
    mine = {addresses[name]: key for name, key in keys.items()}
    current = {address: key for address, key in {**old, **mine}.items() if address in addresses.values()}
    return "".join(f"{address} {key}\n" for address, key in current.items())


def write_files(settings: Settings, addresses: Mapping[str, str], keys: Mapping[str, str] | None = None) -> None:
    """Write all three files for the hosts that the lab has now."""
    directory, addresses = settings.directory, dict(sorted(addresses.items()))
    known = directory / "known_hosts"
    write_private(directory / "ssh_config", config(directory, addresses))
    write_private(known, known_hosts(known.read_text() if known.exists() else "", addresses, keys or {}))
    write_private(directory / "hosts.json", json.dumps(addresses, indent=2) + "\n")


def addresses(settings: Settings) -> dict[str, str]:
    """The addresses in hosts.json; none where the lab was never started."""
    path = settings.directory / "hosts.json"
    return json.loads(path.read_text()) if path.exists() else {}


def close_connections(settings: Settings, names: Iterable[str]) -> None:
    """End the SSH connections that Ansible keeps open to hosts (ControlPersist)."""
    path = settings.directory / "ssh_config"
    if not path.exists():
        return
    for name in names:
        # The path is ansible.cfg's control_path.
        subprocess.run(
            ["ssh", "-F", str(path), "-o", "ControlPath=~/.ansible/cp/%C", "-O", "exit", name],
            capture_output=True,
            check=False,
        )
