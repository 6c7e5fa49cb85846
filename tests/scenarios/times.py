"""How long the scenarios take, and Molecule's phases within them: measured while they run, shown as a table."""

from __future__ import annotations

import re
import subprocess
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

# How Molecule announces the next phase, in the plain form that it writes to a file.
ANNOUNCED = re.compile(r"^INFO\s+\[\S+ > (\w+)\] Executing$", re.MULTILINE)
POLL_SECONDS = 0.5
# What a scenario's test hands over from its process to the one that prints the table.
PROPERTY = "scenario_times"

# When the run began, in seconds since 1970: `make test` sets it, and nothing else is bounded.
BEGAN = "TEST_BEGAN"

Phases = list[tuple[str, float]]


def budget(environment: Mapping[str, str], now: float, seconds: float) -> str:
    """Why a scenario does not begin any more, for a run whose time is bounded.

    Args:
        environment: of the run; without ``TEST_BEGAN`` nothing is bounded.
        now: the time, in seconds since 1970.
        seconds: how long after its beginning a run may begin scenarios.

    Returns:
        Nothing, when there is time.
    """
    began = environment.get(BEGAN)
    if not began or now - float(began) <= seconds:
        return ""
    return f"this machine is slow: {(now - float(began)) / 60:.0f} minutes are over, and scenarios begin within {seconds / 60:.0f}"


def follow(process: subprocess.Popen[Any], log: TextIO, timeout: float) -> Phases:
    """Wait for Molecule to end.

    Args:
        process: Molecule.
        log: the file that it writes to, open for reading.
        timeout: how many seconds it may take.

    Returns:
        Each phase that began, with its seconds, in order. Molecule's own start is not among them.

    Raises:
        subprocess.TimeoutExpired: it took too long.
    """
    began = time.monotonic()
    starts: list[tuple[str, float]] = []
    rest = ""
    while True:
        with suppress(subprocess.TimeoutExpired):
            process.wait(POLL_SECONDS)
        now = time.monotonic()
        *lines, rest = (rest + log.read()).split("\n")
        starts += [(name, now) for name in ANNOUNCED.findall("\n".join(lines))]
        if process.returncode is not None:
            ends = [moment for _, moment in starts[1:]] + [now]
            return [(name, end - start) for (name, start), end in zip(starts, ends, strict=True)]
        if now - began > timeout:
            raise subprocess.TimeoutExpired(process.args, timeout)


def run(words: Sequence[str], log_file: Path, timeout: float, **more: Any) -> tuple[int, float, Phases]:
    """Run Molecule with its output in a file.

    Args:
        words: the command.
        log_file: where its output goes.
        timeout: the seconds after which it is killed.
        more: further arguments of ``subprocess.Popen``.

    Returns:
        Its exit code, its seconds, and those of its phases.
    """
    began = time.monotonic()
    with log_file.open("w") as out, log_file.open() as log:
        process = subprocess.Popen(
            words, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True, **more
        )
        try:
            phases = follow(process, log, timeout)
        finally:
            # An interrupted run leaves no Molecule behind; of one that ended there is nothing to kill.
            process.kill()
            process.wait()
    return process.returncode, time.monotonic() - began, phases


def numbered(phases: Iterable[Sequence[Any]]) -> dict[tuple[str, int], float]:
    """The phases' seconds by name and turn: `check` and `destroy` come twice."""
    turns: Counter[str] = Counter()
    found = {}
    for name, seconds in phases:
        turns[name] += 1
        found[name, turns[name]] = seconds
    return found


def table(runs: Mapping[str, tuple[float, Iterable[Sequence[Any]]]]) -> list[str]:
    """Lines of a table: a row a scenario, the longest first, a column a phase, and the sums.

    Args:
        runs: by scenario, its seconds and its phases.
    """
    rows = {name: (seconds, numbered(phases)) for name, (seconds, phases) in runs.items()}
    # The sequence is the same for all; a run that failed lacks its end.
    columns = list(max((by_phase for _, by_phase in rows.values()), key=len, default={}))
    columns += [one for _, by_phase in rows.values() for one in by_phase if one not in columns]
    lines = [["scenario", "seconds", *(name for name, _turn in columns)]]
    for name, (seconds, by_phase) in sorted(rows.items(), key=lambda row: -row[1][0]):
        cells = [f"{by_phase[one]:.0f}" if one in by_phase else "-" for one in columns]
        lines.append([name, f"{seconds:.0f}", *cells])
    sums = [sum(by_phase.get(one, 0) for _, by_phase in rows.values()) for one in columns]
    lines.append(["all", f"{sum(seconds for seconds, _ in rows.values()):.0f}", *(f"{one:.0f}" for one in sums)])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return [
        "  ".join(cell.ljust(width) if not number else cell.rjust(width) for number, (cell, width) in enumerate(pairs))
        for pairs in (list(zip(line, widths, strict=True)) for line in lines)
    ]
