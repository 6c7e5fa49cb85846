"""What a run of site.yml costs: first and no-change runs for 1, 2 and 10 web hosts, side by side.

``make bench-converge`` prints the figures and writes them to ``build/bench/converge.json``. With ``PEER_ROLES=<directory>``,
a directory that holds ``geerlingguy.nginx`` and ``geerlingguy.postgresql``, those two roles run on a host of the same kind in
alternation with the sites: each round runs all of them once. Machines are noisy: read the ratios, which are taken within
each round, and the range of each figure. BENCH_WEB_HOSTS=1,10 and BENCH_ROUNDS=5 choose other sizes and more rounds.
"""

from __future__ import annotations

import json
import os
import re
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
OUTPUT = PROJECT / "build" / "bench"
WEB_HOSTS = tuple(int(size) for size in (os.environ.get("BENCH_WEB_HOSTS") or "1,2,10").split(","))
ROUNDS = int(os.environ.get("BENCH_ROUNDS") or 3)
RECAP = re.compile(
    r"^\S+\s+: ok=(\d+)\s+changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)\s+skipped=(\d+)", re.MULTILINE
)


@dataclass
class Run:
    """One run of a playbook.

    Attributes:
        wall: seconds.
        controller: CPU seconds of the controller's processes.
        hosts: CPU seconds that the hosts' containers used meanwhile.
        tasks: tasks that did something or found nothing to do, over all hosts.
        changed: tasks that changed something.
    """

    wall: float
    controller: float
    hosts: float
    tasks: int
    changed: int


