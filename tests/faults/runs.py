"""Runs of one playbook on a lab of its own: whole, killed somewhere, or with a fault in one of their tasks."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from tests.bench.labs import PROJECT, Lab
from tests.faults.cuts import SEED, begun, descendants

# A run is killed somewhere in the first seconds of a task.
TASK_SECONDS = 2
# A step whose controller was killed goes on for as long on its host.
AGAIN_SECONDS = 240
# A run whose host has died has said so by then, on a busy machine as well.
SOON = 120


def points(count: int, name: str) -> list[float]:
    """One random point in each of so many equal parts of a run, in random order."""
    chosen = random.Random(f"{SEED} {name}")
    found = [(number + chosen.random()) / count for number in range(count)]
    chosen.shuffle(found)
    return found


class Runs:
    """Runs of a playbook.

    Args:
        lab: where.
        playbook: its path.
        locks: whether it takes the locks of the applications, which a killed run leaves behind.

    Attributes:
        seconds: from the fault in the last run that had one to the end of that run.
    """

    def __init__(self, lab: Lab, playbook: str, locks: bool = True) -> None:
        self.lab, self.playbook = lab, playbook
        self.breaks = ("-e", "deploy_break_lock=true") if locks else ()
        self.seconds = 0.0

    @contextmanager
    def started(self, words: Sequence[str]) -> Iterator[subprocess.Popen[str]]:
        """A run that goes on while something is done beside it."""
        program = str(PROJECT / ".venv/bin/ansible-playbook")
        command = [program, "-i", str(self.lab.inventory), self.playbook, *words]
        with subprocess.Popen(
            command, cwd=PROJECT, env=self.lab.environment, text=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        ) as process:  # fmt: skip
            yield process

    def whole(self, *words: str) -> tuple[int, str]:
        """A run to its end: its exit status and what it said."""
        with self.started(words) as process:
            said = process.communicate()[0]
        return process.returncode, said

    def tasks(self, *words: str) -> int:
        """How many tasks a run has, which has to work."""
        status, said = self.whole(*words)
        assert status == 0, said[-5000:]
        return len(begun(said))

    def killed(self, share: float, tasks: int, *words: str, whole: bool = True) -> str:
        """A run that is killed after this share of so many tasks, with all its processes or its first alone; the last task."""
        target, within = divmod(share * tasks, 1)
        return self._killed(lambda names: len(names) > target, within * TASK_SECONDS, words, whole)

    def killed_in(self, task: str, after: float, *words: str, whole: bool = True) -> str:
        """The same, so many seconds after a task of that name has begun, which has to come."""
        seen: list[str] = []

        def reached(names: list[str]) -> bool:
            seen[:] = names
            return any(task in name for name in names)

        last = self._killed(reached, after, words, whole)
        assert reached(seen), f"the run never came to '{task}', but to '{last}'"
        return last

    def _killed(self, reached: Callable[[list[str]], bool], after: float, words: tuple[str, ...], whole: bool) -> str:
        output = ""
        with self.started(words) as process:
            assert process.stdout
            for line in process.stdout:
                output += line
                if reached(begun(output)):
                    break
            time.sleep(after)
            output += kill(process, whole)
        return (begun(output) or ["before the first task"])[-1]

    def struck(self, task: str, strike: Callable[[], object], *words: str) -> tuple[int, str]:
        """A run with a fault: ``strike`` is called when a task of that name has begun."""
        output, struck = "", 0.0
        with self.started(words) as process:
            assert process.stdout
            for line in process.stdout:
                output += line
                if not struck and line.startswith("TASK [") and task in line:
                    struck = time.monotonic()
                    strike()
            process.wait()
        assert struck, f"the run never came to '{task}':\n{output[-5000:]}"
        self.seconds = time.monotonic() - struck
        print(f"\n{self.playbook}: {process.returncode} after {self.seconds:.0f} s, of a fault in '{task}'")
        return process.returncode, output

    def again(self, *words: str) -> int:
        """Run it until it works, and return how many runs that took: a step may still go on that lost its controller."""
        end = time.monotonic() + AGAIN_SECONDS
        number = 0
        while True:
            number += 1
            status, said = self.whole(*words, *self.breaks)
            if status == 0:
                return number
            assert time.monotonic() < end, f"after {number} runs:\n{said[-5000:]}"
            time.sleep(5)


def kill(process: subprocess.Popen[str], whole: bool = True) -> str:
    """Kill a run, with all its processes or its first alone; what it said last."""
    # Ansible's workers have sessions of their own: they outlive a killed parent, and may finish what they do.
    for pid in [process.pid, *(descendants(process.pid) if whole else [])]:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return process.communicate()[0]


def read_until(process: subprocess.Popen[str], task: str, result: bool = False) -> str:
    """Read what a run says until a task of that name has begun, or has its first result, which has to come."""
    assert process.stdout
    output, there = "", False
    for line in process.stdout:
        output += line
        if there and line.startswith(("ok: ", "changed: ", "skipping: ")):
            return output
        if line.startswith("TASK ["):
            there = task in line
            if there and not result:
                return output
    raise AssertionError(f"the run never came to '{task}':\n{output[-5000:]}")


def locked(lab: Lab, host: str = "web1") -> str:
    """Who keeps deploys away from a web host; empty when nobody does."""
    return lab.run(host, "sh", "-c", "cat /srv/*/deploy.lock 2>/dev/null; true").strip()


def told(said: str) -> str:
    """What a run said, in one line."""
    return " ".join(said.split())


__all__ = ["SOON", "Runs", "kill", "locked", "points", "read_until", "told"]
