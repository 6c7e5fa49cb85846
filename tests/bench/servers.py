"""The servers that ``make bench-serve`` compares with the roles' own, and how they are started and offered by nginx."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field

from tests.bench.labs import DOMAIN, Lab

HOST = "web1"
PACKAGES = ["gunicorn==27.0.1", "granian==2.8.7", "whitenoise==6.12.0"]


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


def worker_servers(workers: list[tuple[int, int]]) -> list[Server]:
    """uWSGI with each number of workers (processes, threads) that is asked for."""
    return [
        Server(
            title=f"uWSGI {processes}x{threads}",
            port=port,
            command=f'-c "import pyuwsgi; pyuwsgi.run()" --ini /etc/bench-peer-{port}.ini',
            workers=(processes, threads),
        )
        for port, (processes, threads) in enumerate(workers, start=8451)
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


def nginx_configuration(servers: list[Server], tls: bool) -> str:
    """A server block for each, of the form that the servers' documentation recommends, with the site's certificate."""
    blocks = []
    for server in servers:
        upstream, location = _offer(server)
        certificate = "ssl_certificate /etc/ssl/bench/fullchain.pem; ssl_certificate_key /etc/ssl/bench/privkey.pem;"
        blocks.append(f"""\
{upstream}server {{
    listen {server.port}{" ssl" if tls else ""};
    server_name {DOMAIN};
    {certificate if tls else ""}
    client_max_body_size 10m;
    location / {{
        {location}
    }}
}}
""")
    return "".join(blocks)


def start(lab: Lab, servers: list[Server], tls: bool) -> None:
    """Start the peers on the web host as the application's user, those that run already anew, and offer them in nginx."""
    for server in servers:
        lab.run(HOST, "sh", "-c", 'systemctl stop "$1" 2>/dev/null || true', "sh", server.unit)
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
    lab.run(HOST, "tee", "/etc/nginx/conf.d/bench.conf", stdin=nginx_configuration(servers, tls))
    lab.run(HOST, "nginx", "-t")
    lab.run(HOST, "systemctl", "reload", "nginx")
