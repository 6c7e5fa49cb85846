"""What serves fastest: uWSGI as the roles configure it, and the servers that it is chosen over.

``make bench-serve`` prints the figures and writes them to ``build/bench/serve.json``. It boots a lab of its own, runs
``site.yml`` for the project of ``tests/bench/project`` and measures on the deployed web host. The others serve the same release
(its source, its virtual environment, its environment) behind the same nginx, and are asked in alternation. Load goes to the
lab's own host alone: 16 connections of wrk, which stay open, so that handshakes are no part of it. In each round the views are
called without any server, too (``tests/bench/bare.py``): the goals are about what a server and nginx add to that. Machines are
noisy: read the ratios, which are taken within a round, and the range of each figure.

``BENCH_TLS=none`` measures the site as it stands behind a load balancer that ends TLS (``nginx_tls_mode: none``), ``both``
one after the other in the same lab. ``BENCH_WORKERS=2x1,4x1,2x4`` compares uWSGI's numbers of workers (processes x threads)
with each other and with the two best peers instead. ``BENCH_ROUNDS`` (5) and ``BENCH_SECONDS`` (4) make it longer or shorter;
``BENCH_KEEP=1`` leaves the lab running.
"""

from __future__ import annotations

import json
import os
import socket
import ssl
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.bench.bare import bare
from tests.bench.given import whole_number
from tests.bench.labs import BENCH, DOMAIN, Lab, copy_project, spread, web_inventory, write_results
from tests.bench.servers import (
    BEANSTALK,
    FILE_SERVER,
    GRANIAN,
    GTHREAD,
    HOST,
    OWN,
    PACKAGES,
    SERVERS,
    SYNC,
    WHITENOISE,
    start,
    worker_servers,
)

ROUNDS = whole_number("BENCH_ROUNDS", 5)
SECONDS = whole_number("BENCH_SECONDS", 4)
TLS_MODES = {"": [True], "project_ca": [True], "none": [False], "both": [True, False]}
CONNECTIONS = 16
WORKERS = [
    (int(processes), int(threads))
    for processes, threads in (one.split("x") for one in filter(None, os.environ.get("BENCH_WORKERS", "").split(",")))
]
VIEWS = {"JSON": "/json/", "page": "/page/", "list": "/list/"}
FILES = {"1 KB": "/static/bench/1k.txt", "100 KB": "/static/bench/100k.txt"}
BARE = "no server at all"
PSS_LIMIT_MB = 75
# Goals: at most so many times what the peer adds to the bare view; at least so many times as cheap as WhiteNoise.
ADDED = {GTHREAD: 0.5, SYNC: 0.5, GRANIAN: 1.0}
STATIC = {"1 KB": 6.0, "100 KB": 5.0}

Figures = dict[str, float]
Rounds = dict[str, dict[str, list[Figures]]]
Results = dict[str, dict[str, dict[str, dict[str, float]]]]


