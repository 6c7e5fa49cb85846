"""What a major upgrade costs: 1 GB from PostgreSQL 15 on Debian 12 to 17 on Debian 13 and back, under 200 writes a second.

Writers write through the pooler of a web host (``programs/stream.py``). ``BENCH_MB`` (1000) and ``BENCH_WRITES`` (200) are the size and the
writes a second: half of them are new rows, half change old ones. ``BENCH_KEEP=1`` leaves the lab running. The figures are written to
``build/bench/database-upgrade.json``.
"""

from __future__ import annotations

from typing import Any

from tests.bench.database.promotion import HOSTS, Replicated
from tests.bench.database.site import HEAD, MB, WRITES, inventory, row
from tests.bench.labs import copy_project, write_results

STALL_SECONDS = 2.0
UPGRADE = "playbooks/database_upgrade.yml"
# Both hosts boot, and the newer one is in the group `database` once the older one has its databases.
BEFORE = inventory(web="web1", database="db1", spare="db2").replace("db1:", "db1: {lab_suite: bookworm}")
BESIDE = inventory(web="web1", database=" ".join(HOSTS)).replace("db1:", "db1: {lab_suite: bookworm}")


class Upgradable(Replicated):
    """A lab with a database host of the older system, and one of the newer beside it."""

    def __init__(self, name: str, megabytes: int = MB) -> None:
        super().__init__(name, megabytes, BEFORE)

    def configure(self) -> None:
        """The site without the new host, which an operator adds then."""
        copy_project(self.lab)
        self.lab.play("playbooks/secrets.yml")
        self.lab.play("site.yml", "--limit", "web:database:localhost")
        self.fill()
        self.beside()

    def beside(self) -> None:
        """Both hosts in the group of databases."""
        (self.lab.inventory / "hosts.yml").write_text(BESIDE)

    def upgrade(self, to: str) -> dict[str, Any]:
        """There, or back, under load; then both hosts are compared."""
        found = self.under_load(UPGRADE, "-e", f"to={to}")
        both = self.both()
        return {"to": to, **found, "checksums": both, "equal": both["db1"] == both["db2"]}


def main() -> None:
    """Measure, and print the table."""
    site = Upgradable("db-upgrade")
    try:
        site.boot()
        results: dict[str, Any] = {"mb": MB, "writes_a_second": WRITES}
        results["upgrades"] = [site.upgrade("db2"), site.upgrade("db1")]
        write_results("database-upgrade", results)
    finally:
        site.leave()
    print(f"\n{MB} MB, {WRITES} writes a second (goal: no row lost, none failed, longest stall {STALL_SECONDS:.0f} s)")
    print(HEAD + "  rows of both hosts")
    for one in results["upgrades"]:
        print(row(f"to {one['to']}", one) + ("  equal" if one["equal"] else f"  differ: {one['checksums']}"))
