"""What a deploy costs: the operator, on hosts that nobody visits, and the visitors, by deploys and rollbacks in a row under load.

``make bench-deploy`` prints the figures and writes them to ``build/bench/deploy.json``. It has three stages:

1. Quiet. A lab of its own with two web hosts, ``site.yml`` for the project of ``tests/bench/project``, then deploys of a changed
   line and rollbacks: seconds and CPU of the command, the steps of both, and what a release takes of the disk.
   ``BENCH_AGAINST=<commit>`` holds them against another version of this repository, which has a worktree and a lab of its own;
   the two take turns.
2. Under load. Visitors come who take note of every answer (``tests/bench/visitors.py``), and ``playbooks/deploy.yml`` deploys a
   changed source again and again; the last deploys are each taken back by ``playbooks/rollback.yml`` before the next one.
3. Quiet, with ten web hosts in another lab.

Hosts, visitors and controller share this machine's CPUs. The controller is a machine of its own elsewhere; ``BENCH_NICE=10``
lets its processes yield to the others under load, which takes longer.

``BENCH_QUIET`` (3 of each), ``BENCH_DEPLOYS`` (30), ``BENCH_ROLLBACKS`` (10), ``BENCH_VISITORS`` (4 of either kind a host) and
``BENCH_BASE_SECONDS`` (60) make it shorter; with 0 of ``BENCH_QUIET`` or ``BENCH_DEPLOYS`` that stage is left out.
``BENCH_HOSTS`` (10) is the number of web hosts of the third stage, 0 leaves it out. ``BENCH_PAUSE_MS`` (20) is what a visitor
waits between an answer and the next request: without it the visitors take all of this machine, and the controller comes to
nothing. ``BENCH_KEEP=1`` leaves the lab of the first two stages running.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import NoReturn

from tests.bench import quiet
from tests.bench.given import whole_number
from tests.bench.labs import BENCH, DOMAIN, Lab, spread, summary_seconds, web_inventory, write_results
from tests.bench.steps import medians
from tests.bench.versions import checkout, commit
from tests.bench.visitors import Answer, Visitors

QUIET = whole_number("BENCH_QUIET", 3)
AGAINST = os.environ.get("BENCH_AGAINST") or ""
MANY_HOSTS = whole_number("BENCH_HOSTS", 10)
# Of ten hosts two are enough: their figure is one of four goals, and each takes half a minute.
MANY_ROUNDS = min(QUIET, 2)
OWN = "this version"
DEPLOYS = whole_number("BENCH_DEPLOYS", 30)
ROLLBACKS = min(whole_number("BENCH_ROLLBACKS", 10), DEPLOYS)
VISITORS = whole_number("BENCH_VISITORS", 4)
PAUSE = whole_number("BENCH_PAUSE_MS", 20) / 1000
BASE_SECONDS = whole_number("BENCH_BASE_SECONDS", 60)
HOSTS = ("web1", "web2")
YIELD = ("nice", "-n", os.environ.get("BENCH_NICE") or "0")
WORST_MS = 500
ROLLBACK_SECONDS = 2
RECAP = re.compile(r"^(web\d+)\s+: ok=\d+\s+changed=(\d+)", re.MULTILINE)


@dataclass
class Event:
    """A deploy, a rollback or a stretch of the base line.

    Attributes:
        kind: ``base line``, ``base line with a run``, ``deploy``, ``rollback`` or ``unchanged``.
        began, ended: on the monotonic clock.
        release: the release that is live at its end.
        on_host: by host, seconds from the start of the new master until it got the requests, as the host measured.
        first_answer: by host, seconds from the command to the first answer of that release.
        cpu: CPU seconds of the controller.
        steps: seconds of each step.
    """

    kind: str
    began: float
    ended: float = 0.0
    release: str = ""
    on_host: dict[str, float] = field(default_factory=dict)
    first_answer: dict[str, float] = field(default_factory=dict)
    cpu: float = 0.0
    steps: dict[str, float] = field(default_factory=dict)


class Bench:
    """The lab, its visitors, and what happened.

    What the lab serves is the source as it lies in ``project``, with the number ``generation``.
    """

    def __init__(self, lab: Lab, project: Path, generation: int) -> None:
        self.lab = lab
        self.project = project
        self.visitors = Visitors(
            DOMAIN, {host: lab.address(host) for host in HOSTS}, str(lab.directory / "ca.pem"), PAUSE
        )
        self.events: list[Event] = []
        self.releases: set[str] = set()
        self.generation = generation

    async def play(self, kind: str, *words: str) -> tuple[Event, str]:
        """Run a playbook as an event."""
        event = Event(kind, time.monotonic())
        done = await asyncio.to_thread(self.lab.play, *words, "-e", "app=bench", prefix=YIELD, steps=True)
        event.ended = time.monotonic()
        event.cpu, event.steps = done.cpu, done.steps
        for host, (_old, new, seconds) in summary_seconds(done.output).items():
            event.release = new
            event.on_host[host] = seconds
        if event.release:
            self.releases.add(event.release)
        self.events.append(event)
        return event, done.output

    async def switch(self, kind: str, *words: str) -> None:
        """A deploy or a rollback; both hosts have to say what they did."""
        event, output = await self.play(kind, *words)
        if set(event.on_host) != set(HOSTS):
            raise SystemExit(f"{kind}: not every host was switched:\n{output[-4000:]}")
        # The visitors may still wait for the answers that they asked for before.
        await asyncio.sleep(1)
        for host in HOSTS:
            first = min(
                one.began + one.seconds
                for one in self.visitors.answers
                if one.host == host and one.release == event.release and one.began > event.began
            )
            event.first_answer[host] = first - event.began
        failed = sum(1 for one in self.visitors.answers if one.problem)
        print(
            f"{kind:<10}{event.release}  {event.ended - event.began:6.1f} s, on the hosts "
            f"{'/'.join(f'{event.on_host[host]:.2f}' for host in HOSTS)} s; {len(self.visitors.answers)} requests, {failed} failed, "
            f"{len(self.visitors.dropped)} dropped so far",
            flush=True,
        )

    def source(self, generation: int) -> None:
        """Sources differ by one number."""
        (self.project / "generation.txt").write_text(f"{generation}\n")

    async def deploy(self) -> None:
        """Deploy another source."""
        self.generation += 1
        self.source(self.generation)
        await self.switch("deploy", "playbooks/deploy.yml")

    async def base_line(self) -> None:
        """The same load with nothing going on, and with a run that changes nothing."""
        event = Event("base line", time.monotonic())
        await asyncio.sleep(BASE_SECONDS)
        event.ended = time.monotonic()
        self.events.append(event)
        while time.monotonic() - event.ended < BASE_SECONDS:
            await self.play("base line with a run", "playbooks/deploy.yml")

    def states(self) -> dict[str, str]:
        """By host, the releases and what runs since when."""
        script = "ls /srv/bench/releases; readlink /srv/bench/live; systemctl show --property MainPID,ActiveEnterTimestampMonotonic "
        return {host: self.lab.run(host, "sh", "-c", f"{script} {self.lab.live_unit(host)} nginx") for host in HOSTS}

    async def unchanged(self) -> dict[str, object]:
        """A deploy of what is live: nothing may be shipped and nothing restarted."""
        before = await asyncio.to_thread(self.states)
        event, output = await self.play("unchanged", "playbooks/deploy.yml")
        same = before == await asyncio.to_thread(self.states)
        changed = {host: int(count) for host, count in RECAP.findall(output)}
        return {"seconds": event.ended - event.began, "changed": sum(changed.values()), "same": same}

    async def run(self) -> dict[str, object]:
        """All of it."""
        # The release that is live, so that all that answer are known.
        self.releases.add(
            self.lab.run(HOSTS[0], "readlink", "-f", "/srv/bench/live/release").strip().rpartition("/")[2]
        )
        self.visitors.come(VISITORS, VISITORS)
        await self.base_line()
        for _number in range(DEPLOYS - ROLLBACKS):
            await self.deploy()
        kept = self.generation
        for _number in range(ROLLBACKS):
            await self.deploy()
            await self.switch("rollback", "playbooks/rollback.yml")
        # What is live, after the rollbacks again.
        self.source(kept)
        unchanged = await self.unchanged()
        await self.visitors.leave()
        return unchanged


def within(answers: list[Answer], events: list[Event]) -> list[Answer]:
    """The answers whose time overlaps one of the events."""
    spans = [(event.began, event.ended) for event in events]
    return [one for one in answers if any(one.began < end and one.began + one.seconds > begin for begin, end in spans)]


def stale(bench: Bench) -> int:
    """Answers of another release than the one that was live when they were asked for, between two events."""
    switches = [event for event in bench.events if event.kind in ("deploy", "rollback")]
    wrong = 0
    for event, after in zip(switches, [*switches[1:], None], strict=True):
        until = after.began if after else float("inf")
        wrong += sum(
            1
            for one in bench.visitors.answers
            if event.ended < one.began < until - one.seconds and one.release not in ("", event.release)
        )
    return wrong


def evaluate(bench: Bench, unchanged: dict[str, object]) -> dict[str, object]:
    """The figures and the goals."""
    answers = bench.visitors.answers
    phases: dict[str, dict[str, object]] = {}
    for kind in ("base line", "base line with a run", "deploy", "rollback"):
        events = [event for event in bench.events if event.kind == kind]
        found = within(answers, events)
        if not found:
            continue
        times = sorted(one.seconds * 1000 for one in found)
        spent = sum(event.ended - event.began for event in events)
        phases[kind] = {
            "events": len(events),
            "seconds": spent,
            "requests": len(found),
            "per_second": len(found) / spent,
            "failed": sum(1 for one in found if one.problem),
            "median_ms": times[len(times) // 2],
            "p99_ms": times[int(len(times) * 0.99)],
            "worst_ms": times[-1],
            "worst_by_kind_ms": {
                name: max((one.seconds * 1000 for one in found if one.kind == name), default=0.0)
                for name in ("keep-alive", "new", "slow", "body")
            },
        }
    figures: dict[str, object] = {
        "requests": len(answers),
        "failed": sum(1 for one in answers if one.problem),
        "problems": [asdict(one) for one in answers if one.problem][:50],
        "dropped": len(bench.visitors.dropped),
        "closed_with_notice": bench.visitors.closed_with_notice,
        "closed_idle": bench.visitors.closed_idle,
        "strangers": sum(1 for one in answers if one.release and one.release not in bench.releases),
        "stale": stale(bench),
        "phases": phases,
        "unchanged": unchanged,
    }
    for kind in ("deploy", "rollback"):
        events = [event for event in bench.events if event.kind == kind]
        if events:
            figures[kind] = {
                "command_s": spread([event.ended - event.began for event in events]),
                "on_host_s": spread([seconds for event in events for seconds in event.on_host.values()]),
                "first_answer_s": spread([seconds for event in events for seconds in event.first_answer.values()]),
                "controller_cpu_s": spread([event.cpu for event in events]),
                "steps": medians(event.steps for event in events),
            }
    return figures


def goals(figures: dict) -> list[tuple[str, object, str, bool]]:
    """Each goal with what was measured."""
    phases = figures["phases"]
    worst = max(phases[kind]["worst_ms"] for kind in ("deploy", "rollback") if kind in phases)
    over = worst - phases["base line"]["worst_ms"]
    over_run = worst - max(phases[kind]["worst_ms"] for kind in phases if kind.startswith("base line"))
    unchanged = figures["unchanged"]
    listed = [
        ("failed requests", figures["failed"], "0", figures["failed"] == 0),
        ("dropped keep-alive connections", figures["dropped"], "0", figures["dropped"] == 0),
        (
            "answers of a wrong release",
            figures["stale"] + figures["strangers"],
            "0",
            figures["stale"] + figures["strangers"] == 0,
        ),
        ("worst answer over the base line, ms", round(over), f"< {WORST_MS}", over < WORST_MS),
        ("the same over a run that changes nothing, ms", round(over_run), f"< {WORST_MS}", over_run < WORST_MS),
        ("unchanged: tasks that changed something", unchanged["changed"], "0", unchanged["changed"] == 0),
        ("unchanged: same processes and releases", unchanged["same"], "True", bool(unchanged["same"])),
    ]
    if "rollback" in figures:
        slowest = figures["rollback"]["on_host_s"]["max"]
        listed.append(("slowest rollback of a host, s", slowest, f"< {ROLLBACK_SECONDS}", slowest < ROLLBACK_SECONDS))
    return listed


def show(figures: dict) -> None:
    """The tables of the visitors."""
    print(f"\n{'':<24}{'requests':>10}{'a second':>10}{'failed':>8}{'median ms':>11}{'p99 ms':>9}{'worst ms':>10}")
    for kind, one in figures["phases"].items():
        print(
            f"{kind:<24}{one['requests']:>10}{one['per_second']:>10.0f}{one['failed']:>8}{one['median_ms']:>11.1f}"
            f"{one['p99_ms']:>9.0f}{one['worst_ms']:>10.0f}"
        )
    print(f"\n{'seconds, median (range)':<24}{'command':>20}{'on a host':>24}{'to the first answer':>26}")
    for kind in ("deploy", "rollback"):
        if kind in figures:
            cells = "".join(
                f"{figures[kind][key]['median']:>{width}.2f} ({figures[kind][key]['min']:.2f}-{figures[kind][key]['max']:.2f})"
                for key, width in (("command_s", 8), ("on_host_s", 12), ("first_answer_s", 12))
            )
            print(f"{kind:<24}{cells}")
    print(f"unchanged: {figures['unchanged']['seconds']:.1f} s")
    print(f"connections that the server closed with notice: {figures['closed_with_notice']}")


def leave(lab: Lab) -> None:
    """Remove the lab, unless it is to be kept."""
    if not os.environ.get("BENCH_KEEP"):
        lab.command("down")


def new_site(title: str, lab: str, hosts: int, project: Path | None = None) -> quiet.Site:
    """A site of so many web hosts, of this version or of the one in ``project``."""
    names = tuple(f"web{number}" for number in range(1, hosts + 1))
    if project is None:
        return quiet.Site(title, Lab(lab, web_inventory(hosts), BENCH / "applications.yml"), names)
    applications = project / "tests" / "bench" / "applications.yml"
    return quiet.Site(title, Lab(lab, web_inventory(hosts), applications, project), names)


def measured_quietly(sites: list[quiet.Site], rounds: int, kinds: tuple[str, ...] = quiet.KINDS) -> list[dict]:
    """The figures of each site after so many rounds; none without a round."""
    if rounds:
        quiet.measure(sites, rounds, kinds)
    return [{"title": one.title, "hosts": len(one.hosts), **one.figures()} for one in sites] if rounds else []


def quiet_stage(own: quiet.Site) -> list[dict]:
    """Deploys and rollbacks without visitors, in turn with another version where one is named."""
    if not (AGAINST and QUIET):
        return measured_quietly([own], QUIET)
    with ExitStack() as stack:
        place = stack.enter_context(checkout(AGAINST))
        other = new_site(AGAINST, "against", len(HOSTS), place)
        stack.callback(other.lab.command, "down")
        other.prepare()
        return measured_quietly([own, other], QUIET)


def load_stage(own: quiet.Site) -> dict[str, object]:
    """Deploys and rollbacks with visitors."""
    # The base line is a run that changes nothing, so what is live has to be what the source says.
    own.command("deploy", measured=False)
    bench = Bench(own.lab, own.project, own.generation)
    unchanged = asyncio.run(bench.run())
    return {**evaluate(bench, unchanged), "events": [asdict(event) for event in bench.events]}


def many_stage() -> list[dict]:
    """Deploys to many hosts, without visitors."""
    with ExitStack() as stack:
        site = new_site(OWN, "many", MANY_HOSTS)
        stack.callback(site.lab.command, "down")
        site.prepare()
        return measured_quietly([site], MANY_ROUNDS, ("deploy",))


def report(alone: list[dict], loaded: dict, many: list[dict]) -> None:
    """Print all that was measured, the steps of quiet and loaded runs side by side, and the goals; write it."""
    reached: list[tuple[str, object, str, bool]] = []
    if loaded:
        show(loaded)
        reached += goals(loaded)
    if alone:
        quiet.show(f"quiet, {len(HOSTS)} web hosts", alone)
        reached += quiet.goals(alone[0], many[0] if many else None)
    if many:
        quiet.show(f"quiet, {many[0]['hosts']} web hosts", many)
    for kind in quiet.KINDS:
        columns = {f"quiet, {one['title']}": one[kind]["steps"] for one in alone}
        columns |= {"under load": loaded[kind]["steps"]} if kind in loaded else {}
        columns |= {f"quiet, {one['hosts']} hosts": one[kind]["steps"] for one in many if kind in one}
        quiet.show_steps(kind, columns)
    print()
    for name, measured, wanted, good in reached:
        print(f"{name:<48}{measured!s:>10} (goal {wanted}) {'reached' if good else 'MISSED'}")
    write_results("deploy", {**loaded, "quiet": alone, "many": many, "goals": reached})


def main() -> None:
    """Labs of its own, the stages, and away with all of it; after an interruption, too."""

    def end(_number: int, _frame: object) -> NoReturn:
        raise SystemExit(143)

    signal.signal(signal.SIGTERM, end)
    if AGAINST:
        commit(AGAINST)
    with ExitStack() as stack:
        own = new_site(OWN, "deploy", len(HOSTS))
        stack.callback(leave, own.lab)
        own.prepare(fresh=not os.environ.get("BENCH_KEEP"))
        alone = quiet_stage(own)
        loaded = load_stage(own) if DEPLOYS else {}
    many = many_stage() if MANY_HOSTS and MANY_ROUNDS else []
    report(alone, loaded, many)
    if loaded and (loaded["failed"] or loaded["dropped"]):
        sys.exit(1)


if __name__ == "__main__":
    main()
