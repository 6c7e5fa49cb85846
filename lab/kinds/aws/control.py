# SPDX-License-Identifier: MIT
"""The endpoint's process: started, found again, ended. It belongs to one lab and lives in ``.lab/<name>/aws/``."""

from __future__ import annotations

import contextlib
import ipaddress
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

from lab.core import containers, network, ssh
from lab.core.files import write_in_place, write_private
from lab.core.lock import locked
from lab.core.podman import Podman
from lab.core.settings import PROJECT, LabError, Settings
from lab.kinds.aws import KIND
from lab.kinds.balancer import KIND as BALANCER

REGION = "eu-central-1"
# Importing moto takes seconds, and minutes on a machine that is busy.
START_SECONDS = 180
STOP_SECONDS = 40
# Nobody else's: real AWS refuses them, whoever is asked by mistake.
ACCESS_KEY, SECRET_KEY = "AKIALABREHEARSAL0000", "rehearsal-only"


def directory(settings: Settings) -> Path:
    """Where the endpoint keeps its state, journal and log."""
    return settings.directory / "aws"


def config(home: Path) -> dict[str, Any] | None:
    """How an endpoint was started, or None where there is none."""
    path = home / "endpoint.json"
    return json.loads(path.read_text()) if path.exists() else None


def environment(home: Path) -> dict[str, str]:
    """The variables with which a program's AWS is this endpoint.

    Raises:
        LabError: there is none.
    """
    known = config(home)
    if not known:
        raise LabError(f"the lab '{home.parent.name}' has no AWS endpoint: start it with 'make up LAB=lab-aws'.")
    return {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{known['port']}",
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        # A machine with a role of its own is not asked for it.
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def start(settings: Settings) -> dict[str, str]:
    """Start the endpoint with the lab's hosts behind it, where it does not answer, and wait until it does; its variables.

    Raises:
        LabError: it doesn't answer; the message names its log.
    """
    home = directory(settings)
    with locked(settings):
        podman = Podman(settings)
        containers.ensure_kernel_settings(settings)
        subnet = network.ensure(settings, podman)
        ssh.ensure_key(settings)
        for kind in (KIND, BALANCER):
            kind.ensure_image(settings, podman, settings.suite)
        write_in_place(settings.directory / "resolv.conf", f"nameserver {subnet[1]}\n")
        # All hosts share a file system: group_vars/env_lab asks.
        (settings.directory / "shared-files").touch()
        if not healthy(home):
            settings.say("Starting the AWS endpoint")
        lab = {
            "LAB_NAME": settings.name,
            "LAB_SUITE": settings.suite,
            "LAB_PORT": str(settings.port),
            "LAB": str(settings.inventory),
        }
        return start_at(home, lab, str(subnet))


def start_at(home: Path, lab: dict[str, str] | None = None, subnet: str = "") -> dict[str, str]:
    """Start an endpoint in a directory; without a lab's network there are no hosts behind it, and instances run at once.

    Args:
        home: its directory, made where it is missing.
        lab: the variables that name the lab.
        subnet: the lab's network.
    """
    from lab.kinds.aws import certificates  # noqa: PLC0415 - the other commands of the lab do without

    (home / "consoles").mkdir(parents=True, mode=0o700, exist_ok=True)
    known = config(home) or {"port": _free_port(), "metadata_port": _free_port()}
    known |= {"network": subnet, "region": REGION, "access_key": ACCESS_KEY}
    write_private(home / "endpoint.json", json.dumps(known, indent=2) + "\n")
    if subnet:
        gateway = ipaddress.IPv4Network(subnet)[1]
        # There the hosts find this endpoint.
        known["gateway"] = str(gateway)
        write_private(home / "endpoint.json", json.dumps(known, indent=2) + "\n")
        certificates.ensure_databases(home, REGION)
        write_in_place(home / "metadata", f"LAB_METADATA={gateway}:{known['metadata_port']}\n")
    told = environment(home)
    write_private(home / "environment", "".join(f"export {name}={value}\n" for name, value in told.items()))
    if not healthy(home):
        _end(home)
        _spawn(home, lab or {})
    deadline = time.monotonic() + START_SECONDS
    while not healthy(home):
        if time.monotonic() > deadline or not _alive(home):
            raise LabError(f"the AWS endpoint does not answer: see {home / 'log'}, then run the same command again.")
        time.sleep(0.2)
    return told


def stop(home: Path) -> None:
    """End an endpoint; what it holds stays for the next start."""
    _end(home)


def healthy(home: Path) -> bool:
    """Whether an endpoint answers, and its process is the one that was started here."""
    known = config(home)
    if not known or not _alive(home):
        return False
    with contextlib.suppress(OSError):
        # Never through a proxy.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        return opener.open(f"http://127.0.0.1:{known['port']}/_lab/health", timeout=5).status == 200
    return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _spawn(home: Path, lab: dict[str, str]) -> None:
    """Start the process; it outlives this one, and ends by itself when its directory is gone."""
    log = home / "log"
    if log.exists():
        log.replace(home / "log.1")
    # moto's own account, and nothing of the caller's.
    own = {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY, "AWS_EC2_METADATA_DISABLED": "true"}
    other = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "LAB"))}
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "lab.kinds.aws.endpoint", str(home)],
            cwd=PROJECT, env={**other, **own, **lab}, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            start_new_session=True,
        )  # fmt: skip
    write_private(home / "pid", f"{process.pid}\n")
    # The kernel shows the words of a process a moment after it has begun.
    while process.poll() is None and not _alive(home):
        time.sleep(0.01)


def _alive(home: Path) -> int:
    """The process of the endpoint, or 0: one that has its number by chance is none."""
    try:
        pid = int((home / "pid").read_text())
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, ValueError):
        return 0
    return pid if str(home) in words and state != "Z" else 0


def _end(home: Path) -> None:
    pid = _alive(home)
    if not pid:
        return
    deadline = time.monotonic() + STOP_SECONDS
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
        while _alive(home) and time.monotonic() < deadline:
            time.sleep(0.1)
        if _alive(home):
            os.kill(pid, signal.SIGKILL)
            while _alive(home) and time.monotonic() < deadline + STOP_SECONDS:
                time.sleep(0.1)
