"""A lab of a benchmark's own, and what the benchmarks measure on its hosts."""

from __future__ import annotations

import configparser
import json
import os
import re
import resource
import shlex
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.steps import read_steps

PROJECT = Path(__file__).resolve().parents[2]
BENCH = Path(__file__).resolve().parent
OUTPUT = PROJECT / "build" / "bench"
DOMAIN = "bench.localhost"
STATIC_SIZES = {"1k.txt": 1024, "100k.txt": 100 * 1024}

# Runs on a host, as root: CPU of the units that it is given, or memory of the processes of one unit, from /proc.
PROBE = r"""
import collections, json, os, re, sys
what, units = sys.argv[1], sys.argv[2:]
tick = os.sysconf("SC_CLK_TCK")
cpu, memory = collections.Counter(), collections.defaultdict(dict)
for pid in filter(str.isdigit, os.listdir("/proc")):
    try:
        unit = re.search(r"/([^/\n]+\.service)", open(f"/proc/{pid}/cgroup").read())
        if not unit or unit[1] not in units:
            continue
        # utime, stime, and those of children that ended
        fields = open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()
        cpu[unit[1]] += sum(map(int, fields[11:15])) / tick
        if what == "memory":
            pss = re.search(r"^Pss:\s+(\d+)", open(f"/proc/{pid}/smaps_rollup").read(), re.M)
            memory[unit[1]][pid] = int(pss[1])
    except (FileNotFoundError, ProcessLookupError):
        pass
print(json.dumps(memory if what == "memory" else cpu))
"""


def web_inventory(web_hosts: int) -> str:
    """An inventory with so many web hosts and one database."""
    names = "".join(f"        web{number}:\n" for number in range(1, web_hosts + 1))
    return (
        "env_lab:\n  vars:\n    ansible_group_priority: 10\n  children:\n"
        f"    web:\n      hosts:\n{names}    database:\n      hosts:\n        db1:\n"
    )


@dataclass
class Done:
    """A playbook that ran.

    Attributes:
        seconds: from the command to its end.
        output: what it printed.
        cpu: CPU seconds of its processes, user and system.
        steps: how long each step took (tests/bench/steps.py), where they were asked for.
    """

    seconds: float
    output: str
    cpu: float = 0.0
    steps: dict[str, float] = field(default_factory=dict)


