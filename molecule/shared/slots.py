"""What the tests know about the masters of an application."""

from __future__ import annotations

import json
import time
from typing import Any


def socket_path(name: str, slot: str) -> str:
    """Where the master of a slot listens."""
    return f"/run/uwsgi-{name}/{slot}/uwsgi.sock"


def ask(host: Any, target: str = "/", name: str = "demo", slot: str = "blue") -> dict[str, Any]:
    """One request to a slot, with the body read as JSON where it is some."""
    answer = json.loads(host.check_output(f"uwsgi-get {socket_path(name, slot)} '{target}'"))
    if answer["headers"].get("Content-Type") == "application/json":
        answer["body"] = json.loads(answer["body"])
    return answer


def workers(host: Any, name: str = "demo", slot: str = "blue") -> list[dict[str, Any]]:
    """The workers of a slot's master, from its statistics."""
    return json.loads(host.check_output(f"uwsgi-get /run/uwsgi-{name}/{slot}/stats.sock"))["workers"]


def show(host: Any, unit: str, *properties: str) -> dict[str, str]:
    """Properties of a unit."""
    said = host.check_output(f"systemctl show --property {','.join(properties)} {unit}")
    return dict(line.split("=", 1) for line in said.splitlines())


def wait_until_active(host: Any, unit: str, not_pid: str = "", seconds: float = 20) -> str:
    """Wait for a unit, where ``not_pid`` is given for another main process of it; returns that process."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        state = show(host, unit, "ActiveState", "MainPID")
        if state["ActiveState"] == "active" and state["MainPID"] not in ("0", not_pid):
            return state["MainPID"]
        time.sleep(0.2)
    raise AssertionError(f"{unit} is not active: {host.check_output(f'journalctl -u {unit} -n 30 --no-pager')}")
