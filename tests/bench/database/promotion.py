"""What a planned promotion costs: 1 GB, 200 writes a second through a pooler, from one host to the other and back.

``BENCH_MB`` (1000) and ``BENCH_WRITES`` (200) are the size and the writes a second; ``BENCH_PROMOTIONS`` (4) is how many there are.
``BENCH_KEEP=1`` leaves the lab running. The figures are written to ``build/bench/database-promotion.json``.
"""

from __future__ import annotations

import time
from typing import Any

from tests.bench.database.site import HEAD, MB, WRITES, Site, inventory, row
from tests.bench.given import whole_number
from tests.bench.labs import spread, write_results

PROMOTIONS = whole_number("BENCH_PROMOTIONS", 4)
STALL_SECONDS = 2.0
CAUGHT_UP_SECONDS = 120
HOSTS = ("db1", "db2")
PROMOTE = "playbooks/database_promote.yml"
INVENTORY = inventory(web="web1", database=" ".join(HOSTS))


class Replicated(Site):
    """A lab with a primary and a host that follows it, by default a standby."""

    def __init__(self, name: str, megabytes: int = MB, hosts: str = INVENTORY) -> None:
        super().__init__(name, hosts, megabytes)

    def both(self) -> dict[str, list[str]]:
        """Rows and checksums of both hosts, once nobody writes and the one has replayed what the other did."""
        end = time.monotonic() + CAUGHT_UP_SECONDS
        while True:
            found = {host: self.checksums(host) for host in HOSTS}
            if found["db1"] == found["db2"] or time.monotonic() > end:
                return found
            time.sleep(1)

    def promote(self, to: str) -> dict[str, Any]:
        """A planned promotion, under load; then both hosts are compared."""
        found = self.under_load(PROMOTE, "-e", f"to={to}")
        both = self.both()
        return {"to": to, **found, "equal": both["db1"] == both["db2"]}


def main() -> None:
    """Measure, and print the table."""
    site = Replicated("db-promotion")
    try:
        site.boot()
        results: dict[str, Any] = {"mb": MB, "writes_a_second": WRITES}
        results["promotions"] = [site.promote(HOSTS[(number + 1) % 2]) for number in range(PROMOTIONS)]
        write_results("database-promotion", results)
    finally:
        site.leave()
    print(f"\n{MB} MB, {WRITES} writes a second (goal: no row lost, longest stall {STALL_SECONDS:.0f} s)")
    print(HEAD)
    for one in results["promotions"]:
        print(row(f"to {one['to']}", one) + ("  both hosts equal" if one["equal"] else "  HOSTS DIFFER"))
    stall = spread([one["longest"] for one in results["promotions"]])
    print(f"longest stall {stall['median']:.2f} s ({stall['min']:.2f}–{stall['max']:.2f})")
