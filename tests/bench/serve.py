"""What serves fastest: uWSGI as the roles configure it, and the servers that it is chosen over.

``make bench-serve`` prints the figures and writes them to ``build/bench/serve.json``. It boots a lab of its own, runs
``site.yml`` for the project of ``tests/bench/project`` and measures on the deployed web host. The others serve the same release
(its source, its virtual environment, its environment) behind the same nginx, and are asked in alternation. Load goes to the
lab's own host alone: 16 connections of wrk. Machines are noisy: read the ratios, and the range of each figure.

``BENCH_TLS=none`` measures the site as it stands behind a load balancer that ends TLS (``nginx_tls_mode: none``).
``BENCH_WORKERS=2x1,4x1,2x4`` compares uWSGI's numbers of workers (processes x threads) with each other and with the two
best peers instead. ``BENCH_ROUNDS`` (5) and ``BENCH_SECONDS`` (4) make it longer or shorter; ``BENCH_KEEP=1`` leaves the lab
running.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import time
from dataclasses import dataclass, field

from tests.bench.labs import BENCH, DOMAIN, Lab, copy_project, spread, web_inventory, write_results

ROUNDS = int(os.environ.get("BENCH_ROUNDS") or 5)
SECONDS = int(os.environ.get("BENCH_SECONDS") or 4)
TLS = (os.environ.get("BENCH_TLS") or "project_ca") != "none"
CONNECTIONS = 16
OWN_PORT = 443 if TLS else 80
WORKERS = [
    (int(processes), int(threads))
    for processes, threads in (one.split("x") for one in filter(None, os.environ.get("BENCH_WORKERS", "").split(",")))
]
VARIABLES: dict[str, object] = {} if TLS else {"nginx_tls_mode": "none"}
HOST = "web1"
PACKAGES = ["gunicorn==27.0.1", "granian==2.8.7", "whitenoise==6.12.0"]
VIEWS = {"JSON": "/json/", "page": "/page/", "list": "/list/"}
FILES = {"1 KB": "/static/bench/1k.txt", "100 KB": "/static/bench/100k.txt"}
PSS_LIMIT_MB = 75


@dataclass(frozen=True)
class Server:
    """A server on a unix socket.

    Attributes:
        title: how it is called in the table.
        port: where nginx offers it.
        command: its command line after the release's python; ``{socket}`` is its socket.
        keepalive: whether nginx keeps connections to it open.
        environment: further variables.
        workers: processes and threads, for uWSGI with the roles' settings, which speaks its own protocol; all others
            speak HTTP.
    """

    title: str
    port: int
    command: str
    keepalive: bool = True
    environment: dict[str, str] = field(default_factory=dict)
    workers: tuple[int, int] | None = None

    @property
    def unit(self) -> str:
        return f"bench-peer-{self.port}.service"

    @property
    def socket(self) -> str:
        return f"/run/bench-peer-{self.port}/server.sock"


OWN = "uWSGI (the roles)"
GTHREAD = "gunicorn gthread 2x4"
SYNC = "gunicorn sync 4"
BEANSTALK = "gunicorn gthread 1x15"
GRANIAN = "granian 2 workers"
WHITENOISE = "WhiteNoise"
_GUNICORN = "-m gunicorn bench.wsgi --bind unix:{socket}"
SERVERS = [
    Server(GTHREAD, 8441, f"{_GUNICORN} --worker-class gthread --workers 2 --threads 4"),
    # Has no keep-alive: https://docs.gunicorn.org/en/stable/design.html
    Server(SYNC, 8442, f"{_GUNICORN} --worker-class sync --workers 4", keepalive=False),
    Server(BEANSTALK, 8443, f"{_GUNICORN} --worker-class gthread --workers 1 --threads 15"),
    Server(GRANIAN, 8444, "-m granian --interface wsgi --workers 2 --uds {socket} bench.wsgi:application"),
]
FILE_SERVER = Server(
    WHITENOISE, 8445, f"{_GUNICORN} --worker-class gthread --workers 2 --threads 4", environment={"WHITENOISE": "1"}
)
# The roles' settings of the site, with other numbers of workers and paths of their own.
WORKER_SETTINGS = r"""
import sys
port, processes, threads = sys.argv[1:]
path = f"/etc/bench-peer-{port}.ini"
own = ("processes =", "threads =", "socket =")
lines = [line for line in open("/etc/uwsgi/bench.ini") if not line.startswith(own)]
lines += [f"processes = {processes}\n", f"socket = /run/bench-peer-{port}/server.sock\n"]
lines += [f"threads = {threads}\n"] if threads != "1" else []
open(path, "w").write("".join(lines).replace("/run/uwsgi-bench/$(SLOT)", f"/run/bench-peer-{port}"))
"""


def worker_servers() -> list[Server]:
    """uWSGI with each number of workers that is asked for."""
    return [
        Server(
            title=f"uWSGI {processes}x{threads}",
            port=port,
            command=f'-c "import pyuwsgi; pyuwsgi.run()" --ini /etc/bench-peer-{port}.ini',
            workers=(processes, threads),
        )
        for port, (processes, threads) in enumerate(WORKERS, start=8451)
    ]


def _offer(server: Server) -> tuple[str, str]:
    """How nginx reaches a server: the upstream, and the lines of the location."""
    if server.workers:
        return "", f"include /etc/nginx/snippets/uwsgi_application.conf;\n        uwsgi_pass unix:{server.socket};"
    keep = (
        ("    keepalive 16;\n", 'proxy_http_version 1.1; proxy_set_header Connection "";')
        if server.keepalive
        else ("", "")
    )
    upstream = f"upstream peer_{server.port} {{\n    server unix:{server.socket} fail_timeout=0;\n{keep[0]}}}\n"
    return (
        upstream,
        f"""\
{keep[1]}
        proxy_set_header Host $http_host;
        proxy_set_header X-Forwarded-For $remote_addr;
        proxy_set_header X-Forwarded-Proto $scheme;
        proxy_redirect off;
        proxy_pass http://peer_{server.port};""",
    )


