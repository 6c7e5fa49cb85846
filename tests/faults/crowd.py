"""Visitors who come all the time, some twenty requests a second, and what they saw between two moments."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.bench.visitors import BODY, Answer, Visitors
from tests.faults.site import DOMAIN, WEB, Site

# Six visitors of each host, each with a pause: about twenty requests a second in all.
PAUSE = 0.55
CALM_SECONDS = 3.0
SLOW_SECONDS = 1.0


class Crowd(Visitors):
    """Visitors in a thread of their own. The writers note which writes were acknowledged."""

    def __init__(self, site: Site) -> None:
        addresses = {host: site.address(host) for host in WEB}
        super().__init__(DOMAIN, addresses, str(site.lab.directory / "ca.pem"), PAUSE)
        self.site = site
        # What each writer asked for last, and which keys were acknowledged.
        self.asked: dict[tuple[str, str], str] = {}
        self.acknowledged: set[str] = set()
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

    def arrive(self) -> None:
        """Let them come: with kept connections and with new ones, readers, writers, and one who sends a body."""

        def writer(kind: str, host: str) -> Callable[[int], tuple[str, str, bytes]]:
            def write(number: int) -> tuple[str, str, bytes]:
                self.asked[kind, host] = f"{host}-{kind}-{number}"
                return "GET", f"/note/{self.asked[kind, host]}/", b""

            return write

        def read(_number: int) -> tuple[str, str, bytes]:
            return "GET", "/page/", b""

        def send(number: int) -> tuple[str, str, bytes]:
            return "POST", "/upload/", BODY[number % 256 :]

        def begin() -> None:
            for host in self.addresses:
                visits = [("read", True, read), ("read", False, read), ("read", False, read), ("send", False, send)]
                visits += [(kind, kind == "write-kept", writer(kind, host)) for kind in ("write-kept", "write-new")]
                self._tasks += [
                    self.loop.create_task(self._visit(kind, host, keep, request)) for kind, keep, request in visits
                ]

        self.loop.call_soon_threadsafe(begin)

    def go(self) -> None:
        """Let them finish what they have in hand, and go."""
        asyncio.run_coroutine_threadsafe(self.leave(), self.loop).result(60)
        self.loop.call_soon_threadsafe(self.loop.stop)

    def _note(self, kind: str, host: str, began: float, release: str, problem: str) -> None:
        if kind.startswith("write") and not problem:
            self.acknowledged.add(self.asked[kind, host])
        super()._note(kind, host, began, release, problem)

    def lost_writes(self) -> int:
        """Writes that were acknowledged and are not in the database."""
        acknowledged = set(self.acknowledged)
        return len(acknowledged - set(self.site.sql("SELECT path FROM bench_visit").split()))

    def since(self, moment: float) -> list[Answer]:
        """Requests that were made since a moment, and those that were under way then."""
        return [one for one in list(self.answers) if one.began + one.seconds >= moment]

    def wait_for_calm(self, since: float, seconds: float) -> bool:
        """Wait until everybody was served for some seconds in a row; whether that came in time."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            now = time.monotonic()
            recent = self.since(now - CALM_SECONDS)
            served = {(one.host, one.kind) for one in recent if not one.problem}
            everybody = {(host, kind) for host in self.addresses for kind in ("read", "write-kept", "write-new")}
            if now - since >= CALM_SECONDS and served >= everybody and not any(one.problem for one in recent):
                return True
            time.sleep(0.2)
        return False


@dataclass
class Outcome:
    """What visitors saw of a fault.

    Attributes:
        requests: how many there were.
        failed: how many had no good answer.
        seconds: from the fault to the end of the last that failed; 0 without one.
        after: the same, from the moment when somebody healed it; 0 where it healed before.
        worst: seconds of the slowest answer that was good.
        kinds: how the others failed.
        hosts: where they failed.
        lost: acknowledged writes that are gone.
    """

    requests: int = 0
    failed: int = 0
    seconds: float = 0.0
    after: float = 0.0
    worst: float = 0.0
    kinds: dict[str, int] = field(default_factory=dict)
    hosts: list[str] = field(default_factory=list)
    lost: int = 0


def outcome(answers: list[Answer], fault: float, healed: float, lost: int) -> Outcome:
    """Sum up what visitors saw since a fault."""
    bad = [one for one in answers if one.problem]
    last = max((one.began + one.seconds for one in bad), default=0.0)
    return Outcome(
        requests=len(answers),
        failed=len(bad),
        seconds=round(last - fault, 1) if bad else 0.0,
        after=round(max(0.0, last - healed), 1) if bad else 0.0,
        worst=round(max((one.seconds for one in answers if not one.problem), default=0.0), 1),
        kinds=dict(Counter(named(one.problem) for one in bad)),
        hosts=sorted({one.host for one in bad}),
        lost=lost,
    )


def named(problem: str) -> str:
    """A problem in the words of the table."""
    for sign, word in (
        ("status", problem),
        ("no answer", "no answer"),
        ("dropped", "dropped"),
        ("refused", "refused"),
        ("reset", "dropped"),
        ("Incomplete", "dropped"),
        ("ConnectionError", "dropped"),
    ):
        if sign in problem:
            return word
    return "no connection"
