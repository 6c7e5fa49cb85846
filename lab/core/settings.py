# SPDX-License-Identifier: MIT
"""Which lab is meant and where its things lie: read once from the environment, checked before anything is touched."""

from __future__ import annotations

import ipaddress
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
SUITES = ("bookworm", "trixie")


class LabError(Exception):
    """Something the operator has to know: one sentence that says what is wrong and what to do."""


@dataclass(frozen=True)
class Settings:
    """One lab.

    Attributes:
        name: tells this lab's containers and network from those of other labs (``LAB_NAME``).
        inventory: the inventory that lists its hosts: a name under ``inventory/`` or a path (``LAB``).
        suite: Debian suite of the hosts that do not ask for another one with ``lab_suite`` (``LAB_SUITE``).
        port: port of this machine's loopback where the first web host is reached; 0 publishes none (``LAB_PORT``).
        subnet: the /24 network of the lab; None takes a free one (``LAB_SUBNET``).
    """

    name: str
    inventory: Path
    suite: str
    port: int
    subnet: ipaddress.IPv4Network | None
    as_root: tuple[str, ...] = ()

    @property
    def directory(self) -> Path:
        """Where the lab keeps its key, its ssh configuration, its secrets: readable by the owner alone."""
        return PROJECT / ".lab" / self.name

    @property
    def cache_directory(self) -> Path:
        """Scratch space for large files."""
        path = PROJECT / ".cache"
        path.mkdir(exist_ok=True)
        return path

    def say(self, message: str) -> None:
        """Print one line of progress."""
        print(f"==> {message}", file=sys.stderr, flush=True)


def _port(value: str) -> int:
    if not value.isdecimal() or int(value) > 65535:
        raise LabError(f"LAB_PORT={value} is no port: give a number from 1 to 65535, or 0 to publish none.")
    return int(value)


def _subnet(value: str) -> ipaddress.IPv4Network | None:
    if not value:
        return None
    try:
        network = ipaddress.IPv4Network(value)
    except ValueError as error:
        raise LabError(f"LAB_SUBNET={value} is no network ({error}): give one such as 10.90.7.0/24.") from error
    if network.prefixlen != 24 or not network.is_private:
        raise LabError(f"LAB_SUBNET={value} will not do: give a private network with a /24 mask, such as 10.90.7.0/24.")
    return network


def from_environment(environment: dict[str, str] | None = None) -> Settings:
    """Read the settings.

    Raises:
        LabError: a value is not usable; the message says which and what is.
    """
    env = dict(os.environ if environment is None else environment)
    name = env.get("LAB_NAME") or "lab"
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,19}", name):
        raise LabError(
            f"LAB_NAME={name} will not do: use up to 20 small letters, digits and '-', beginning with a letter."
        )
    suite = env.get("LAB_SUITE") or "trixie"
    if suite not in SUITES:
        raise LabError(f"LAB_SUITE={suite} is not supported: choose {' or '.join(SUITES)}.")
    wanted = env.get("LAB") or "lab"
    inventory = Path(wanted) if "/" in wanted else PROJECT / "inventory" / wanted
    if not inventory.exists():
        labs = sorted(path.name for path in (PROJECT / "inventory").glob("lab*"))
        raise LabError(f"LAB={wanted} names no inventory: choose one of {', '.join(labs)}, or give a path.")
    return Settings(
        name=name,
        inventory=inventory.resolve(),
        suite=suite,
        port=_port(env.get("LAB_PORT") or "8443"),
        subnet=_subnet(env.get("LAB_SUBNET") or ""),
        as_root=() if os.geteuid() == 0 else ("sudo",),
    )
