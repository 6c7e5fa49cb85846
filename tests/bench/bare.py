"""The views of the project without any server: what a request costs before a server, a socket or nginx add to it."""

from __future__ import annotations

import json

from tests.bench.labs import Lab

WARM_UP = 100
# Runs on the host with the release's Python, user and environment. Each path is called through the WSGI application, as a
# server calls it, by one process for each CPU: under load the CPUs are all busy, and share their caches.
CALLS = r"""
import io, json, os, sys, time
domain, scheme, path, seconds, warm_up = *sys.argv[1:4], float(sys.argv[4]), int(sys.argv[5])
from bench.wsgi import application

base = {
    "REQUEST_METHOD": "GET", "PATH_INFO": path, "SCRIPT_NAME": "", "QUERY_STRING": "", "REQUEST_URI": path,
    "SERVER_NAME": domain, "SERVER_PORT": "443" if scheme == "https" else "80", "SERVER_PROTOCOL": "HTTP/1.1",
    "REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": domain, "HTTP_X_FORWARDED_PROTO": scheme, "HTTP_X_FORWARDED_FOR": "127.0.0.1",
    "wsgi.version": (1, 0), "wsgi.url_scheme": scheme, "wsgi.errors": sys.stderr, "wsgi.multithread": False,
    "wsgi.multiprocess": True, "wsgi.run_once": False,
}

def call():
    said = []
    answer = application({**base, "wsgi.input": io.BytesIO()}, lambda status, headers, *_more: said.append(status))
    b"".join(answer)
    answer.close()
    if not said[0].startswith("200"):
        raise SystemExit(f"{path} answered {said[0]}")

def measured():
    for _ in range(warm_up):
        call()
    calls, used, until = 0, time.process_time(), time.monotonic() + seconds
    while time.monotonic() < until:
        call()
        calls += 1
    return (time.process_time() - used) / calls * 1e6

children = []
for _ in range(os.cpu_count()):
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.write(writer, json.dumps(measured()).encode())
        os._exit(0)
    os.close(writer)
    children.append(reader)
print(json.dumps([json.loads(os.fdopen(reader).read()) for reader in children]))
"""


def bare(lab: Lab, host: str, domain: str, scheme: str, path: str, seconds: int) -> float:
    """CPU microseconds of one call of a view, in the mean of the processes."""
    properties = {
        "User": "bench", "Group": "bench", "WorkingDirectory": "/srv/bench/live/release/app",
        "EnvironmentFile": "/srv/bench/live/environment",
    }  # fmt: skip
    output = lab.run(
        host, "systemd-run", "--quiet", "--wait", "--pipe", "--collect",
        *(f"--property={key}={value}" for key, value in properties.items()),
        "/srv/bench/live/release/venv/bin/python", "-", domain, scheme, path, str(seconds), str(WARM_UP),
        stdin=CALLS,
    )  # fmt: skip
    values = json.loads(output.splitlines()[-1])
    return sum(values) / len(values)