def children_cpu() -> float:
    """CPU seconds, user and system, of the processes that this one started and that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class Lab:
    """A lab of a benchmark's own.

    With ``applications``, a file of group variables, its inventory gives the hosts these applications; without, those of
    the repository. With ``project``, a checkout of another version, all of it is that version's: its lab, its playbooks.
    """

    def __init__(self, name: str, inventory: str, applications: Path | None = None, project: Path = PROJECT) -> None:
        self.project = project
        self.name = f"bench-{name}"
        self.output = project / "build" / "bench"
        self.inventory = self.output / f"inventory-{name}"
        self.directory = project / ".lab" / self.name
        shutil.rmtree(self.inventory, ignore_errors=True)
        self.inventory.mkdir(parents=True)
        (self.inventory / "hosts.yml").write_text(inventory)
        groups = self.inventory / "group_vars"
        if applications is None:
            groups.symlink_to(self.project / "group_vars")
        else:
            groups.mkdir()
            for group in (self.project / "group_vars").iterdir():
                if group.name != "env_lab":
                    (groups / group.name).symlink_to(group)
            (groups / "env_lab").mkdir()
            (groups / "env_lab" / "main.yml").symlink_to(self.project / "group_vars" / "env_lab" / "main.yml")
            (groups / "env_lab" / "zz_applications.yml").symlink_to(applications)
            # main.yml finds it by where group_vars really is, which is here.
            (groups / "env_lab" / "zz_lab.yml").write_text(f"lab_directory: {self.directory}\n")
        # As on a machine where nobody has switched it off, Python keeps the bytecode of what it loads.
        ordinary = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
        self.environment = {
            **ordinary, "LAB": str(self.inventory), "LAB_NAME": self.name, "LAB_PORT": "0",
            "ANSIBLE_CONFIG": str(self.project / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1",
        }  # fmt: skip

    def command(self, word: str) -> None:
        """A command of the lab, by the lab code of its version."""
        subprocess.run([sys.executable, "-m", "lab", word], cwd=self.project, env=self.environment, check=True)

    def address(self, host: str) -> str:
        """The address of a host."""
        return json.loads((self.directory / "hosts.json").read_text())[host]

    def play(
        self, *words: str, prefix: Iterable[str] = (), environment: Mapping[str, str] | None = None, steps: bool = False
    ) -> Done:
        """Run a playbook, and measure its steps where they are asked for; one that fails ends the benchmark."""
        tasks = self.output / f"{self.name}-tasks.json"
        told = self._steps_environment(tasks) if steps else {}
        used, began, clock = children_cpu(), time.monotonic(), time.time()
        done = subprocess.run(
            [*prefix, str(self.project / ".venv/bin/ansible-playbook"), "-i", str(self.inventory), *words],
            cwd=self.project, env={**self.environment, **told, **(environment or {})}, capture_output=True, text=True, check=False,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        seconds = time.monotonic() - began
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(words)} failed in {self.name}:\n{(done.stdout + done.stderr)[-5000:]}")
        found = read_steps(tasks, clock, clock + seconds) if steps else {}
        return Done(seconds, done.stdout, children_cpu() - used, found)

    def _steps_environment(self, tasks: Path) -> dict[str, str]:
        """The callback that writes when tasks began, beside those that the version's ansible.cfg names."""
        settings = configparser.ConfigParser(interpolation=None)
        settings.read(self.project / "ansible.cfg")
        named = settings["defaults"]
        paths = [str(self.project / path) for path in filter(None, named.get("callback_plugins", "").split(":"))]
        return {
            "ANSIBLE_CALLBACK_PLUGINS": ":".join([*paths, str(BENCH / "callbacks")]),
            "ANSIBLE_CALLBACKS_ENABLED": ",".join(filter(None, [named.get("callbacks_enabled", ""), "bench_tasks"])),
            "BENCH_TASKS": str(tasks),
        }

    def run(self, host: str, *words: str, stdin: str | None = None) -> str:
        """A command on a host, as root."""
        done = subprocess.run(
            ["ssh", "-F", str(self.directory / "ssh_config"), host, shlex.join(["sudo", *words])],
            input=stdin, stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode != 0:
            raise SystemExit(f"{host}: {' '.join(words)} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        return done.stdout

    def hosts_cpu(self) -> float:
        """CPU seconds that the lab's containers have used."""
        listed = subprocess.run(
            ["podman", "ps", "--quiet", "--no-trunc", "--filter", f"label=lab.name={self.name}"],
            env={**os.environ, "CONTAINERS_CONF": str(self.project / ".lab/containers.conf")},
            capture_output=True, text=True, check=True,
        ).stdout.split()  # fmt: skip
        return sum(map(_cgroup_cpu, listed))

    def cpu(self, host: str, units: list[str]) -> dict[str, float]:
        """CPU seconds that each of the units has used."""
        found = json.loads(self.run(host, "python3", "-", "cpu", *units, stdin=PROBE))
        return {unit: found.get(unit, 0.0) for unit in units}

    def memory(self, host: str, unit: str) -> list[int]:
        """KB (PSS) of each process of a unit, the oldest first."""
        found = json.loads(self.run(host, "python3", "-", "memory", unit, stdin=PROBE))[unit]
        return [found[pid] for pid in sorted(found, key=int)]

    def release_bytes(self, host: str, release: str) -> int:
        """Bytes of disk that a release takes beside all the other ones: what they share by hard links counts as theirs."""
        script = 'cd /srv/bench/releases && du -s -B1 $(ls | grep -vxF "$1") "$1"'
        return int(self.run(host, "sh", "-c", script, "du", release).splitlines()[-1].split()[0])

    def live_unit(self, host: str) -> str:
        """The unit of the live slot."""
        slot = self.run(host, "readlink", "/srv/bench/live").strip().rpartition("/")[2]
        return f"uwsgi-bench@{slot}.service"


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


def copy_project(lab: Lab) -> Path:
    """The project of the benchmarks, in a place where releases of it may be made, with its static files."""
    place = lab.output / f"{lab.name}-project"
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(BENCH / "project", place, ignore=shutil.ignore_patterns("__pycache__"))
    static = place / "bench" / "static" / "bench"
    static.mkdir(parents=True)
    for name, size in STATIC_SIZES.items():
        line = "The quick brown fox jumps over the lazy dog, {:08d}.\n"
        (static / name).write_text("".join(line.format(number) for number in range(size // 40))[:size])
    return place


def spread(values: list[float]) -> dict[str, float]:
    """Median and range."""
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def write_results(name: str, content: object) -> None:
    """Keep the figures for whoever wants more than the table."""
    OUTPUT.mkdir(parents=True, exist_ok=True)
    (OUTPUT / f"{name}.json").write_text(json.dumps(content, indent=2) + "\n")


def summary_seconds(output: str) -> dict[str, tuple[str, str, float]]:
    """By host, what a deploy or a rollback says at its end: old release, new release, seconds."""
    found = {}
    host = ""
    for line in output.splitlines():
        if named := re.match(r"ok: \[(\S+)\]", line):
            host = named[1]
        if told := re.search(r"bench: (\S+) -> (\S+) in ([\d.]+) s", line):
            found[host] = (told[1], told[2], float(told[3]))
    return found
