# SPDX-License-Identifier: MIT
"""What belongs to an environment, and how it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple


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

    _made: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        """A client, made once."""
        if service not in self._made:
            self._made[service] = self.clients(service)
        return self._made[service]

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