@dataclass
class Front:
    """The deployed site as visitors reach it, with TLS or without, and the load on it."""

    lab: Lab
    tls: bool

    @property
    def variables(self) -> dict[str, object]:
        """What site.yml is given for it."""
        return {} if self.tls else {"nginx_tls_mode": "none"}

    @property
    def scheme(self) -> str:
        """That of the addresses."""
        return "https" if self.tls else "http"

    @property
    def own_port(self) -> int:
        """Where the roles' own server is."""
        return 443 if self.tls else 80

    def own(self) -> tuple[str, int]:
        """Unit and port of the roles' own server."""
        return self.lab.live_unit(HOST), self.own_port

    def converge(self, **more: object) -> None:
        """Configure the host for it."""
        words = ("--tags", "uwsgi,django") if more else ()
        # Servers are compared, some with more connections than a pool of ours would have: all ask the database straight.
        given = {**self.variables, "bench_packages": PACKAGES, "bench_pooling": "none", **more}
        self.lab.play("site.yml", *words, "-e", json.dumps(given))

    def cipher(self, port: int) -> str:
        """What is negotiated on a port: the peers have to encrypt as the site does."""
        context = ssl.create_default_context(cafile=str(self.lab.directory / "ca.pem"))
        with (
            socket.create_connection((self.lab.address(HOST), port), timeout=10) as raw,
            context.wrap_socket(raw, server_hostname=DOMAIN) as connection,
        ):
            return " ".join(str(word) for word in (connection.version(), (connection.cipher() or ("",))[0]))

    def load(self, port: int, path: str, seconds: int) -> Figures:
        """Ask for one address with wrk."""
        address = f"{self.scheme}://{DOMAIN}:{port}{path}"
        done = subprocess.run(
            ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "15s", "-s", str(BENCH / "wrk.lua"), address],
            env={**os.environ, "BENCH_ADDRESS": self.lab.address(HOST)}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode != 0:
            raise SystemExit(f"wrk failed:\n{done.stdout}{done.stderr}")
        return json.loads(done.stdout.strip().splitlines()[-1])

    def measure(self, unit: str, port: int, path: str) -> Figures:
        """One round of one address: requests per second, and CPU microseconds of server and nginx for each."""
        units = [unit, "nginx.service"]
        before = self.lab.cpu(HOST, units)
        figures = self.load(port, path, SECONDS)
        after = self.lab.cpu(HOST, units)
        if not figures["requests"] or (figures["failed"] and port == self.own_port):
            raise SystemExit(f"port {port}{path}: {figures}: not every answer was good, so nothing can be compared.")
        server, nginx = ((after[one] - before[one]) / figures["requests"] * 1e6 for one in units)
        return {
            "failed": figures["failed"],
            "cpu_us": server + nginx,
            "server_us": server,
            "nginx_us": nginx,
            "per_second": figures["requests"] / figures["seconds"],
            "p50_ms": figures["p50_ms"],
            "p99_ms": figures["p99_ms"],
        }

    def bare(self, path: str) -> Figures:
        """One round of one view without any server."""
        return {"cpu_us": bare(self.lab, HOST, DOMAIN, self.scheme, path, SECONDS)}

    def rounds(self, contenders: dict[str, tuple[str, int]], paths: dict[str, str], with_bare: bool) -> Rounds:
        """Ask all contenders for all paths, in alternation: by path and title, one entry a round."""
        asked: dict[str, Callable[[str], Figures]] = {
            title: lambda path, where=where: self.measure(*where, path) for title, where in contenders.items()
        }
        if with_bare:
            asked[BARE] = self.bare
        found: Rounds = {name: {title: [] for title in asked} for name in paths}
        for _unit, port in contenders.values():
            for path in paths.values():
                self.load(port, path, 1)
        for number in range(ROUNDS):
            for name, path in paths.items():
                # Each round begins with another one: what the machine does meanwhile meets all of them.
                order = list(asked)
                for title in order[number % len(order) :] + order[: number % len(order)]:
                    found[name][title].append(asked[title](path))
            print(f"round {number + 1} of {ROUNDS} is done", flush=True)
        return found


def memory(front: Front) -> float:
    """MB (PSS) of a master with two workers that have answered every view."""
    front.converge(bench_processes=2)
    for path in VIEWS.values():
        front.load(front.own_port, path, 3)
    sizes = front.lab.memory(HOST, front.lab.live_unit(HOST))
    if len(sizes) != 3:
        raise SystemExit(f"a master and two workers were expected, not {len(sizes)} processes.")
    return sum(sizes) / 1024


def show(results: Results) -> None:
    """The tables."""
    for name, servers in results.items():
        print(
            f"\n{name:<26}{'CPU us a request':>26}{'server':>8}{'nginx':>8}{'requests/s':>28}{'p50 ms':>10}{'p99 ms':>10}{'failed':>8}"
        )
        for title, figures in servers.items():
            cpu = figures["cpu_us"]
            line = f"{title:<26}{cpu['median']:>14.0f} ({cpu['min']:.0f}-{cpu['max']:.0f})"
            if title != BARE:
                rate = figures["per_second"]
                line += f"{figures['server_us']['median']:>8.0f}{figures['nginx_us']['median']:>8.0f}"
                line += f"{rate['median']:>16.0f} ({rate['min']:.0f}-{rate['max']:.0f})"
                line += f"{figures['p50_ms']['median']:>10.1f}{figures['p99_ms']['median']:>10.1f}{figures['failed']['max']:>8.0f}"
            print(line)


