"""An environment of the rehearsal, as an operator makes, visits and removes it: for the tests of it."""

from __future__ import annotations

import hashlib
import http.client
import json
import re
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from lab.core.containers import machines
from lab.core.podman import Podman
from lab.core.settings import from_environment
from lab.kinds.aws import control
from tests.aws.rehearsal import Endpoint, until
from tests.scenarios.labs import PROJECT, environment

SECONDS = 1800
CHANGED = re.compile(r"(\S+)\s+: ok=\d+\s+changed=(\d+)")
DOMAIN = "board.localhost"


class Site:
    """A lab with an environment in it."""

    def __init__(self, scenario: str) -> None:
        self.scenario = scenario
        self.settings = from_environment(environment(scenario))
        self.podman = Podman(self.settings)

    @property
    def endpoint(self) -> Endpoint:
        """The lab's endpoint, as it is now."""
        home = control.directory(self.settings)
        return Endpoint(home, control.environment(home))

    def run(self, *words: str) -> str:
        """Run a program of the lab, or a playbook, as an operator does; what it printed. It has to end well."""
        done = self.attempt(*words)
        assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
        return done.stdout

    def attempt(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run it, however it ends."""
        own = {**environment(self.scenario), "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg"), "LC_ALL": "C.UTF-8"}
        home = control.directory(self.settings)
        if control.config(home):
            own |= control.environment(home)
        return subprocess.run(
            words, cwd=PROJECT, env=own, capture_output=True, text=True, check=False, timeout=SECONDS,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def lab(self, command: str) -> str:
        """A command of the lab."""
        return self.run(sys.executable, "-m", "lab", command)

    def playbook(self, name: str, *words: str) -> str:
        """A playbook, in the rehearsal's inventory."""
        return self.run(*self.command(name, *words))

    def command(self, name: str, *words: str) -> tuple[str, ...]:
        """The words that run a playbook, in the rehearsal's inventory."""
        return ("ansible-playbook", "-i", str(self.settings.inventory), name, *words)

    def writes(self) -> list[str]:
        """The calls so far that write."""
        return [f"{one['service']}:{one['action']}" for one in self.endpoint.calls() if one["writes"]]

    def front(self) -> str:
        """The address of the balancer."""
        return next(one.address for one in machines(self.settings, self.podman) if one.kind == "balancer")

    def get(self, path: str, address: str = "") -> tuple[int, bytes]:
        """What a visitor gets from the balancer, over TLS that is verified."""
        address = address or self.front()
        trust = ssl.create_default_context(cafile=str(self.settings.directory / "ca.pem"))
        asked = http.client.HTTPSConnection(DOMAIN, context=trust, timeout=30)
        asked.sock = trust.wrap_socket(socket.create_connection((address, 443), 30), server_hostname=DOMAIN)
        asked.request("GET", path)
        answer = asked.getresponse()
        return answer.status, answer.read()

    def published(self) -> str:
        """The release of the sample application that the bucket says is live, with archives that are what their digests say."""
        s3 = self.endpoint.client("s3")
        bucket = next(one["Name"] for one in s3.list_buckets()["Buckets"] if "-releases-" in one["Name"])
        listed = s3.list_objects_v2(Bucket=bucket, Prefix="board/live/")["Contents"]
        manifest = json.loads(s3.get_object(Bucket=bucket, Key=listed[0]["Key"])["Body"].read())
        for one in (manifest["archive"], manifest["layer_archive"]):
            body = s3.get_object(Bucket=bucket, Key=one["key"])["Body"].read()
            assert hashlib.sha256(body).hexdigest() == one["sha256"]
        return str(manifest["release"])

    def live(self, host: str) -> str:
        """The release of the sample application that a host serves."""
        ec2 = self.endpoint.client("ec2")
        found = ec2.describe_instances(Filters=[{"Name": "tag:Name", "Values": [host]}])["Reservations"][0]["Instances"]
        container = f"{self.settings.name}-{found[0]['InstanceId']}"
        return self.podman.script(container, "basename $(readlink -f /srv/board/live/release)").stdout.strip()

    def secrets_of(self, instance: str) -> list[str]:
        """What is of one host alone: its host key and its machine-id."""
        script = "cut -d' ' -f2 /etc/ssh/ssh_host_ed25519_key.pub; cat /etc/machine-id"
        return self.podman.script(f"{self.settings.name}-{instance}", script).stdout.split()

    def health(self) -> list[str]:
        """The state of each target."""
        elb = self.endpoint.client("elbv2")
        group = elb.describe_target_groups()["TargetGroups"][0]["TargetGroupArn"]
        listed: list[dict[str, Any]] = elb.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
        return [one["TargetHealth"]["State"] for one in listed]


def changes(output: str) -> dict[str, int]:
    """Changed tasks by host, of all plays' recaps."""
    return {host: int(count) for host, count in CHANGED.findall(output) if int(count)}


@contextmanager
def environment_of(scenario: str) -> Iterator[Site]:
    """A lab of its own, removed as an operator would; it leaves nothing."""
    down = [sys.executable, "-m", "lab", "down", "--force"]
    subprocess.run(down, cwd=PROJECT, env=environment(scenario), check=True)
    made = Site(scenario)
    yield made
    process = int((control.directory(made.settings) / "pid").read_text())
    subprocess.run(down, cwd=PROJECT, env=environment(scenario), check=True)
    assert not made.podman.containers(f"label=lab.name={made.settings.name}")
    assert not made.podman.networks(f"label=lab.name={made.settings.name}")
    assert not made.settings.directory.exists()
    until(lambda: not _runs(process), 60)


class Visitors:
    """Somebody who asks for the page again and again.

    Attributes:
        answers: how many pages came.
        failed: what came instead.
    """

    def __init__(self, site: Site) -> None:
        self.answers = 0
        self.failed: list[str] = []
        self._site, self._end = site, threading.Event()
        self._thread = threading.Thread(target=self._visit)

    def __enter__(self) -> Visitors:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _visit(self) -> None:
        address = self._site.front()
        while not self._end.is_set():
            try:
                status, _page = self._site.get("/", address)
            except (OSError, http.client.HTTPException) as error:
                self.failed.append(repr(error))
            else:
                self.answers += 1
                if status != 200:
                    self.failed.append(str(status))


def _runs(process: int) -> bool:
    try:
        with open(f"/proc/{process}/cmdline", encoding="utf-8") as words:
            return "lab.kinds.aws.endpoint" in words.read()
    except OSError:
        return False
