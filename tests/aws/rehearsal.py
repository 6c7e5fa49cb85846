"""Clients of the rehearsal's endpoint, for tests."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from lab.kinds.aws import control

SECONDS = 360
# Of no private half that anybody has.
PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDb0V5p1V5m4z2i5w9kqkOqk5m5H1kz7n0m3sJ1n5bQx controller"
# How a run ends that has done its part on the account, where no host is behind it.
WITHOUT_HOSTS = "The group web has no host"
ROOT = Path(__file__).resolve().parents[2]


class Endpoint:
    """An endpoint, as `lab.kinds.aws.control` started it.

    Attributes:
        home: its directory.
        variables: with which a program's AWS is this endpoint.
    """

    def __init__(self, home: Path, variables: dict[str, str]) -> None:
        self.home, self.variables = home, variables

    def client(self, service: str, key: str = "", token: str | None = None) -> Any:
        """A client of boto3, with the operator's access key or another; it asks once."""
        return boto3.client(
            service, endpoint_url=self.variables["AWS_ENDPOINT_URL"], region_name=self.variables["AWS_REGION"],
            aws_access_key_id=key or self.variables["AWS_ACCESS_KEY_ID"], aws_secret_access_key="test",
            aws_session_token=token, config=Config(retries={"total_max_attempts": 1}),
        )  # fmt: skip

    def calls(self) -> list[dict[str, Any]]:
        """The journal; before the first call there is none."""
        journal = self.home / "calls.jsonl"
        # A line that is just being written has no end yet.
        lines = journal.read_text().splitlines(keepends=True) if journal.exists() else []
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def writes(self) -> list[str]:
        """The calls that changed something, as ``ec2:RunInstances``."""
        return [f"{one['service']}:{one['action']}" for one in self.calls() if one["writes"] and one["status"] < 400]

    def playbook(self, name: str, inventory: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a playbook as on a controller whose AWS is this endpoint.

        Args:
            name: without directory and ending.
            inventory: its path.
            words: further ones of the command.
            variables: of the environment, in the place of those of the endpoint.
        """
        return subprocess.run(
            [*self.command(name, inventory), *words],
            cwd=ROOT, env={**self.environment(), **variables}, capture_output=True, text=True, check=False,
        )  # fmt: skip

    def command(self, name: str, inventory: Path) -> list[str]:
        """The words that run a playbook."""
        return [str(Path(sys.executable).with_name("ansible-playbook")), "-i", str(inventory), f"playbooks/{name}.yml"]

    def environment(self) -> dict[str, str]:
        """The environment of a controller whose AWS is this endpoint."""
        other = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
        own = {"ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1", "NO_PROXY": "127.0.0.1"}
        return {**other, **self.variables, **own}

    def fault(self, **what: Any) -> None:
        """Ask for a fault."""
        self._faults("POST", json.dumps(what).encode())

    def forget_faults(self) -> None:
        """Take back all that were asked for."""
        self._faults("DELETE", None)

    def _faults(self, method: str, data: bytes | None) -> None:
        url = f"{self.variables['AWS_ENDPOINT_URL']}/_lab/faults"
        request = urllib.request.Request(url, data=data, method=method)  # noqa: S310
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30).close()


def said(done: subprocess.CompletedProcess[str]) -> str:
    """All that a run printed, on one line."""
    return " ".join((done.stdout + done.stderr).split())


def until(what: Callable[[], Any], seconds: float = SECONDS) -> Any:
    """Wait until something is true, and return it."""
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline, f"not within {seconds:.0f} seconds"
        time.sleep(0.5)
    return found


@contextlib.contextmanager
def an_account(factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """An empty account of the endpoint, without hosts behind it, for as long as it is asked."""
    home = factory.mktemp("lab") / "aws"
    try:
        yield Endpoint(home, control.start_at(home))
    finally:
        control.stop(home)
