"""What one does to the hosts of a lab from outside, by Podman."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.bench.labs import PROJECT, Lab

SILENT = ("input", "output")


class Machines:
    """The hosts of a lab."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.podman_environment = {**os.environ, "CONTAINERS_CONF": str(PROJECT / ".lab" / "containers.conf")}

    def podman(self, *words: str, check: bool = True) -> str:
        """Run ``podman WORDS``."""
        done = subprocess.run(
            ["podman", *words], env=self.podman_environment, capture_output=True, text=True, check=False
        )
        assert not check or done.returncode == 0, f"podman {words}: {done.stdout}{done.stderr}"
        return done.stdout.strip()

    def container(self, host: str) -> str:
        """The container of a host."""
        return f"{self.lab.name}-{host}"

    def run(self, host: str, script: str, check: bool = True) -> str:
        """A script on a host, as root, whatever the network and sshd do."""
        return self.podman("exec", self.container(host), "sh", "-c", script, check=check)

    def pid(self, host: str) -> int:
        """The process of this machine that is the host's first; 0 while it is down."""
        return int(self.podman("inspect", "--format", "{{.State.Pid}}", self.container(host)))

    def packets(self, host: str, *rules: str) -> None:
        """Put rules of nftables into a host's network, in a table of their own; without rules take it out.

        By the host's own nft: an older one, as this machine may have, can crash on the rules of the host's firewall.
        """
        nft = ["podman", "exec", "--interactive", self.container(host), "nft", "--file", "-"]
        text = "table inet faults\ndelete table inet faults\n"
        if rules:
            text += "table inet faults {\n" + "\n".join(rules) + "\n}\n"
        done = subprocess.run(nft, env=self.podman_environment, input=text, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"nft on {host}: {done.stderr}\n{text}"

    def address(self, host: str) -> str:
        """The address of a host."""
        return self.lab.address(host)

    def until(self, what: str, host: str, script: str, seconds: float = 120) -> float:
        """Wait until a script succeeds on a host; returns how long it took."""
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            try:
                self.run(host, script)
            except AssertionError:
                time.sleep(0.2)
            else:
                return time.monotonic() - began
        raise AssertionError(f"{what} did not happen on {host} within {seconds:.0f} s")

    def power_cut(self, host: str) -> None:
        """The whole host at once, without a word."""
        # The kernel ends the connections of a killed container, and tells the other side. These rules go with its network.
        self.packets(
            host, *(f"chain {hook} {{ type filter hook {hook} priority -300; policy drop; }}" for hook in SILENT)
        )
        self.podman("kill", "--signal", "KILL", self.container(host))

    def power_back(self, host: str) -> None:
        """Start the host again."""
        self.podman("start", self.container(host))
        # A container has another network card after each start, which its neighbours need half a minute to notice. An
        # instance keeps its own.
        for other in {*json.loads((self.lab.directory / "hosts.json").read_text())} - {host}:
            self.run(other, f"ip neigh flush to {self.address(host)}")
        subprocess.run(["ip", "neigh", "flush", "to", self.address(host)], check=False)

    @contextmanager
    def small_disk(self, host: str, directory: str, unit: str, options: str) -> Iterator[None]:
        """Put a directory on a file system of its own, small enough to be filled; afterwards back, with what was written."""
        disk = f"{directory}.disk"
        move = (
            f"systemctl stop {unit}; mv {directory} {disk}; mkdir {directory}; mount -t tmpfs -o {options} tmpfs {directory}; "
            f"chown --reference {disk} {directory}; chmod --reference {disk} {directory}; cp -a {disk}/. {directory}/; "
            f"systemctl start {unit}"
        )
        back = (
            f"systemctl stop {unit}; rm -rf {disk}; cp -a {directory} {disk}; umount {directory}; rmdir {directory}; "
            f"mv {disk} {directory}; systemctl reset-failed {unit}; systemctl start {unit}"
        )
        self.run(host, move)
        try:
            yield
        finally:
            self.run(host, back)
