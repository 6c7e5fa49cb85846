# SPDX-License-Identifier: MIT
"""Containers of hosts: made, booted, removed."""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence
from pathlib import Path

from lab.core import names
from lab.core.model import SHARED_MOUNT, Machine, machine
from lab.core.podman import Podman, project_label, run
from lab.core.settings import LabError, Settings

BOOT_SECONDS = 90
SSH_PORT = 22
CONNECT_SECONDS = 3
REMOVAL_ATTEMPTS = 5
# systemd in each host takes a few inotify instances; the kernel's 128 are used up by ten hosts.
INOTIFY_INSTANCES = 1024

# Waits until systemd says that the host runs, admits the lab's key, and prints the host's SSH key.
ADMIT = """\
state=$(systemctl is-system-running --wait 2>/dev/null)
case "$state" in running) ;; *) echo "$state"; systemctl --failed --no-legend --plain; exit 1;; esac
key=/home/admin/.ssh/authorized_keys
grep -qxF "$1" $key 2>/dev/null || { echo "$1" >> $key; chown admin: $key; chmod 600 $key; }
cat /etc/ssh/ssh_host_ed25519_key.pub
"""


def machines(settings: Settings, podman: Podman) -> list[Machine]:
    """The hosts of this lab that have a container, whatever its state."""
    found = [machine(container) for container in podman.containers(f"label=lab.name={settings.name}")]
    return sorted(found, key=lambda one: one.name)


def shared_volume(settings: Settings) -> str:
    """The name of the volume that all hosts of the lab share."""
    return f"lab-{settings.name}-shared"


def ensure_kernel_settings(settings: Settings) -> None:
    """Let this machine's kernel carry more than ten hosts."""
    path = Path("/proc/sys/fs/inotify/max_user_instances")
    if int(path.read_text()) < INOTIFY_INSTANCES:
        run(
            [*settings.as_root, "sysctl", "-q", "-w", f"fs.inotify.max_user_instances={INOTIFY_INSTANCES}"],
            what="fs.inotify.max_user_instances could not be raised",
        )


def create(
    settings: Settings, podman: Podman, host: Machine, image: str, more: Sequence[str] = (), publish: bool = False
) -> None:
    """Make a host's container and start it.

    Args:
        settings: the lab.
        podman: this machine's Podman.
        host: the host.
        image: what it boots from.
        more: further words for ``podman run``.
        publish: whether the lab's port of this machine leads to it.
    """
    labels = {
        "lab.name": settings.name,
        "lab.host": host.name,
        "lab.address": host.address,
        "lab.suite": host.suite,
        "lab.kind": host.kind,
        "lab.image": image,
    }
    words = ["run", "--detach", "--name", host.container, "--hostname", host.name]
    words += ["--network", settings.name, "--ip", host.address, "--network-alias", host.name]
    words += ["--volume", f"{names.path(settings)}:/etc/resolv.conf:ro"]
    # One file system for all hosts, as EFS is on AWS.
    words += ["--volume", f"{shared_volume(settings)}:{SHARED_MOUNT}"]
    words += ["--privileged", "--systemd=always"]
    # A host that reboots ends its container; Podman starts it again, as the hypervisor does with an instance.
    words += ["--restart=always"]
    words += ["--label", project_label()]
    if publish:
        words += ["--publish", f"127.0.0.1:{settings.port}:443"]
        labels["lab.port"] = str(settings.port)
    for label, value in labels.items():
        words += ["--label", f"{label}={value}"]
    podman(*words, *more, image)


def wait_for_boot(podman: Podman, host: Machine, public_key: str) -> str:
    """Wait until systemd says that the host runs, admit the lab's key, and return the host's SSH key."""
    deadline = time.monotonic() + BOOT_SECONDS
    said = ""
    while time.monotonic() < deadline:
        done = podman.script(host.container, ADMIT, public_key, timeout=BOOT_SECONDS)
        said = done.stdout.strip()
        if done.returncode == 0:
            if not answers(host.address, deadline):
                raise LabError(
                    f"{host.name} runs, but port {SSH_PORT} of {host.address} does not answer this machine: its SSH server "
                    "ended, or another network has that address. Run 'make down' and the same command again."
                )
            return " ".join(said.split()[:2])
        if said.startswith("degraded"):
            break
        time.sleep(0.5)
    raise LabError(
        f"{host.name} did not boot to 'running' within {BOOT_SECONDS} seconds ({said or 'no answer'}): "
        f"look at 'podman logs {host.container}', then run 'make down' and the same command again."
    )


def answers(address: str, deadline: float, port: int = SSH_PORT) -> bool:
    """Whether a host takes connections from this machine before a moment of the monotonic clock.

    An address that another host had a moment ago still leads to that one's network card, until this machine asks anew.
    """
    while time.monotonic() < deadline:
        try:
            socket.create_connection((address, port), CONNECT_SECONDS).close()
        except OSError:
            time.sleep(0.2)
        else:
            return True
    return False


def remove(podman: Podman, containers: Sequence[str]) -> None:
    """Remove containers; Podman may start one again (``--restart=always``) while it is being removed."""
    for attempt in range(REMOVAL_ATTEMPTS):
        left = [name for name in containers if podman.succeeds("container", "exists", name)]
        if not left:
            return
        try:
            podman("rm", "--force", "--volumes", "--time", "3", *left, timeout=300)
        except LabError:
            if attempt == REMOVAL_ATTEMPTS - 1:
                raise
            time.sleep(1)
