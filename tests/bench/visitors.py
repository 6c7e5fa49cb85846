"""Visitors of a site, who take note of every answer: the load of ``make bench-deploy``.

HTTPS with verification, HTTP/1.1, no repetition: what fails, failed. A server may close a kept connection when it says so
(``Connection: close``) or after it lay idle for longer than its keep-alive time; any other end of a kept connection is one
that was dropped.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field

# nginx_keepalive_timeout and nginx's keepalive_requests.
KEEPALIVE_SECONDS = 75
ANSWER_SECONDS = 30
SLOW_SECONDS = 1.5
BODY = bytes(range(256)) * 512


@dataclass(frozen=True)
class Answer:
    """One request and what became of it.

    Attributes:
        kind: which visitor asked.
        host: which host was asked.
        began: when, on the monotonic clock.
        seconds: until the last byte, without the time that the view itself sleeps.
        release: the release that answered; empty when none did.
        problem: why it failed; empty when it did not.
    """

    kind: str
    host: str
    began: float
    seconds: float
    release: str
    problem: str


class Dropped(Exception):
    """A kept connection ended without a word."""


@dataclass
class Connection:
    """A connection to one host."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    requests: int = 0
    used: float = field(default_factory=time.monotonic)

    async def ask(self, name: str, method: str, path: str, body: bytes, close: bool) -> tuple[int, bytes, bool]:
        """One request: the status, the body, and whether the connection stays.

        Raises:
            Dropped: the connection ended before the answer began, and had been used before.
            ConnectionError: it ended otherwise.
        """
        head = f"{method} {path} HTTP/1.1\r\nHost: {name}\r\nUser-Agent: bench\r\n"
        if body:
            head += f"Content-Length: {len(body)}\r\nContent-Type: application/octet-stream\r\n"
        head += "Connection: close\r\n\r\n" if close else "\r\n"
        try:
            self.writer.write(head.encode() + body)
            await self.writer.drain()
            lines = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError) as error:
            partial = isinstance(error, asyncio.IncompleteReadError) and error.partial
            if self.requests and not partial:
                raise Dropped(f"after {self.requests} requests: {error!r}") from error
            raise ConnectionError(repr(error)) from error
        headers = {key.lower(): value.strip() for key, _, value in (line.partition(":") for line in lines[1:])}
        content = await self._body(headers)
        self.requests += 1
        self.used = time.monotonic()
        return int(lines[0].split()[1]), content, not close and headers.get("connection", "").lower() != "close"

    async def _body(self, headers: dict[str, str]) -> bytes:
        if "content-length" in headers:
            return await self.reader.readexactly(int(headers["content-length"]))
        if headers.get("transfer-encoding", "").lower() != "chunked":
            return await self.reader.read()
        content = b""
        while size := int(await self.reader.readuntil(b"\r\n"), 16):
            content += (await self.reader.readexactly(size + 2))[:-2]
        await self.reader.readexactly(2)
        return content


class Visitors:
    """All visitors of all hosts."""

    def __init__(self, name: str, addresses: dict[str, str], authority: str, pause: float) -> None:
        self.name = name
        self.pause = pause
        self.addresses = addresses
        self.context = ssl.create_default_context(cafile=authority)
        self.answers: list[Answer] = []
        self.dropped: list[tuple[float, str, str]] = []
        # What a server may do with a kept connection, and did.
        self.closed_with_notice = 0
        self.closed_idle = 0
        self._tasks: list[asyncio.Task[None]] = []
        self._leaving = False

    async def _connect(self, host: str) -> Connection:
        reader, writer = await asyncio.open_connection(
            self.addresses[host], 443, ssl=self.context, server_hostname=self.name
        )
        return Connection(reader, writer)

    def _note(self, kind: str, host: str, began: float, release: str, problem: str) -> None:
        seconds = time.monotonic() - began - (SLOW_SECONDS if kind == "slow" else 0)
        self.answers.append(Answer(kind, host, began, max(0.0, seconds), release, problem))

    async def _visit(self, kind: str, host: str, keep: bool, request: Callable[[int], tuple[str, str, bytes]]) -> None:
        connection: Connection | None = None
        number = 0
        while not self._leaving:
            method, path, body = request(number)
            number += 1
            began = time.monotonic()
            release = problem = ""
            stays = False
            try:
                async with asyncio.timeout(ANSWER_SECONDS + (SLOW_SECONDS if kind == "slow" else 0)):
                    connection = connection or await self._connect(host)
                    status, content, stays = await connection.ask(self.name, method, path, body, not keep)
                release = released(content)
                if status != 200:
                    problem = f"status {status}"
                elif not release:
                    problem = "the body names no release"
                elif body and json.loads(content)["sha256"] != hashlib.sha256(body).hexdigest():
                    problem = "the body did not arrive as it was sent"
                elif keep and not stays:
                    self.closed_with_notice += 1
            except Dropped as error:
                if connection and began - connection.used > KEEPALIVE_SECONDS - 1:
                    self.closed_idle += 1
                    connection = None
                    continue
                problem = f"dropped {error}"
                self.dropped.append((began, host, str(error)))
            except TimeoutError:
                problem = f"no answer within {ANSWER_SECONDS} s"
            except (OSError, asyncio.IncompleteReadError, ValueError, IndexError) as error:
                problem = repr(error)
            self._note(kind, host, began, release, problem)
            if connection and not stays:
                connection.writer.close()
                connection = None
            # A host that is down is not asked a thousand times.
            await asyncio.sleep(max(self.pause, 0.05 if problem else 0))
        if connection:
            connection.writer.close()

    def come(self, keep_alive: int, new: int) -> None:
        """Let so many visitors of both kinds come to each host, and to each one with slow requests and one with bodies."""

        def reading(number: int) -> tuple[str, str, bytes]:
            return "GET", "/page/" if number % 4 == 0 else "/json/", b""

        def slow(_number: int) -> tuple[str, str, bytes]:
            return "GET", f"/slow/?seconds={SLOW_SECONDS}", b""

        def sending(number: int) -> tuple[str, str, bytes]:
            return "POST", "/upload/", BODY[number % 256 :]

        for host in self.addresses:
            visits = [("keep-alive", True, reading)] * keep_alive + [("new", False, reading)] * new
            visits += [("slow", True, slow), ("body", True, sending)]
            self._tasks += [
                asyncio.create_task(self._visit(kind, host, keep, request)) for kind, keep, request in visits
            ]

    async def leave(self) -> None:
        """Let everybody finish the request in hand and go."""
        self._leaving = True
        await asyncio.gather(*self._tasks)


def released(content: bytes) -> str:
    """The release that a body names."""
    found = re.search(rb'"release": "([0-9a-f]+)"|data-release="([0-9a-f]+)"', content)
    return (found[1] or found[2]).decode() if found else ""
