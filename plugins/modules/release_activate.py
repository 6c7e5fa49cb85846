#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""Start a slot, ask it, make it live, and let the old one finish."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: release_activate
short_description: Make a slot live without losing a request
description:
  - Starts the master of a slot on its own socket and asks it directly, over the uwsgi protocol, until it answers.
  - Then the symlink C(live) is renamed over, the old slot's accept queue is waited for, and only then the old master is
    told to finish its requests and end. nginx is not touched.
  - A slot that does not answer is stopped and its release is marked bad; what was live stays live.
options:
  name:
    description: Name of the application.
    type: str
    required: true
  root:
    description: Its directory.
    type: path
    required: true
  slot:
    description: The slot that is to be live. Its release and its environment are in place.
    type: str
    choices: [blue, green]
    required: true
  release:
    description: The release in that slot, for the record.
    type: str
    required: true
  fingerprint:
    description: What tells this environment and release from others, for the record.
    type: str
    required: true
  settings:
    description: Files that the master reads at its start; their digest is kept for the record.
    type: list
    elements: path
    default: []
  host:
    description: The name that the question asks for, one of those that the application accepts.
    type: str
    required: true
  health_path:
    description: Path that has to answer with 200 (a path of V(/) may also answer with a redirect or ask for a login).
    type: str
    default: /
  start_timeout:
    description: Seconds that the slot has to answer.
    type: int
    default: 60
  drain_timeout:
    description: Seconds that the old master has to finish its requests.
    type: int
    default: 90
author:
  - The maintainers
attributes:
  check_mode:
    support: full
    description: In check mode nothing is started.
"""

EXAMPLES = r"""
- name: Make the new release live
  release_activate:
    name: board
    root: /srv/board
    slot: green
    release: 4be1d2c3a4f5
    fingerprint: 77aa
    host: board.example.org
    health_path: /readyz
"""

RETURN = r"""
old_release:
  description: The release that was live before; empty at the first time.
  returned: success
  type: str
seconds_start:
  description: Seconds from the start of the new master to its first good answer.
  returned: success
  type: float
seconds_switch:
  description: Seconds from the decision to switch to the end of the old master.
  returned: success
  type: float
