"""The controller killed at random points of a playbook, and whether the next run ends where the first would have."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass

from tests.bench.labs import PROJECT
from tests.faults.site import WEB, Site

POINTS = int(os.environ.get("FAULTS_POINTS") or 20)
# The same points in each run, unless another seed is given.
SEED = int(os.environ.get("FAULTS_SEED") or 20)
# A run is killed somewhere in the first seconds of a task.
TASK_SECONDS = 3
# What a run of each playbook is given.
WORDS = {"site.yml": [], "deploy.yml": ["-e", "app=bench"]}
PATHS = {"site.yml": "site.yml", "deploy.yml": "playbooks/deploy.yml"}


@dataclass
class Cut:
    """One run that was cut, and the one after it.

    Attributes:
        playbook: which.
        share: when it was killed, as a share of the tasks that a whole run has.
        last: the task that had begun last.
        whole: whether its workers were killed too, or the main process alone.
    """

    playbook: str
    share: float
    last: str = ""
    whole: bool = True


def shares(playbook: str) -> list[float]:
    """When to kill the runs of a playbook: one random point in each of so many equal parts of its tasks, in random order."""
    chosen = random.Random(f"{SEED} {playbook}")
    points = [(number + chosen.random()) / POINTS for number in range(POINTS)]
    chosen.shuffle(points)
    return points


def command(site: Site, playbook: str) -> list[str]:
    """A run of a playbook."""
    program = str(PROJECT / ".venv/bin/ansible-playbook")
    return [program, "-i", str(site.lab.inventory), PATHS[playbook], *WORDS[playbook]]


def play(site: Site, playbook: str) -> subprocess.CompletedProcess[str]:
    """A whole run."""
    return subprocess.run(
        command(site, playbook), cwd=PROJECT, env=site.lab.environment, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def change(site: Site, playbook: str) -> int:
    """Give the next run of a playbook something to do; returns the number that tells whether it was done."""
    number = int(time.time())
    if playbook == "deploy.yml":
        site.change(number)
    else:
        number %= 1000
        site.configure(number)
    return number


def begun(output: str) -> list[str]:
    """The tasks that a run has begun."""
    return [line.split("[", 1)[1].rsplit("]", 1)[0] for line in output.splitlines() if line.startswith("TASK [")]


def descendants(pid: int) -> list[int]:
    """The processes that a process has started, and those that they have started."""
    listed = subprocess.run(["ps", "-e", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    children: dict[int, list[int]] = {}
    for line in listed.splitlines():
        child, parent = map(int, line.split())
        children.setdefault(parent, []).append(child)
    found = list(children.get(pid, []))
    for one in found:
        found += children.get(one, [])
    return found


def cut(site: Site, one: Cut, tasks: int) -> None:
    """Start a run, and kill it in one of its tasks; ``tasks`` is how many a whole one has."""
    target, within = divmod(one.share * tasks, 1)
    with subprocess.Popen(
        command(site, one.playbook), cwd=PROJECT, env=site.lab.environment, text=True, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
    ) as process:  # fmt: skip
        assert process.stdout
        output = ""
        for line in process.stdout:
            output += line
            if len(begun(output)) > target:
                break
        time.sleep(within * TASK_SECONDS)
        # Ansible's workers have sessions of their own: they outlive a killed parent, and may finish what they do.
        for pid in [process.pid, *(descendants(process.pid) if one.whole else [])]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        output += process.communicate()[0]
    one.last = (begun(output) or ["before the first task"])[-1]


def problems(site: Site, playbook: str, number: int) -> list[str]:
    """What is not as a whole run would have left it."""
    if playbook == "deploy.yml":
        return released(site, number)
    found = []
    said = site.sql("SHOW log_min_duration_statement", "postgres")
    wanted = 1000 + number
    if said not in (f"{wanted}ms", f"{wanted / 1000:g}s"):
        found.append(f"PostgreSQL goes on with log_min_duration_statement = {said}, not {wanted} ms")
    for host in WEB:
        # A worker that is older than its file has not read it.
        age = site.run(
            host,
            "f=/etc/nginx/nginx.conf; p=$(cat /run/nginx.pid); for w in $(cat /proc/$p/task/$p/children); do "
            "tr '\\0' ' ' < /proc/$w/cmdline | grep -q shutting && continue; "
            'test $(stat -c %Y /proc/$w) -ge $(stat -c %Y $f) || echo worker $w; done; grep -c "keepalive_timeout '
            f'{75 + number}" $f || echo no line',
            check=False,
        )
        if age != "1":
            found.append(f"nginx on {host} goes on with old settings: {age}")
    return found


def released(site: Site, number: int) -> list[str]:
    """Hosts that do not serve the source as it is now, or not the same release."""
    found, releases = [], set()
    for host in WEB:
        releases.add(site.run(host, "basename $(readlink /srv/bench/live/release)"))
        generation = site.run(host, "cat /srv/bench/live/release/app/generation.txt")
        if generation != str(number):
            found.append(f"{host} serves generation {generation}, not {number}")
        running = site.run(host, "systemctl list-units --plain --no-legend 'uwsgi-bench@*' --state active | wc -l")
        if running != "1":
            found.append(f"{running} masters run on {host}")
    if len(releases) > 1:
        found.append(f"the hosts serve {' and '.join(sorted(releases))}")
    return found