def nginx_configuration(servers: list[Server]) -> str:
    """A server block for each, of the form that the servers' documentation recommends, with the site's certificate."""
    blocks = []
    for server in servers:
        upstream, location = _offer(server)
        certificate = "ssl_certificate /etc/ssl/bench/fullchain.pem; ssl_certificate_key /etc/ssl/bench/privkey.pem;"
        blocks.append(f"""\
{upstream}server {{
    listen {server.port}{" ssl" if TLS else ""};
    server_name {DOMAIN};
    {certificate if TLS else ""}
    client_max_body_size 10m;
    location / {{
        {location}
    }}
}}
""")
    return "".join(blocks)


def start(lab: Lab, servers: list[Server]) -> None:
    """Start the peers on the web host as the application's user, and offer them in nginx."""
    for server in servers:
        if server.workers:
            lab.run(HOST, "python3", "-", str(server.port), *map(str, server.workers), stdin=WORKER_SETTINGS)
        properties = {
            "User": "bench", "Group": "bench", "UMask": "0007", "RuntimeDirectory": server.unit.removesuffix(".service"),
            "RuntimeDirectoryMode": "0750", "WorkingDirectory": "/srv/bench/live/release/app",
            "EnvironmentFile": "/srv/bench/live/environment", "LimitNOFILE": "16384",
        }  # fmt: skip
        environment = {"PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1", **server.environment}
        lab.run(
            HOST, "systemd-run", "--quiet", "--unit", server.unit,
            *(f"--property={key}={value}" for key, value in properties.items()),
            *(f"--setenv={key}={value}" for key, value in environment.items()),
            "/srv/bench/live/release/venv/bin/python", *shlex.split(server.command.format(socket=server.socket)),
        )  # fmt: skip
    lab.run(HOST, "tee", "/etc/nginx/conf.d/bench.conf", stdin=nginx_configuration(servers))
    lab.run(HOST, "nginx", "-t")
    lab.run(HOST, "systemctl", "reload", "nginx")


