"""What a run of site.yml costs: first and no-change runs for 1, 2 and 10 web hosts, in one session.

``make bench-converge`` prints the figures and writes them to ``build/bench/converge.json``. With ``PEER_ROLES=<directory>``,
a directory that holds ``geerlingguy.nginx`` and ``geerlingguy.postgresql``, those two roles run on a host of the same kind in
alternation with the smallest site. Machines are noisy: read the ratios, and the range of each figure.
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
from dataclasses import asdict, dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
OUTPUT = PROJECT / "build" / "bench"
WEB_HOSTS = (1, 2, 10)
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
        self.name = f"bench-{name}"
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


def bench_site(web_hosts: int, peer: Lab | None, roles: Path | None) -> dict[str, dict[str, object]]:
    """First run and no-change runs of one size; the smallest alternates with the peer."""
    lab = Lab(f"site-{web_hosts}", site_inventory(web_hosts))
    results: dict[str, dict[str, object]] = {}
    lab.command("down")
    lab.command("hosts")
    try:
        subprocess.run(
            [str(PROJECT / ".venv/bin/ansible-playbook"), "-i", str(lab.directory), "playbooks/secrets.yml"],
            cwd=PROJECT, env=lab.environment, capture_output=True, check=True,
        )  # fmt: skip
        results[f"site.yml, {web_hosts} web, first"] = summary([lab.play("site.yml")])
        if peer and roles:
            results["peer roles, first"] = summary([peer.play(str(OUTPUT / "peer.yml"), roles=roles)])
        own, others = [], []
        for _round in range(ROUNDS):
            own.append(lab.play("site.yml"))
            if peer and roles:
                others.append(peer.play(str(OUTPUT / "peer.yml"), roles=roles))
        results[f"site.yml, {web_hosts} web, no change"] = summary(own)
        if others:
            results["peer roles, no change"] = summary(others)
    finally:
        lab.command("down")
    return results


def main() -> None:
    """Measure, print, write."""
    OUTPUT.mkdir(parents=True, exist_ok=True)
    roles = Path(os.environ["PEER_ROLES"]).resolve() if os.environ.get("PEER_ROLES") else None
    peer = None
    if roles:
        for name in ("geerlingguy.nginx", "geerlingguy.postgresql"):
            if not (roles / name / "tasks" / "main.yml").exists():
                sys.exit(f"PEER_ROLES={roles} holds no {name}: give the directory that holds both roles.")
        (OUTPUT / "peer.yml").write_text(PEER_PLAY)
        peer = Lab("peer", "env_lab:\n  hosts:\n    peer1:\n")
        peer.command("down")
        peer.command("hosts")
    results: dict[str, dict[str, object]] = {}
    try:
        for count in WEB_HOSTS:
            results |= bench_site(count, peer if count == WEB_HOSTS[0] else None, roles)
    finally:
        if peer:
            peer.command("down")
    print(
        f"{'':<34}{'tasks':>6}{'changed':>8}  {'wall s':>16}{'controller CPU s':>20}{'hosts CPU s':>16}{'all CPU s':>16}"
    )
    for name, figures in results.items():
        show(name, figures)
    ratios = {}
    smallest = results["site.yml, 1 web, no change"]
    if peer:
        other = results["peer roles, no change"]
        for key in ("wall", "cpu", "controller"):
            ratios[f"no change, site.yml / peer roles, {key}"] = smallest[key]["median"] / other[key]["median"]  # type: ignore[index]
    largest = results[f"site.yml, {WEB_HOSTS[-1]} web, no change"]
    ratios["no change, 10 web / 1 web, wall"] = largest["wall"]["median"] / smallest["wall"]["median"]  # type: ignore[index]
    for name, ratio in ratios.items():
        print(f"{name:<50}{ratio:8.2f}")
    (OUTPUT / "converge.json").write_text(json.dumps({"results": results, "ratios": ratios}, indent=2) + "\n")


if __name__ == "__main__":
    main()
