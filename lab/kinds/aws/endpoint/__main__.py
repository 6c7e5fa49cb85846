# SPDX-License-Identifier: MIT
"""``python -m lab.kinds.aws.endpoint DIRECTORY``: the endpoint of one lab; `lab.kinds.aws.control` starts it.

It ends with SIGTERM, and by itself when its directory is gone.
"""

from __future__ import annotations

import faulthandler
import gc
import ipaddress
import json
import os
import signal
import socket
import sys
import threading
import traceback
from pathlib import Path

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

from lab.core.settings import from_environment
from lab.kinds.aws.balancers import Balancers
from lab.kinds.aws.databases import SECONDS as DATABASE_SECONDS
from lab.kinds.aws.databases import Databases
from lab.kinds.aws.endpoint import connect, corrections, state
from lab.kinds.aws.endpoint.account import Account
from lab.kinds.aws.endpoint.gate import Gate
from lab.kinds.aws.endpoint.metadata import Metadata
from lab.kinds.aws.groups import SECONDS as GROUP_SECONDS
from lab.kinds.aws.groups import Groups
from lab.kinds.aws.hosts import SECONDS, Hosts
from lab.kinds.aws.snapshots import SECONDS as SNAPSHOT_SECONDS
from lab.kinds.aws.snapshots import Snapshots

# Linux: an address that no interface has yet can be listened at. The lab's bridge is there as long as hosts are.
IP_FREEBIND = 15
SETTLE_SECONDS = 20
# A target that is taken out should get no further request for long.
BALANCER_SECONDS = 0.5


class _Quiet(MotoRequestHandler):
    """The journal has the requests."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Nothing."""


def _listen(address: str, port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_IP, IP_FREEBIND, 1)
    listener.bind((address, port))
    listener.listen(128)
    return listener


def _serve(listener: socket.socket, application: object) -> None:
    host, port = listener.getsockname()
    server = make_server(host, port, application, threaded=True, request_handler=_Quiet, fd=listener.fileno())  # type: ignore[arg-type]
    threading.Thread(target=server.serve_forever, daemon=True).start()


def _save(gate: Gate, path: Path) -> None:
    """Write the state; a thing that can't be written is a defect that the log tells, and the endpoint goes on answering."""
    try:
        with gate.lock:
            state.save(path)
    except Exception:
        traceback.print_exc()


def _repeat(what: Balancers | Databases | Groups | Snapshots, seconds: float, ending: threading.Event) -> None:
    """The loops of the balancers, the databases, the groups and the images: beside that of the hosts, which should wait for none."""
    while not ending.wait(seconds):
        try:
            what.run_once()
        except Exception:  # the next pass compares anew
            traceback.print_exc()


def main() -> int:
    """Answer until told to end."""
    # Where it hangs is asked with this signal.
    faulthandler.register(signal.SIGUSR1)
    home = Path(sys.argv[1])
    known = json.loads((home / "endpoint.json").read_text())
    account = Account(known["region"])
    gate = Gate(DomainDispatcherApplication(create_backend_app), home / "calls.jsonl", account.knows, account.end)
    corrections.always()
    connect.put(home)
    hosts = None
    if known["network"]:
        network = ipaddress.IPv4Network(known["network"])
        hosts = Hosts(from_environment(), account, gate.lock, gate.changed, home)
        balancers = Balancers(from_environment(), account, gate.lock, gate.changed)
        snapshots = Snapshots(from_environment(), account, gate.lock, gate.changed)
        databases = Databases(from_environment(), account, gate.lock, gate.changed, home)
        groups = Groups(account, balancers, gate.lock, gate.changed)
        corrections.with_hosts(network, hosts.console, balancers.health, balancers.known)
    kept = home / "state"
    if kept.exists():
        state.load(kept.read_bytes())
    account.prepare(known["access_key"])
    # What was loaded stays: it is not looked through for garbage again and again.
    gc.freeze()
    ending = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ending.set())
    _serve(_listen("127.0.0.1", known["port"]), gate)
    if hosts:
        gateway = str(network[1])
        _serve(_listen(gateway, known["port"]), gate)
        _serve(_listen(gateway, known["metadata_port"]), Metadata(account, gate.lock))
        loops = (
            (balancers, BALANCER_SECONDS),
            (databases, DATABASE_SECONDS),
            (groups, GROUP_SECONDS),
            (snapshots, SNAPSHOT_SECONDS),
        )
        for loop, seconds in loops:
            threading.Thread(target=_repeat, args=(loop, seconds, ending), daemon=True).start()
    while not ending.is_set() and home.exists():
        if gate.changed.wait(SECONDS) and home.exists():
            gate.changed.clear()
            _save(gate, kept)
        if ending.is_set() or not home.exists():
            break
        try:
            if hosts:
                hosts.run_once()
        except Exception:  # Podman may be busy; the next pass compares anew
            traceback.print_exc()
    if hosts:
        hosts.settle(SETTLE_SECONDS)
        databases.settle()
    if home.exists():
        _save(gate, kept)
    return 0


code = main()
sys.stdout.flush()
# Python would take its time to take moto's objects apart, and everything is on disk.
os._exit(code)
