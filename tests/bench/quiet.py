"""Deploys and rollbacks of hosts that nobody visits: how long a command takes, which steps it has, and what a release takes of
the disk. Two versions of this repository take turns, so that what the machine does meanwhile meets both.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.labs import Done, Lab, copy_project, spread, summary_seconds
from tests.bench.steps import medians, table

KINDS = ("deploy", "rollback")
DEPLOY_SECONDS = 15
ROLLBACK_SECONDS = 8
TEN_HOSTS_SECONDS = 25
RELEASE_MB = 5


@dataclass
class Site:
    """The site of one version: its lab, its project, and what was measured.

    Attributes:
        title: how it is called in the tables.
        runs: by kind, what each command took.
        hosts_cpu: by kind, CPU seconds that the hosts' containers used meanwhile.
        on_host: by kind, seconds of each host's switch, from the start of its new server.
        release_bytes: of each release of a deploy, on the first web host.
    """

    title: str
    lab: Lab
    hosts: tuple[str, ...]
    project: Path = Path()
    # Unlike that of any run before, whose releases the controller may still have.
    generation: int = field(default_factory=lambda: int(time.time()))
    runs: dict[str, list[Done]] = field(default_factory=dict)
    hosts_cpu: dict[str, list[float]] = field(default_factory=dict)
    on_host: dict[str, list[float]] = field(default_factory=dict)
    release_bytes: list[int] = field(default_factory=list)

    def prepare(self, fresh: bool = True) -> None:
        """Boot the lab and configure it; its project is deployed for the first time. ``fresh`` removes an old lab first."""
        if fresh:
            self.lab.command("down")
        self.lab.command("hosts")
        self.project = copy_project(self.lab)
        self.lab.play("playbooks/secrets.yml")
        self.lab.play("site.yml")

    def change(self) -> None:
        """Change one line of the source."""
        self.generation += 1
        (self.project / "generation.txt").write_text(f"{self.generation}\n")

    def command(self, kind: str, measured: bool = True) -> None:
        """A deploy of a changed line, or a rollback; every host has to say what it did."""
        if kind == "deploy":
            self.change()
        hosts_cpu = self.lab.hosts_cpu()
        done = self.lab.play(f"playbooks/{kind}.yml", "-e", "app=bench", steps=True)
        hosts_cpu = self.lab.hosts_cpu() - hosts_cpu
        switched = summary_seconds(done.output)
        if set(switched) != set(self.hosts):
            raise SystemExit(f"{self.title}: {kind}: not every host was switched:\n{done.output[-4000:]}")
        if not measured:
            return
        self.runs.setdefault(kind, []).append(done)
        self.hosts_cpu.setdefault(kind, []).append(hosts_cpu)
        self.on_host.setdefault(kind, []).extend(seconds for _old, _new, seconds in switched.values())
        if kind == "deploy":
            host = self.hosts[0]
            self.release_bytes.append(self.lab.release_bytes(host, switched[host][1]))
        print(f"{self.title:<24}{kind:<10}{done.seconds:6.1f} s, {done.cpu:5.1f} CPU s", flush=True)

    def figures(self) -> dict[str, object]:
        """Median and range of what was measured, and the steps of each kind."""
        found: dict[str, object] = {"release_mb": spread([size / 1e6 for size in self.release_bytes])}
        for kind, runs in self.runs.items():
            found[kind] = {
                "command_s": spread([one.seconds for one in runs]),
                "controller_cpu_s": spread([one.cpu for one in runs]),
                "hosts_cpu_s": spread(self.hosts_cpu[kind]),
                "on_host_s": spread(self.on_host[kind]),
                "steps": medians(one.steps for one in runs),
                "runs": [{"seconds": one.seconds, "cpu": one.cpu, "steps": one.steps} for one in runs],
            }
        return found


def measure(sites: list[Site], rounds: int, kinds: tuple[str, ...] = KINDS) -> None:
    """So many commands of each kind, the sites in turn; the first of each is not counted, as it fills caches."""
    for number in range(rounds + 1):
        for kind in kinds:
            for site in sites:
                site.command(kind, measured=number > 0)


def show(title: str, sites: list[dict]) -> None:
    """The tables of one number of hosts, and how the first version compares with the second."""
    print(f"\n{title:<34}{'command s':>22}{'controller CPU s':>22}{'hosts CPU s':>22}{'switch of a host s':>22}")
    for kind in KINDS:
        for one in sites:
            if kind in one:
                cells = "".join(
                    "{:>22}".format("{median:.1f} ({min:.1f}-{max:.1f})".format(**one[kind][key]))
                    for key in ("command_s", "controller_cpu_s", "hosts_cpu_s", "on_host_s")
                )
                print(f"{kind + ', ' + str(one['title']):<34}{cells}")
    for one in sites:
        print(
            f"{'MB of a release, ' + str(one['title']):<34}{'{median:.2f} ({min:.2f}-{max:.2f})'.format(**one['release_mb']):>22}"
        )
    if len(sites) == 2:
        for name, value in ratios(*sites).items():
            print(f"{name:<56}{value:>6.3f}")


def ratios(new: dict, old: dict) -> dict[str, float]:
    """How the first version compares with the second, by medians."""
    found = {
        f"{new['title']} / {old['title']}, {kind}, {name}": new[kind][key]["median"] / old[kind][key]["median"]
        for kind in KINDS
        if kind in new and kind in old
        for key, name in (("command_s", "wall"), ("controller_cpu_s", "controller CPU"), ("hosts_cpu_s", "hosts CPU"))
    }
    return {**found, f"{new['title']} / {old['title']}, MB": new["release_mb"]["median"] / old["release_mb"]["median"]}


def show_steps(kind: str, steps: dict[str, dict[str, float]]) -> None:
    """The table of the steps of a kind."""
    if steps:
        print(f"\nsteps of a {kind}")
        print("\n".join(table(steps)))


def goals(own: dict, ten: dict | None) -> list[tuple[str, object, str, bool]]:
    """Each goal with what was measured, in the median."""
    measured = [
        ("deploy of a changed line, s", own["deploy"]["command_s"]["median"], DEPLOY_SECONDS),
        ("rollback, s", own["rollback"]["command_s"]["median"], ROLLBACK_SECONDS),
        ("disk of a release, same packages, MB", own["release_mb"]["median"], RELEASE_MB),
    ]
    if ten:
        measured.append(
            (f"deploy, {ten['hosts']} web hosts, s", ten["deploy"]["command_s"]["median"], TEN_HOSTS_SECONDS)
        )
    return [(name, round(value, 2), f"<= {wanted}", value <= wanted) for name, value, wanted in measured]
