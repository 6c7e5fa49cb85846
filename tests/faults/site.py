"""The lab that visitors come to and that faults are made in."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from tests.bench.labs import DOMAIN, PROJECT, Lab, copy_project
from tests.faults.machines import Machines

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


class Site(Machines):
    """Two web hosts, and one with PostgreSQL and Redis, that serve the project of the benchmarks."""

    def __init__(self) -> None:
        super().__init__(Lab("faults", INVENTORY, HERE / "applications.yml"))
        # Files of the first lab that this one was copied from stay as they are.
        self.project = PROJECT / "build" / "bench" / f"{self.lab.name}-project"

    def boot(self) -> None:
        """Boot the hosts and configure them."""
        self.lab.command("down")
        self.lab.command("hosts")
        copy_project(self.lab)
        self.lab.play("playbooks/secrets.yml")
        self.lab.play("site.yml")

    def sql(self, statement: str, database: str = "bench") -> str:
        """Ask the database as its superuser."""
        return self.run("db1", f'runuser -u postgres -- psql -XAtq -d {database} -c "{statement}"')

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

    def change(self, generation: int) -> None:
        """Change a line of the source that is deployed."""
        (self.project / "generation.txt").write_text(f"{generation}\n")

    def configure(self, number: int) -> None:
        """Change settings of nginx and PostgreSQL in the inventory."""
        own = self.lab.inventory / "group_vars" / "env_lab" / "zzz_cut.yml"
        own.write_text(json.dumps({"cut_number": number}) + "\n")

    def leave(self) -> None:
        """Away with the lab, unless FAULTS_KEEP is set."""
        if not os.environ.get("FAULTS_KEEP"):
            self.lab.command("down")
            shutil.rmtree(self.lab.inventory, ignore_errors=True)


__all__ = ["DOMAIN", "HOSTS", "WEB", "Site"]
