"""The lab that faults are made in, and what one does to its hosts from outside: by Podman and in their network namespaces."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.labs import DOMAIN, PROJECT, Lab, copy_project

HERE = Path(__file__).resolve().parent
WEB = ("web1", "web2")
HOSTS = (*WEB, "db1")
INVENTORY = """\
env_lab:
  vars:
    ansible_group_priority: 10
  hosts:
    web1:
    web2:
    db1:
web:
  hosts:
    web1:
    web2:
database:
  hosts:
    db1:
redis:
  hosts:
    db1:
"""


class Site:
    """Two web hosts, and one with PostgreSQL and Redis, that serve the project of the benchmarks."""

    def __init__(self) -> None:
        self.lab = Lab("faults", INVENTORY, HERE / "applications.yml")
        # Files of the first lab that this one was copied from stay as they are.
        self.project = PROJECT / "build" / "bench" / f"{self.lab.name}-project"
        self.podman_environment = {**os.environ, "CONTAINERS_CONF": str(PROJECT / ".lab" / "containers.conf")}

    def boot(self) -> None:
        """Boot the hosts and configure them."""
        self.lab.command("down")
        self.lab.command("hosts")
        copy_project(self.lab)
        self.lab.play("playbooks/secrets.yml")
        self.lab.play("site.yml")

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
        """Put rules of nftables into a host's network, in a table of their own; without rules take it out."""
        nft = ["nsenter", "--target", str(self.pid(host)), "--net", "nft", "--file", "-"]
        text = "table inet faults\ndelete table inet faults\n"
        if rules:
            text += "table inet faults {\n" + "\n".join(rules) + "\n}\n"
        done = subprocess.run(nft, input=text, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"nft on {host}: {done.stderr}\n{text}"

    def sql(self, statement: str, database: str = "bench") -> str:
        """Ask the database as its superuser."""
        return self.run("db1", f'runuser -u postgres -- psql -XAtq -d {database} -c "{statement}"')

    def address(self, host: str) -> str:
        """The address of a host."""
        return self.lab.address(host)

    def postgres(self) -> str:
        """The unit of the cluster."""
        return self.run("db1", "systemctl list-units --plain --no-legend 'postgresql@*' --all").split()[0]

    def server(self, host: str) -> str:
        """The unit of the live slot of the application."""
        slot = self.run(host, "basename $(readlink /srv/bench/live)")
        return f"uwsgi-bench@{slot}.service"

    def main(self, host: str, unit: str) -> str:
        """The main process of a unit."""
        return self.run(host, f"systemctl show --property MainPID --value {unit}")

    def child(self, host: str, unit: str) -> str:
        """The first child of the main process of a unit."""
        main = self.main(host, unit)
        return self.run(host, f"cat /proc/{main}/task/{main}/children").split()[0]

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

    def change(self, generation: int) -> None:
        """Change a line of the source that is deployed."""
        (self.project / "generation.txt").write_text(f"{generation}\n")

    def configure(self, number: int) -> None:
        """Change settings of nginx and PostgreSQL in the inventory."""
        own = self.lab.inventory / "group_vars" / "env_lab" / "zzz_cut.yml"
        own.write_text(json.dumps({"cut_number": number}) + "\n")

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

    def leave(self) -> None:
        """Away with the lab, unless FAULTS_KEEP is set."""
        if not os.environ.get("FAULTS_KEEP"):
            self.lab.command("down")
            shutil.rmtree(self.lab.inventory, ignore_errors=True)


__all__ = ["DOMAIN", "HOSTS", "WEB", "Site"]
