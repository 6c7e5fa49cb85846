# SPDX-License-Identifier: MIT
"""What belongs to an environment, and how it is asked for."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ansible_collections.django_ec2.site.plugins.module_utils.aws_failures import THROTTLED

# Without botocore, AnsibleAWSModule says so.
with contextlib.suppress(ImportError):
    from botocore.exceptions import ClientError

# Between calls that AWS throttles.
PAUSES = (1, 2, 4, 8, 16)
# Between questions whether something is gone.
PAUSE_SECONDS = 2


class StillThere(Exception):
    """Something does not go; the message says what to do."""


class Thing(NamedTuple):
    """Something on AWS: what it is, its id, and the name by which people know it."""

    kind: str
    id: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}" + (f" ({self.id})" if self.id != self.name else "")


class Step(NamedTuple):
    """Things of a kind: how they are found, and how they are removed."""

    find: Callable[[Scope], list[Thing]]
    remove: Callable[[Scope, list[Thing]], None]


@dataclass
class Scope:
    """An environment.

    Attributes:
        clients: makes a client of boto3 for a service.
        asking_once: makes one that asks no second time by itself; None where all do so.
        name: of the environment, with which the names of its things begin.
        tags: of all its things.
        buckets: their names.
        domains: under which its visitors come.
        zone: of Route 53 with their records; empty without one.
        seconds: to wait for one thing to go.
        kept: what stays, said to the operator.
    """

    clients: Callable[[str], Any]
    name: str
    tags: Mapping[str, str]
    buckets: list[str] = field(default_factory=list)
    domains: list[str] = field(default_factory=list)
    zone: str = ""
    seconds: int = 1800
    kept: list[str] = field(default_factory=list)
    asking_once: Callable[[str], Any] | None = None

    _made: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        """A client, made once."""
        if service not in self._made:
            self._made[service] = self.clients(service)
        return self._made[service]

    def once(self, service: str, operation: str, **words: Any) -> Any:
        """Ask for what AWS takes no token for, and would make a second one of when it is asked again after an answer that was lost.

        What AWS throttles was not done, and is asked for again.
        """
        client = (self.asking_once or self.clients)(service)
        for pause in PAUSES:
            try:
                return getattr(client, operation)(**words)
            except ClientError as error:
                if error.response["Error"]["Code"] not in THROTTLED:
                    raise
            time.sleep(pause)
        return getattr(client, operation)(**words)

    def keep(self, what: str) -> None:
        """Say that something stays."""
        if what not in self.kept:
            self.kept.append(what)

    def until_gone(self, what: str, left: Callable[[], set[str]]) -> None:
        """Wait for what has no waiter in boto3.

        Args:
            what: it is, for people.
            left: asks for the ids of what is still there.

        Raises:
            StillThere: something of it.
        """
        deadline = time.monotonic() + self.seconds
        while there := left():
            if time.monotonic() > deadline:
                raise StillThere(
                    f"The {what} {', '.join(sorted(there))} did not go within {self.seconds} seconds: see it in AWS, and run it again."
                )
            time.sleep(PAUSE_SECONDS)

    def filters(self, **more: Iterable[str]) -> list[dict[str, Any]]:
        """Filters of EC2 for what carries the environment's tags."""
        own = [{"Name": f"tag:{key}", "Values": [value]} for key, value in self.tags.items()]
        return own + [{"Name": key.replace("_", "-"), "Values": list(values)} for key, values in more.items()]

    def pages(self, service: str, operation: str, key: str, **words: Any) -> Iterator[Any]:
        """All that an operation lists."""
        for page in self.client(service).get_paginator(operation).paginate(**words):
            yield from page[key]

    def owns(self, tags: Iterable[Mapping[str, str]]) -> bool:
        """Whether something with these tags belongs to the environment."""
        return self.tags.items() <= tags_of(tags).items()

    def wait(self, service: str, waiter: str, pause: int = 5, **words: Any) -> None:
        """Wait for a state, as boto3 describes it."""
        settings = {"Delay": pause, "MaxAttempts": max(1, self.seconds // pause)}
        self.client(service).get_waiter(waiter).wait(**words, WaiterConfig=settings)


def tags_of(tags: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Tags by key."""
    return {one["Key"]: one["Value"] for one in tags}
