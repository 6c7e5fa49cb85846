"""What a run of site.yml costs: first and no-change runs for 1, 2 and 10 web hosts, side by side.

``make bench-converge`` prints the figures and writes them to ``build/bench/converge.json``. With ``PEER_ROLES=<directory>``,
a directory that holds ``geerlingguy.nginx`` and ``geerlingguy.postgresql``, those two roles run on a host of the same kind in
alternation with the sites: each round runs all of them once. Machines are noisy: read the ratios, which are taken within
each round, and the range of each figure. BENCH_WEB_HOSTS=1,10 and BENCH_ROUNDS=5 choose other sizes and more rounds.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.bench.given import whole_number, whole_numbers
from tests.bench.labs import OUTPUT, PROJECT, Lab, spread, web_inventory, write_results

WEB_HOSTS = whole_numbers("BENCH_WEB_HOSTS", "1,2,10")
ROUNDS = whole_number("BENCH_ROUNDS", 3)
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


class MeasuredLab(Lab):
    """A lab whose runs are measured on both sides."""

    def measured(self, *words: str, roles: Path | None = None) -> Run:
        """Run a playbook and measure it."""
        hosts = self.hosts_cpu()
        done = self.play(*words, environment=_peer_environment(roles) if roles else None)
        recap = [tuple(map(int, row)) for row in RECAP.findall(done.output)]
        return Run(
            wall=done.seconds,
            controller=done.cpu,
            hosts=self.hosts_cpu() - hosts,
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
        result[figure] = spread([getattr(run, figure) for run in runs])
    result["cpu"] = spread([run.controller + run.hosts for run in runs])
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
    return spread([figure(one) / figure(other) for one, other in zip(above, below, strict=True)])


FIGURES: dict[str, Callable[[Run], float]] = {
    "wall": lambda run: run.wall,
    "CPU": lambda run: run.controller + run.hosts,
}


def measure(sites: dict[int, MeasuredLab], peer: MeasuredLab | None, roles: Path | None) -> dict[str, list[Run]]:
    """First runs, then rounds in which each site and the peer run once."""
    runs: dict[str, list[Run]] = {}
    for size, lab in sites.items():
        lab.play("playbooks/secrets.yml")
        runs[f"site.yml, {size} web, first"] = [lab.measured("site.yml")]
    if peer and roles:
        runs["peer roles, first"] = [peer.measured(str(OUTPUT / "peer.yml"), roles=roles)]
    for _round in range(ROUNDS):
        for size, lab in sites.items():
            runs.setdefault(f"site.yml, {size} web, no change", []).append(lab.measured("site.yml"))
        if peer and roles:
            runs.setdefault("peer roles, no change", []).append(peer.measured(str(OUTPUT / "peer.yml"), roles=roles))
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
    write_results("converge", {"results": results, "ratios": ratios})


def main() -> None:
    """Boot, measure, print, write."""
    OUTPUT.mkdir(parents=True, exist_ok=True)
    roles = Path(os.environ["PEER_ROLES"]).resolve() if os.environ.get("PEER_ROLES") else None
    sites = {size: MeasuredLab(f"site-{size}", web_inventory(size)) for size in WEB_HOSTS}
    peer = None
    if roles:
        for name in ("geerlingguy.nginx", "geerlingguy.postgresql"):
            if not (roles / name / "tasks" / "main.yml").exists():
                sys.exit(f"PEER_ROLES={roles} holds no {name}: give the directory that holds both roles.")
        (OUTPUT / "peer.yml").write_text(PEER_PLAY)
        peer = MeasuredLab("peer", "env_lab:\n  hosts:\n    peer1:\n")
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