def load(lab: Lab, port: int, path: str, seconds: int) -> dict[str, float]:
    """Ask for one address with wrk."""
    done = subprocess.run(
        ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "15s", "-s", str(BENCH / "wrk.lua"), f"{'https' if TLS else 'http'}://{DOMAIN}:{port}{path}"],
        env={**os.environ, "BENCH_ADDRESS": lab.address(HOST)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise SystemExit(f"wrk failed:\n{done.stdout}{done.stderr}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def measure(lab: Lab, unit: str, port: int, path: str) -> dict[str, float]:
    """One round of one address: requests per second, and CPU microseconds of server and nginx for each."""
    units = [unit, "nginx.service"]
    before = lab.cpu(HOST, units)
    figures = load(lab, port, path, SECONDS)
    used = lab.cpu(HOST, units) - before
    if not figures["requests"] or (figures["failed"] and port == OWN_PORT):
        raise SystemExit(f"port {port}{path}: {figures}: not every answer was good, so nothing can be compared.")
    return {
        "failed": figures["failed"],
        "cpu_us": used / figures["requests"] * 1e6,
        "per_second": figures["requests"] / figures["seconds"],
        "p50_ms": figures["p50_ms"],
        "p99_ms": figures["p99_ms"],
    }


def rounds(
    lab: Lab, contenders: dict[str, tuple[str, int]], paths: dict[str, str]
) -> dict[str, dict[str, list[dict[str, float]]]]:
    """Ask all contenders for all paths, in alternation: by path and title, one entry a round."""
    found: dict[str, dict[str, list[dict[str, float]]]] = {name: {title: [] for title in contenders} for name in paths}
    for _unit, port in contenders.values():
        for path in paths.values():
            load(lab, port, path, 1)
    for number in range(ROUNDS):
        for name, path in paths.items():
            # Each round begins with another one: what the machine does meanwhile meets all of them.
            order = list(contenders)
            for title in order[number % len(order) :] + order[: number % len(order)]:
                found[name][title].append(measure(lab, *contenders[title], path))
        print(f"round {number + 1} of {ROUNDS} is done", flush=True)
    return found


def memory(lab: Lab) -> float:
    """MB (PSS) of a master with two workers that have answered every view."""
    lab.play(
        "site.yml",
        "--tags",
        "uwsgi,django",
        "-e",
        json.dumps({**VARIABLES, "bench_processes": 2, "bench_packages": PACKAGES}),
    )
    for path in VIEWS.values():
        load(lab, OWN_PORT, path, 3)
    sizes = lab.memory(HOST, lab.live_unit(HOST))
    if len(sizes) != 3:
        raise SystemExit(f"a master and two workers were expected, not {len(sizes)} processes.")
    return sum(sizes) / 1024


def show(results: dict[str, dict[str, dict[str, dict[str, float]]]]) -> None:
    """The tables."""
    for name, servers in results.items():
        print(f"\n{name:<26}{'CPU us a request':>26}{'requests/s':>28}{'p50 ms':>10}{'p99 ms':>10}{'failed':>8}")
        for title, figures in servers.items():
            cells = "".join(
                f"{figures[key]['median']:>{width}.0f} ({figures[key]['min']:.0f}-{figures[key]['max']:.0f})"
                for key, width in (("cpu_us", 14), ("per_second", 16))
            )
            print(
                f"{title:<26}{cells}{figures['p50_ms']['median']:>10.1f}{figures['p99_ms']['median']:>10.1f}{figures['failed']['max']:>8.0f}"
            )


def goals(results: dict[str, dict[str, dict[str, dict[str, float]]]], pss: float) -> list[dict[str, object]]:
    """Each goal with what was measured; a ratio says how many times better the roles' server is."""

    def cpu(view: str, peer: str) -> float:
        return results[view][peer]["cpu_us"]["median"] / results[view][OWN]["cpu_us"]["median"]

    def rate(view: str, peer: str) -> float:
        return results[view][OWN]["per_second"]["median"] / results[view][peer]["per_second"]["median"]

    listed = [
        ("JSON, CPU, " + GTHREAD, cpu("JSON", GTHREAD), 1.8),
        ("JSON, CPU, " + SYNC, cpu("JSON", SYNC), 1.7),
        ("JSON, CPU, " + BEANSTALK, cpu("JSON", BEANSTALK), 3.5),
        ("JSON, CPU, " + GRANIAN, cpu("JSON", GRANIAN), 1.0),
        ("page, CPU, " + GTHREAD, cpu("page", GTHREAD), 1.5),
        ("page, CPU, " + SYNC, cpu("page", SYNC), 1.4),
        ("page, CPU, " + BEANSTALK, cpu("page", BEANSTALK), 2.3),
        ("page, CPU, " + GRANIAN, cpu("page", GRANIAN), 1.0),
        ("list, requests/s, best peer", min(rate("list", server.title) for server in SERVERS), 1.0),
        ("static 1 KB, CPU, WhiteNoise", cpu("1 KB", WHITENOISE), 6.0),
        ("static 100 KB, CPU, WhiteNoise", cpu("100 KB", WHITENOISE), 5.0),
    ]
    found: list[dict[str, object]] = [
        {"goal": name, "measured": round(value, 2), "wanted": wanted, "reached": value >= wanted}
        for name, value, wanted in listed
    ]
    found.append(
        {
            "goal": "master + 2 workers, MB PSS",
            "measured": round(pss, 1),
            "wanted": PSS_LIMIT_MB,
            "reached": pss <= PSS_LIMIT_MB,
        }
    )
    return found


def summarise(raw: dict[str, dict[str, list[dict[str, float]]]]) -> dict[str, dict[str, dict[str, dict[str, float]]]]:
    """Median and range of each figure."""
    return {
        name: {
            title: {key: spread([one[key] for one in figures]) for key in figures[0]}
            for title, figures in servers.items()
        }
        for name, servers in raw.items()
    }


def compare_workers(lab: Lab) -> None:
    """Numbers of workers against each other, print, write."""
    servers = [*worker_servers(), *(one for one in SERVERS if one.title in (GTHREAD, GRANIAN))]
    start(lab, servers)
    time.sleep(3)
    raw = rounds(lab, {server.title: (server.unit, server.port) for server in servers}, VIEWS)
    results = summarise(raw)
    show(results)
    write_results("serve-workers", {"results": results, "rounds": raw})


def compare_servers(lab: Lab) -> None:
    """The roles' server against the others, print, write."""
    start(lab, [*SERVERS, FILE_SERVER])
    time.sleep(3)
    own = (lab.live_unit(HOST), OWN_PORT)
    raw = rounds(lab, {OWN: own, **{server.title: (server.unit, server.port) for server in SERVERS}}, VIEWS)
    raw |= rounds(lab, {OWN: own, WHITENOISE: (FILE_SERVER.unit, FILE_SERVER.port)}, FILES)
    results = summarise(raw)
    workers = len(lab.memory(HOST, own[0])) - 1
    reached = goals(results, memory(lab))
    show(results)
    print(f"\nworkers of uWSGI as the roles chose them: {workers}\n")
    for one in reached:
        print(
            f"{one['goal']!s:<40}{one['measured']:>8} (goal {one['wanted']}) {'reached' if one['reached'] else 'MISSED'}"
        )
    write_results(
        "serve" if TLS else "serve-http", {"results": results, "rounds": raw, "goals": reached, "workers": workers}
    )


def bench(lab: Lab) -> None:
    """Deploy the project and measure it."""
    copy_project(lab)
    lab.play("playbooks/secrets.yml")
    lab.play("site.yml", "-e", json.dumps({**VARIABLES, "bench_packages": PACKAGES}))
    (compare_workers if WORKERS else compare_servers)(lab)


def main() -> None:
    """A lab of its own, the benchmark, and away with it."""
    lab = Lab("serve", web_inventory(1), BENCH / "applications.yml")
    if not os.environ.get("BENCH_KEEP"):
        lab.command("down")
    lab.command("hosts")
    try:
        bench(lab)
    finally:
        if not os.environ.get("BENCH_KEEP"):
            lab.command("down")


if __name__ == "__main__":
    main()