def added(raw: Rounds) -> dict[str, dict[str, dict[str, dict[str, float]]]]:
    """By view and server, what it adds to the bare view in CPU microseconds, and how the roles' server compares with it.

    Both are taken within a round, and summarised then. A peer that adds nothing that can be measured has no ratio.
    """
    found: dict[str, dict[str, dict[str, dict[str, float]]]] = {}
    for view in VIEWS:
        more = {
            title: [one["cpu_us"] - alone["cpu_us"] for one, alone in zip(rounds, raw[view][BARE], strict=True)]
            for title, rounds in raw[view].items()
            if title != BARE
        }
        found[view] = {}
        for title, values in more.items():
            ratios = [own / peer for own, peer in zip(more[OWN], values, strict=True) if peer > 0]
            found[view][title] = {"added_us": spread(values)} | ({"ratio": spread(ratios)} if ratios else {})
    return found


def show_added(results: Results, more: dict[str, dict[str, dict[str, dict[str, float]]]]) -> None:
    """What each server adds to the bare view."""
    for view, servers in more.items():
        title = f"{view}, above the bare view"
        print(f"\n{title:<28}{'total us':>10}{'bare us':>10}{'added us':>26}{'the roles / it':>26}")
        for server, figures in servers.items():
            cells = "{median:.0f} ({min:.0f}-{max:.0f})".format(**figures["added_us"])
            ratio = "{median:.2f} ({min:.2f}-{max:.2f})".format(**figures["ratio"]) if "ratio" in figures else "-"
            total, alone = (results[view][one]["cpu_us"]["median"] for one in (server, BARE))
            print(f"{server:<28}{total:>10.0f}{alone:>10.0f}{cells:>26}{ratio if server != OWN else '':>26}")


def goals(
    results: Results, more: dict[str, dict[str, dict[str, dict[str, float]]]], pss: float
) -> list[dict[str, object]]:
    """Each goal with what was measured."""

    def cpu(view: str, peer: str) -> float:
        return results[view][peer]["cpu_us"]["median"] / results[view][OWN]["cpu_us"]["median"]

    def rate(view: str, peer: str) -> float:
        return results[view][OWN]["per_second"]["median"] / results[view][peer]["per_second"]["median"]

    at_most = [
        (
            f"{view}, added CPU, of what {peer} adds",
            more[view][peer].get("ratio", {}).get("median", float("inf")),
            wanted,
        )
        for view in VIEWS
        for peer, wanted in ADDED.items()
    ]
    at_most.append(("master + 2 workers, MB PSS", pss, PSS_LIMIT_MB))
    at_least = [
        (f"static {size}, CPU, times {WHITENOISE}", cpu(size, WHITENOISE), wanted) for size, wanted in STATIC.items()
    ]
    at_least += [
        ("list, requests/s, times the best peer", min(rate("list", server.title) for server in SERVERS), 1.0),
        # Of the whole request, as it was asked for before the view was told from what serves it.
        ("JSON, all CPU, times " + GTHREAD, cpu("JSON", GTHREAD), 1.8),
        ("JSON, all CPU, times " + SYNC, cpu("JSON", SYNC), 1.7),
        ("JSON, all CPU, times " + BEANSTALK, cpu("JSON", BEANSTALK), 3.5),
        ("JSON, all CPU, times " + GRANIAN, cpu("JSON", GRANIAN), 1.0),
        ("page, all CPU, times " + GTHREAD, cpu("page", GTHREAD), 1.5),
        ("page, all CPU, times " + SYNC, cpu("page", SYNC), 1.4),
        ("page, all CPU, times " + BEANSTALK, cpu("page", BEANSTALK), 2.3),
        ("page, all CPU, times " + GRANIAN, cpu("page", GRANIAN), 1.0),
    ]
    listed = [(name, value, f"<= {wanted}", value <= wanted) for name, value, wanted in at_most]
    listed += [(name, value, f">= {wanted}", value >= wanted) for name, value, wanted in at_least]
    return [
        {"goal": name, "measured": round(value, 2), "wanted": wanted, "reached": reached}
        for name, value, wanted, reached in listed
    ]


