"""The labs that the scenarios use: names, and their removal after a run or before the next.

``python -m tests.scenarios.labs remove`` takes away what a run left, an interrupted one too.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
# Role scenarios share one lab, but for one; each scenario that runs a whole site has one of its own. Two checkouts that run scenarios at
# once on one machine each set a TEST_LABS of their own.
PREFIX = os.environ.get("TEST_LABS") or "test"
ROLES = f"{PREFIX}-roles"
SITES = {
    name: f"{PREFIX}-{name.replace('_', '-')}"
    for name in ("deploy", "deploy_faults", "stack", "stack_rds", "local", "pgbackrest", "move", "upgrade")
}
# The scenarios that share a server that imitates RDS may run at once, and each removes it when it ends.
RDS = {"rds_client_full": f"{PREFIX}-rds-full", "pgbouncer_full": f"{PREFIX}-pgbouncer-full"}
AWS = {
    name: f"{PREFIX}-{name.replace('_', '-')}"
    for name in ("aws", "aws_rds", "aws_restore", "aws_site", "aws_fleet", "aws_group")
}
LABS = {**SITES, **RDS, **AWS}
INVENTORIES = {
    "deploy": "molecule/deploy/inventory",
    "deploy_faults": "molecule/deploy_faults/inventory",
    "stack": "lab",
    "stack_rds": "lab-rds",
    "local": "molecule/local/inventory",
    "pgbackrest": "molecule/pgbackrest/inventory",
    "move": "molecule/move/inventory",
    "upgrade": "molecule/upgrade/inventory",
    "aws_site": "tests/scenarios/aws",
    "aws_fleet": "lab-aws",
    "aws_group": "lab-aws",
    "aws_restore": "lab-aws-rds",
}


def lab_of(scenario: str) -> str:
    """The name of the lab that a scenario uses."""
    return LABS.get(scenario, ROLES)


def environment(scenario: str) -> dict[str, str]:
    """The environment that Molecule and the lab run in for a scenario."""
    return {
        **os.environ,
        "LAB_NAME": lab_of(scenario),
        "LAB": INVENTORIES.get(scenario, "molecule"),
        "LAB_PORT": "0",
        "LAB_SUBNET": "",
        "LAB_SUITE": "",
        "PATH": f"{PROJECT / '.venv/bin'}:{os.environ['PATH']}",
        # Messages are read by the tests and by people in a log.
        "NO_COLOR": "1",
        "ANSIBLE_NOCOLOR": "1",
    }


def remove(scenario: str) -> None:
    """Remove the lab of a scenario, whichever checkout an interrupted run of it came from."""
    subprocess.run(
        [sys.executable, "-m", "lab", "down", "--force"],
        cwd=PROJECT,
        env=environment(scenario),
        check=True,
        stdin=subprocess.DEVNULL,
    )


if __name__ == "__main__":
    if sys.argv[1:] != ["remove"]:
        sys.exit("usage: python -m tests.scenarios.labs remove")
    for one in ("roles", *LABS):
        remove(one)