class Lab:
    """A lab of the benchmark's own."""

    def __init__(self, name: str, inventory: str) -> None:
        self.name = f"{os.environ.get('LAB_NAME') or 'bench'}-{name}"
        self.directory = OUTPUT / f"inventory-{name}"
        self.directory.mkdir(parents=True, exist_ok=True)
        (self.directory / "hosts.yml").write_text(inventory)
        link = self.directory / "group_vars"
        if not link.is_symlink():
            link.symlink_to(PROJECT / "group_vars")
        # As on a machine where nobody has switched it off, Python keeps the bytecode of what it loads.
        ordinary = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
        self.environment = {
            **ordinary, "LAB": str(self.directory), "LAB_NAME": self.name, "LAB_PORT": "0",
            "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1",
        }  # fmt: skip

    def command(self, word: str) -> None:
        """A command of the lab."""
        subprocess.run([sys.executable, "-m", "lab", word], cwd=PROJECT, env=self.environment, check=True)

    def cpu(self) -> float:
        """CPU seconds that the lab's containers have used."""
        listed = subprocess.run(
            ["podman", "ps", "--quiet", "--no-trunc", "--filter", f"label=lab.name={self.name}"],
            env={**os.environ, "CONTAINERS_CONF": str(PROJECT / ".lab/containers.conf")},
            capture_output=True, text=True, check=True,
        ).stdout.split()  # fmt: skip
        total = 0.0
        for container in listed:
            total += _cgroup_cpu(container)
        return total

    def play(self, *words: str, roles: Path | None = None) -> Run:
        """Run a playbook and measure it."""
        environment = {**self.environment, **(_peer_environment(roles) if roles else {})}
        hosts_before, before, began = self.cpu(), resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        done = subprocess.run(
            [str(PROJECT / ".venv/bin/ansible-playbook"), "-i", str(self.directory), *words],
            cwd=PROJECT, env=environment, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        wall = time.monotonic() - began
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode != 0:
            sys.exit(f"{' '.join(words)} failed in {self.name}:\n{(done.stdout + done.stderr)[-5000:]}")
        recap = [tuple(map(int, row)) for row in RECAP.findall(done.stdout)]
        return Run(
            wall=wall,
            controller=after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
            hosts=self.cpu() - hosts_before,
            tasks=sum(row[0] for row in recap),
            changed=sum(row[1] for row in recap),
        )


def _peer_environment(roles: Path) -> dict[str, str]:
    """Where the peers' roles are, and the facts as variables that they were written for.

    Connection, forks and intervals are as for site.yml; nothing of this project's Python is loaded.
    """
    own = (
        "library",
        "module_utils",
        "action_plugins",
        "filter_plugins",
        "callback_plugins",
        "callbacks_enabled",
        "roles_path",
    )
    lines = (PROJECT / "ansible.cfg").read_text().splitlines()
    (OUTPUT / "peer.cfg").write_text("\n".join(line for line in lines if line.split(" ")[0] not in own))
    return {
        "ANSIBLE_CONFIG": str(OUTPUT / "peer.cfg"),
        "ANSIBLE_ROLES_PATH": str(roles),
        "ANSIBLE_INJECT_FACT_VARS": "true",
    }


def _cgroup_cpu(container: str) -> float:
    for pattern, unit in (
        (f"/sys/fs/cgroup/cpuacct/**/libpod-{container}/cpuacct.usage", 1e-9),
        (f"/sys/fs/cgroup/cpu,cpuacct/**/libpod-{container}/cpuacct.usage", 1e-9),
    ):
        for path in Path("/").glob(pattern.lstrip("/")):
            return int(path.read_text()) * unit
    for path in Path("/sys/fs/cgroup").glob(f"**/libpod-{container}*/cpu.stat"):
        return int(path.read_text().split()[1]) * 1e-6
    raise SystemExit(f"no CPU accounting was found for {container}")


def site_inventory(web_hosts: int) -> str:
    """An inventory with so many web hosts and one database."""
    names = "".join(f"        web{number}:\n" for number in range(1, web_hosts + 1))
    return (
        "env_lab:\n  vars:\n    ansible_group_priority: 10\n  children:\n"
        f"    web:\n      hosts:\n{names}    database:\n      hosts:\n        db1:\n"
    )


PEER_PLAY = """\
- hosts: all
  gather_facts: true
  become: true
  vars:
    postgresql_databases: [{name: board}]
    postgresql_users: [{name: board, password: "a-password-of-the-benchmark"}]
    nginx_vhosts:
      - listen: "80"
        server_name: board.localhost
        root: /var/www/html
  roles: [geerlingguy.nginx, geerlingguy.postgresql]
"""


def summary(runs: list[Run]) -> dict[str, object]:
    """Median and range of each figure."""
    result: dict[str, object] = {
        "runs": [asdict(run) for run in runs],
        "tasks": runs[0].tasks,
        "changed": runs[0].changed,
    }
    for figure in ("wall", "controller", "hosts"):
        values = [getattr(run, figure) for run in runs]
        result[figure] = {"median": statistics.median(values), "min": min(values), "max": max(values)}
    totals = [run.controller + run.hosts for run in runs]
    result["cpu"] = {"median": statistics.median(totals), "min": min(totals), "max": max(totals)}
    return result


def show(name: str, figures: dict[str, object]) -> None:
    """One line of the table."""
    cells = "".join(
        "{median:10.1f} ({min:.1f}-{max:.1f})".format(**figures[key])  # type: ignore[arg-type]
        for key in ("wall", "controller", "hosts", "cpu")
    )
    print(f"{name:<34}{figures['tasks']:>6}{figures['changed']:>8}  {cells}", flush=True)


def ratio(above: list[Run], below: list[Run], figure: Callable[[Run], float]) -> dict[str, float]:
    """Median and range of what two sites took in the same round."""
    values = [figure(one) / figure(other) for one, other in zip(above, below, strict=True)]
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


FIGURES: dict[str, Callable[[Run], float]] = {
    "wall": lambda run: run.wall,
    "CPU": lambda run: run.controller + run.hosts,
}


def measure(sites: dict[int, Lab], peer: Lab | None, roles: Path | None) -> dict[str, list[Run]]:
    """First runs, then rounds in which each site and the peer run once."""
    runs: dict[str, list[Run]] = {}
    for size, lab in sites.items():
        subprocess.run(
            [str(PROJECT / ".venv/bin/ansible-playbook"), "-i", str(lab.directory), "playbooks/secrets.yml"],
            cwd=PROJECT, env=lab.environment, capture_output=True, check=True,
        )  # fmt: skip
        runs[f"site.yml, {size} web, first"] = [lab.play("site.yml")]
    if peer and roles:
        runs["peer roles, first"] = [peer.play(str(OUTPUT / "peer.yml"), roles=roles)]
    for _round in range(ROUNDS):
        for size, lab in sites.items():
            runs.setdefault(f"site.yml, {size} web, no change", []).append(lab.play("site.yml"))
        if peer and roles:
            runs.setdefault("peer roles, no change", []).append(peer.play(str(OUTPUT / "peer.yml"), roles=roles))
    return runs


def report(runs: dict[str, list[Run]]) -> None:
    """Print the table and the ratios, and write both."""
    print(
        f"{'':<34}{'tasks':>6}{'changed':>8}  {'wall s':>16}{'controller CPU s':>20}{'hosts CPU s':>16}{'all CPU s':>16}"
    )
    results = {name: summary(values) for name, values in runs.items()}
    for name, figures in results.items():
        show(name, figures)
    ratios = {}
    smallest, largest = WEB_HOSTS[0], WEB_HOSTS[-1]
    for key, figure in FIGURES.items():
        own = runs[f"site.yml, {smallest} web, no change"]
        if "peer roles, no change" in runs:
            ratios[f"site.yml, {smallest} web / peer roles, {key}"] = ratio(own, runs["peer roles, no change"], figure)
        if largest != smallest:
            others = runs[f"site.yml, {largest} web, no change"]
            ratios[f"{largest} web / {smallest} web, {key}"] = ratio(others, own, figure)
    for name, values in ratios.items():
        print("no change, {:<44}{median:6.2f} ({min:.2f}-{max:.2f})".format(name, **values))
    (OUTPUT / "converge.json").write_text(json.dumps({"results": results, "ratios": ratios}, indent=2) + "\n")


def main() -> None:
    """Boot, measure, print, write."""
    OUTPUT.mkdir(parents=True, exist_ok=True)
    roles = Path(os.environ["PEER_ROLES"]).resolve() if os.environ.get("PEER_ROLES") else None
    sites = {size: Lab(f"site-{size}", site_inventory(size)) for size in WEB_HOSTS}
    peer = None
    if roles:
        for name in ("geerlingguy.nginx", "geerlingguy.postgresql"):
            if not (roles / name / "tasks" / "main.yml").exists():
                sys.exit(f"PEER_ROLES={roles} holds no {name}: give the directory that holds both roles.")
        (OUTPUT / "peer.yml").write_text(PEER_PLAY)
        peer = Lab("peer", "env_lab:\n  hosts:\n    peer1:\n")
    labs = [*sites.values(), *([peer] if peer else [])]
    try:
        for lab in labs:
            lab.command("down")
            lab.command("hosts")
        report(measure(sites, peer, roles))
    finally:
        for lab in labs:
            lab.command("down")


if __name__ == "__main__":
    main()