def summarise(raw: Rounds) -> Results:
    """Median and range of each figure."""
    return {
        name: {
            title: {key: spread([one[key] for one in figures]) for key in figures[0]}
            for title, figures in servers.items()
        }
        for name, servers in raw.items()
    }


def compare_workers(front: Front) -> None:
    """Numbers of workers against each other, print, write."""
    servers = [*worker_servers(WORKERS), *(one for one in SERVERS if one.title in (GTHREAD, GRANIAN))]
    start(front.lab, servers, front.tls)
    time.sleep(3)
    raw = front.rounds({server.title: (server.unit, server.port) for server in servers}, VIEWS, with_bare=False)
    results = summarise(raw)
    show(results)
    write_results("serve-workers", {"results": results, "rounds": raw})


def compare_servers(front: Front) -> Results:
    """The roles' server against the others, print, write."""
    start(front.lab, [*SERVERS, FILE_SERVER], front.tls)
    time.sleep(3)
    own = front.own()
    raw = front.rounds(
        {OWN: own, **{server.title: (server.unit, server.port) for server in SERVERS}}, VIEWS, with_bare=True
    )
    raw |= front.rounds({OWN: own, WHITENOISE: (FILE_SERVER.unit, FILE_SERVER.port)}, FILES, with_bare=False)
    results, more = summarise(raw), added(raw)
    workers = len(front.lab.memory(HOST, own[0])) - 1
    ciphers = {
        title: front.cipher(port) for title, port in ((OWN, own[1]), (WHITENOISE, FILE_SERVER.port)) if front.tls
    }
    reached = goals(results, more, memory(front))
    print(f"\n{'with' if front.tls else 'without'} TLS to the visitor {ciphers or ''}")
    show(results)
    show_added(results, more)
    print(f"\nworkers of uWSGI as the roles chose them: {workers}\n")
    for one in reached:
        print(
            f"{one['goal']!s:<56}{one['measured']:>8} (goal {one['wanted']}) {'reached' if one['reached'] else 'MISSED'}"
        )
    found = {"results": results, "added": more, "rounds": raw, "goals": reached, "workers": workers, "ciphers": ciphers}
    write_results("serve" if front.tls else "serve-http", found)
    return results


def show_tls(secured: Results, plain: Results) -> None:
    """What TLS to the visitor costs the roles' server, in medians of CPU microseconds."""
    print(f"\n{'CPU us a request, the roles':<28}{'with TLS':>10}{'without':>10}{'TLS':>10}")
    for name in secured:
        with_it, without = (one[name][OWN]["cpu_us"]["median"] for one in (secured, plain))
        print(f"{name:<28}{with_it:>10.0f}{without:>10.0f}{with_it - without:>10.0f}")


def bench(lab: Lab, modes: list[bool]) -> None:
    """Deploy the project and measure it."""
    copy_project(lab)
    lab.play("playbooks/secrets.yml")
    found = []
    for tls in modes:
        front = Front(lab, tls)
        front.converge()
        if WORKERS:
            compare_workers(front)
        else:
            found.append(compare_servers(front))
    if len(found) == 2:
        show_tls(*found)


def main() -> None:
    """A lab of its own, the benchmark, and away with it."""
    asked = os.environ.get("BENCH_TLS") or ""
    if asked not in TLS_MODES:
        raise SystemExit(f"BENCH_TLS={asked} is not known: give one of {', '.join(filter(None, TLS_MODES))}.")
    lab = Lab("serve", web_inventory(1), BENCH / "applications.yml")
    if not os.environ.get("BENCH_KEEP"):
        lab.command("down")
    lab.command("hosts")
    try:
        bench(lab, TLS_MODES[asked])
    finally:
        if not os.environ.get("BENCH_KEEP"):
            lab.command("down")


if __name__ == "__main__":
    main()