"""

import json
import os
import socket
import struct
import subprocess
import time

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.slots import digest, read_slot

QUIET_READS = 3
# A single answer may take this long; then the question is asked again.
ANSWER_SECONDS = 10
LOG_LINES = "40"


class Unhealthy(Exception):
    """The new slot does not answer as it should."""


def ask(path: str, host: str, target: str, timeout: float) -> tuple[int, str]:
    """One GET over the uwsgi protocol, as nginx would send it.

    Returns:
        The status and the beginning of the body.
    """
    variables = {
        "REQUEST_METHOD": "GET", "REQUEST_URI": target, "PATH_INFO": target.partition("?")[0], "QUERY_STRING": target.partition("?")[2],
        "CONTENT_TYPE": "", "CONTENT_LENGTH": "", "SERVER_PROTOCOL": "HTTP/1.1", "HTTP_HOST": host, "SERVER_NAME": host,
        "SERVER_PORT": "443", "REMOTE_ADDR": "127.0.0.1", "REMOTE_PORT": "0", "REQUEST_SCHEME": "https", "HTTPS": "on",
        "DOCUMENT_ROOT": "/", "HTTP_USER_AGENT": "release-activate",
    }  # fmt: skip
    body = b"".join(
        struct.pack("<H", len(word)) + word
        for pair in variables.items()
        for word in (pair[0].encode(), pair[1].encode())
    )
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(timeout)
        client.connect(path)
        client.sendall(struct.pack("<BHB", 0, len(body), 0) + body)
        answer = b""
        while len(answer) < 65536:
            chunk = client.recv(65536)
            if not chunk:
                break
            answer += chunk
    head, _, content = answer.partition(b"\r\n\r\n")
    words = head.split(b"\r\n", 1)[0].split()
    return (int(words[1]) if len(words) > 1 and words[1].isdigit() else 0), content[:2000].decode(errors="replace")


def good(status: int, health_path: str) -> bool:
    """Whether an answer means that the application serves."""
    return status == 200 or (health_path == "/" and status in (301, 302, 303, 307, 308, 401, 403))


class Switch:
    """One switch of one application on one host."""

    def __init__(self, module: AnsibleModule) -> None:
        self.module = module
        self.given = module.params
        self.root = self.given["root"]
        self.slot = self.given["slot"]
        self.live = os.path.join(self.root, "live")
        self.old = os.path.basename(os.readlink(self.live)) if os.path.islink(self.live) else ""

    def unit(self, slot: str) -> str:
        return f"uwsgi-{self.given['name']}@{slot}.service"

    def socket(self, slot: str) -> str:
        return f"/run/uwsgi-{self.given['name']}/{slot}/uwsgi.sock"

    def systemctl(self, *words: str, check: bool = True) -> None:
        code, out, err = self.module.run_command(["systemctl", *words])
        if check and code != 0:
            raise Unhealthy(f"systemctl {' '.join(words)}: {(err or out).strip()}")

    def journal(self) -> str:
        _code, out, _err = self.module.run_command(
            ["journalctl", "--unit", self.unit(self.slot), "--lines", LOG_LINES, "--no-pager", "--output", "cat"]
        )
        return out.strip()

    def start(self) -> float:
        """Start the new master and wait for a good answer."""
        began = time.monotonic()
        deadline = began + self.given["start_timeout"]
        if self.slot != self.old:
            # An interrupted run may have left a master here that nobody asks.
            self.systemctl("stop", self.unit(self.slot), check=False)
        self.systemctl("reset-failed", self.unit(self.slot), check=False)
        # Not waited for: a release that never gets ready is given up after our own time.
        self.systemctl("start", "--no-block", self.unit(self.slot))
        last = "no answer"
        while time.monotonic() < deadline:
            try:
                patience = min(ANSWER_SECONDS, max(0.1, deadline - time.monotonic()))
                status, body = ask(self.socket(self.slot), self.given["host"], self.given["health_path"], patience)
            except (OSError, struct.error) as error:
                last = str(error)
                if self.failed():
                    raise Unhealthy("its master ended") from error
            else:
                if good(status, self.given["health_path"]):
                    return time.monotonic() - began
                last = f"status {status}: {body.strip()[:500]}"
            time.sleep(0.1)
        raise Unhealthy(f"no good answer within {self.given['start_timeout']} seconds; the last was: {last}")

    def failed(self) -> bool:
        """Whether systemd saw the new master end."""
        _code, out, _err = self.module.run_command(
            ["systemctl", "show", "--property", "ActiveState,NRestarts", self.unit(self.slot)]
        )
        state = dict(line.split("=", 1) for line in out.split())
        return state.get("ActiveState") == "failed" or int(state.get("NRestarts") or 0) > 2

    def point(self) -> None:
        """Make the slot live: one rename."""
        partial = f"{self.live}.new"
        if os.path.lexists(partial):
            os.unlink(partial)
        os.symlink(f"slots/{self.slot}", partial)
        os.replace(partial, self.live)

    def waiting(self) -> int:
        """Connections in the accept queue of the old socket, as the kernel counts them."""
        _code, out, _err = self.module.run_command(["ss", "--listening", "--unix", "--no-header"])
        for line in out.splitlines():
            words = line.split()
            if self.socket(self.old) in words:
                return int(words[2])
        return 0

    def drain(self) -> None:
        """Wait until nobody waits at the old socket, then let the old master finish."""
        deadline = time.monotonic() + self.given["drain_timeout"]
        quiet = 0
        while quiet < QUIET_READS and time.monotonic() < deadline:
            quiet = quiet + 1 if self.waiting() == 0 else 0
            time.sleep(0.05)
        try:
            self.module.run_command(["systemctl", "disable", "--quiet", self.unit(self.old)])
            subprocess.run(
                ["systemctl", "stop", self.unit(self.old)],
                timeout=self.given["drain_timeout"],
                check=False,
                capture_output=True,
            )
        except subprocess.TimeoutExpired:
            self.module.warn(
                f"{self.unit(self.old)} still finishes its requests after {self.given['drain_timeout']} s."
            )

    def record(self) -> None:
        """Remember what the slot was started with."""
        path = os.path.join(self.root, "slots", self.slot, "slot.json")
        content = {
            "release": self.given["release"],
            "fingerprint": self.given["fingerprint"],
            "settings": digest(self.given["settings"]),
            "activated": int(time.time()),
        }
        with open(path + ".new", "w") as handle:
            json.dump(content, handle)
        os.replace(path + ".new", path)

    def give_up(self, reason: str, new_release: bool) -> None:
        """Stop the new master; leave what was live as it was."""
        log = self.journal()
        self.module.run_command(["systemctl", "stop", self.unit(self.slot)])
        if new_release:
            with open(os.path.join(self.root, "releases", self.given["release"], ".bad"), "w") as handle:
                handle.write(reason + "\n")
        self.module.fail_json(
            msg=(
                f"Release {self.given['release']} of {self.given['name']} did not become live: {reason}. "
                f"{'What was live before still serves.' if self.old else 'Nothing is live yet.'} Its log:\n{log}"
            )
        )

    def run(self) -> None:
        """The whole switch."""
        old_release = read_slot(os.path.join(self.root, "slots", self.old)).get("release", "") if self.old else ""
        if self.module.check_mode:
            self.module.exit_json(changed=True, old_release=old_release, seconds_start=0.0, seconds_switch=0.0)
        try:
            seconds_start = self.start()
            # Before the switch: whatever cannot be done leaves alone what is live.
            self.systemctl("enable", "--quiet", self.unit(self.slot))
        except Unhealthy as error:
            self.give_up(str(error), new_release=self.given["release"] != old_release)
        began = time.monotonic()
        self.record()
        self.point()
        bad = os.path.join(self.root, "releases", self.given["release"], ".bad")
        if os.path.exists(bad):
            os.unlink(bad)
        if self.old and self.old != self.slot:
            self.drain()
        self.module.exit_json(
            changed=True,
            old_release=old_release,
            seconds_start=round(seconds_start, 2),
            seconds_switch=round(time.monotonic() - began, 2),
        )


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "root": {"type": "path", "required": True},
            "slot": {"type": "str", "choices": ["blue", "green"], "required": True},
            "release": {"type": "str", "required": True},
            "fingerprint": {"type": "str", "required": True},
            "settings": {"type": "list", "elements": "path", "default": []},
            "host": {"type": "str", "required": True},
            "health_path": {"type": "str", "default": "/"},
            "start_timeout": {"type": "int", "default": 60},
            "drain_timeout": {"type": "int", "default": 90},
        },
        supports_check_mode=True,
    )
    Switch(module).run()


if __name__ == "__main__":
    main()
