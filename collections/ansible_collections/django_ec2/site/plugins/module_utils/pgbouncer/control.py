# SPDX-License-Identifier: MIT
"""Pause the poolers of a host, point them at another server, resume: the steps of a move and of a promotion.

A pause never outlives its run. Before the first pooler is paused, systemd is told to resume them after some seconds; whoever resumes
takes that back. The run gets a token, and what comes after is done only while the pause of this token still holds.

What is decided here follows from ``plan``; how a pooler is asked is in ``console``.
"""

from __future__ import annotations

import datetime
import json
import os
import shutil
import subprocess
import time
import uuid
from pathlib import Path
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.pgbouncer import plan
from ansible_collections.django_ec2.site.plugins.module_utils.pgbouncer.console import (
    Console,
    ConsoleError,
    TooLate,
    all_of,
    quoted,
)

CONFIGURATION = Path("/etc/pgbouncer")
SOCKETS = Path("/run/pgbouncer")
# Gone with the host's next boot, as a pause is.
RECORDS = Path("/run/pgbouncer-control")
# What the poolers of a host lead to, where a move has changed it: a fact that the role reads.
FACT = Path("/etc/ansible/facts.d/pgbouncer.fact")
RESUME = "/usr/local/sbin/pgbouncer-resume"
CHECK = "/usr/local/sbin/pgbouncer-check"
GROUP = "pgbouncer"
APPLICATIONS = Path("/srv")


class ControlError(Exception):
    """A step can't be done; the poolers are as they were before it."""


def instances() -> list[str]:
    """The poolers of this host."""
    return sorted(path.parent.name for path in CONFIGURATION.glob("*/pgbouncer.ini"))


def status(names: list[str]) -> dict[str, Any]:
    """What each pooler does now: ``state``, ``targets``, and ``moved`` where its target was switched.

    Raises:
        ConsoleError: one of them does not answer.
    """
    moved = _fact()
    return {
        name: {
            "state": plan.standing(rows),
            "databases": [str(row["name"]) for row in rows],
            "targets": sorted({f"{row['host'] or ''}:{row['port']}" for row in rows}),
            "moved": moved.get(name, {}),
        }
        for name, rows in all_of(names).items()
    }


def pause(names: list[str], seconds: float, resume_after: float, who: str) -> dict[str, Any]:
    """Pause all of these poolers, or none.

    Args:
        names: of the poolers.
        seconds: that the transactions in hand have to end. Then all are resumed.
        resume_after: seconds after which systemd resumes them, should nobody have done it.
        who: asked for it, for the message of the next one who tries.

    Returns:
        ``paused``; ``token`` where it is true; otherwise ``busy``, in words.

    Raises:
        ControlError: one is paused already, or refuses.
    """
    consoles: list[tuple[Console, str]] = []
    token = uuid.uuid4().hex[:12]
    try:
        before = all_of(names)
        for name, rows in before.items():
            if said := plan.refusal_to_pause(name, rows, _record(name)):
                raise ControlError(said)
        _arm(token, names, resume_after)
        for name in names:
            _write_record(name, {"token": token, "since": _now(), "who": who})
        # One console a database: each answers when its own database stands still.
        consoles += [(Console(name), str(row["name"])) for name, rows in before.items() for row in rows]
        deadline = time.monotonic() + seconds
        for console, database in consoles:
            console.begin(f"PAUSE {quoted(database)}")
        for console, _database in consoles:
            console.finish(deadline)
    except TooLate:
        held = "transactions did not end in time: " + "; ".join(f"{name}: {plan.busy(_pools(name))}" for name in names)
        _resume_all(names)
        _disarm(token)
        return {"paused": False, "token": "", "busy": held}
    except ConsoleError as error:
        _resume_all(names)
        _disarm(token)
        raise ControlError(str(error)) from None
    finally:
        for console, _database in consoles:
            console.close()
    return {"paused": True, "token": token, "busy": ""}


def holds(names: list[str], token: str) -> bool:
    """Whether the pause of this token still holds on all of these poolers."""
    try:
        return all(plan.holds(token, rows, _record(name)) for name, rows in all_of(names).items())
    except ConsoleError:
        return False


def resume(names: list[str], token: str = "") -> dict[str, Any]:
    """Let the clients of these poolers go on.

    Args:
        names: of the poolers.
        token: of the pause. With it nothing is done where that pause has ended meanwhile.

    Returns:
        ``resumed``, the names of those that were paused, and ``expired``.
    """
    if token and not holds(names, token):
        return {"resumed": [], "expired": True}
    found = [name for name, rows in all_of(names).items() if plan.standing(rows) != "active"]
    tokens = {record["token"] for name in names if (record := _record(name))}
    _resume_all(names)
    for one in tokens:
        _disarm(one)
    return {"resumed": found, "expired": False}


def stage(name: str, target: str, shut: bool = False) -> dict[str, Any]:
    """Place another target beside the one that is in use, and prove it: name, certificate and logins, by a pooler of its own.

    Args:
        name: of the pooler.
        target: the text of its next ``target.ini``.
        shut: whether logins may still be shut out there (``CONNECTION LIMIT 0``); certificate and password are proved all the same.

    Raises:
        ControlError: a database can't be reached by it; the message says which, and why.
    """
    place = CONFIGURATION / name
    wanted, now = plan.parse_databases(target), plan.parse_databases((place / "target.ini").read_text())
    if missing := sorted(now.keys() - wanted.keys()):
        raise ControlError(
            f"the new target of the pooler {name} leaves out {', '.join(missing)}, which applications use"
        )
    _write(place / "target.ini.next", target, 0o640)
    if said := check(name, "target.ini.next", shut):
        (place / "target.ini.next").unlink()
        raise ControlError(said)
    return {"targets": plan.targets(wanted)}


def check(name: str, file: str = "target.ini", shut: bool = False) -> str:
    """Why the entries of a file do not lead to their databases; empty when all of them do."""
    done = subprocess.run(
        [CHECK, *(["--shut"] if shut else []), "--file", file, name], capture_output=True, text=True, check=False
    )
    return "" if done.returncode == 0 else (done.stderr or done.stdout).strip()


def switch(names: list[str], token: str, to: str = "next") -> dict[str, Any]:
    """Point these poolers, which are paused, at what was staged. They stay paused.

    Args:
        names: of the poolers.
        token: of the pause.
        to: ``next``, what was staged, or ``previous``, what was in use before.

    Raises:
        ControlError: nothing was staged, or a pooler does not take it; then the old target is back.
    """
    if missing := [name for name in names if not (CONFIGURATION / name / f"target.ini.{to}").exists()]:
        raise ControlError(f"nothing was staged for {', '.join(missing)}: do that first (state: staged)")
    if not holds(names, token):
        return {"switched": [], "expired": True}
    done: list[str] = []
    try:
        for name in names:
            _exchange(name, to)
            done.append(name)
            _reload(name)
    except (ConsoleError, ControlError, OSError) as error:
        back = "previous" if to == "next" else "next"
        for name in done:
            _exchange(name, back)
            _reload(name, prove=False)
        raise ControlError(f"{error}. The old target is back, and the poolers are still paused.") from None
    _write_fact(names, to)
    return {"switched": names, "expired": False}


def lead(names: list[str]) -> list[str]:
    """Point poolers at what was staged, without a pause: connections to the server before end after their transaction.

    Args:
        names: of the poolers. One for which nothing is staged stays as it is, as after a switch.

    Returns:
        Those that lead elsewhere now.

    Raises:
        ControlError: a pooler does not take it; then its old target is back.
    """
    done = []
    for name in names:
        if not (CONFIGURATION / name / "target.ini.next").exists():
            continue
        _exchange(name, "next")
        try:
            _reload(name)
        except (ConsoleError, ControlError) as error:
            _exchange(name, "previous")
            _reload(name, prove=False)
            raise ControlError(f"{error}. The old target is back.") from None
        done.append(name)
    forget(names)
    return done


def forget(names: list[str]) -> None:
    """No note of a switch: where these lead follows from what the database hosts say themselves."""
    found = _fact()
    if any(found.pop(name, None) for name in names):
        _write(FACT, json.dumps(found, indent=1) + "\n", 0o644, group="root")


def reload(names: list[str]) -> None:
    """Have these poolers read their files."""
    for name in names:
        _reload(name)


def wait_connected(names: list[str], seconds: float) -> list[str]:
    """Wait until each pooler could open a connection to its server; returns those that could not, with the reason.

    A pooler opens one when a client asks. So this asks in its place, by a pooler of its own with the same files.
    """
    deadline = time.monotonic() + seconds
    while True:
        failed = [said for name in names if (said := check(name))]
        if not failed or time.monotonic() > deadline:
            return failed
        time.sleep(0.2)


def retire(names: list[str]) -> dict[str, list[str]]:
    """Stop and remove poolers that no live release uses.

    Returns:
        ``retired``, and ``kept``, those that a live release still uses.
    """
    found: dict[str, list[str]] = {"retired": [], "kept": []}
    for name in names:
        if name not in instances():
            continue
        if in_use(name):
            found["kept"].append(name)
            continue
        _take_away(name)
        found["retired"].append(name)
    return found


def drop_account(account: str) -> list[str]:
    """Take an application that goes out of the poolers, with its logins; a pooler that has nobody left ends.

    Args:
        account: of the application.

    Returns:
        What was taken out, in words.
    """
    done = []
    for name in instances():
        place = CONFIGURATION / name
        rules = (place / "hba.conf").read_text()
        own = plan.of_account(rules, account)
        if not own:
            continue
        done += [f"{database} of the pooler {name}" for database in own]
        target = plan.without((place / "target.ini").read_text(), own)
        if not plan.parse_databases(target):
            _take_away(name)
            continue
        # The rules last: whatever they still name is taken out by the next run, should this one be cut.
        for file in ("target.ini", "target.ini.next", "target.ini.previous"):
            if (place / file).exists():
                _write(place / file, plan.without((place / file).read_text(), own), 0o640)
        _reload(name)
        users = [line for line in _lines(place / "users.txt") if line.split()[:1] != [f'"{account}"']]
        _write(place / "users.txt", "".join(users), 0o640)
        _write(
            place / "hba.conf",
            "".join(line for line in _lines(place / "hba.conf") if line.split()[2:3] != [account]),
            0o644,
            "root",
        )
        _reload(name)
    return done


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines(keepends=True)


def _take_away(name: str) -> None:
    units = [f"pgbouncer@{name}.socket", f"pgbouncer@{name}.service"]
    done = subprocess.run(["systemctl", "disable", "--now", *units], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ControlError(f"the pooler {name} could not be stopped: {done.stderr.strip()}")
    shutil.rmtree(CONFIGURATION / name)
    shutil.rmtree(SOCKETS / name, ignore_errors=True)


def in_use(name: str) -> bool:
    """Whether the environment of a live release leads to a pooler."""
    needle = f"/run/pgbouncer/{name}"
    for path in APPLICATIONS.glob("*/live/environment"):
        words = path.read_text(errors="replace").replace("%2F", "/").replace('"', " ").replace("@", " ")
        if any(word.partition(":")[0].rstrip("/") == needle for word in words.replace("=", " ").split()):
            return True
    return False


def _exchange(name: str, to: str) -> None:
    """Put a file in the place of the one that is in use, which becomes the other of the two."""
    place = CONFIGURATION / name
    live, kept = place / "target.ini", place / f"target.ini.{'previous' if to == 'next' else 'next'}"
    shutil.copy2(live, place / ".target.ini.kept")
    shutil.chown(place / ".target.ini.kept", "root", GROUP)
    (place / ".target.ini.kept").replace(kept)
    (place / f"target.ini.{to}").replace(live)


def _reload(name: str, prove: bool = True) -> None:
    with Console(name) as console:
        console.run("RELOAD")
        wanted = plan.parse_databases((CONFIGURATION / name / "target.ini").read_text())
        if prove and (wrong := plan.wrong_targets(console.databases(), wanted)):
            raise ControlError(f"the pooler {name} did not take its new target over ({', '.join(wrong)})")


def _resume_all(names: list[str]) -> None:
    """Resume what is paused, whatever else goes wrong; ends with what a pooler said that refused."""
    refused = []
    for name in names:
        try:
            with Console(name) as console:
                for database in plan.paused(console.databases()):
                    console.run(f"RESUME {quoted(database)}")
        except ConsoleError as error:
            refused.append(str(error))
        (RECORDS / f"{name}.json").unlink(missing_ok=True)
    if refused:
        raise ControlError("; ".join(refused))


def _pools(name: str) -> list[dict[str, Any]]:
    try:
        with Console(name) as console:
            return console.show("POOLS")
    except ConsoleError:
        return []


def _arm(token: str, names: list[str], seconds: float) -> None:
    """Have systemd resume them, should this run be killed."""
    command = ["systemd-run", "--quiet", "--collect", f"--unit=pgbouncer-resume-{token}", f"--on-active={seconds}s"]
    done = subprocess.run(
        [*command, "--timer-property=AccuracySec=100ms", RESUME, *names], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise ControlError(f"nothing was paused, because nobody would resume it: {done.stderr.strip()}")


def _disarm(token: str) -> None:
    subprocess.run(["systemctl", "stop", f"pgbouncer-resume-{token}.timer"], capture_output=True, check=False)


def _record(name: str) -> dict[str, Any] | None:
    try:
        return json.loads((RECORDS / f"{name}.json").read_text())
    except (OSError, ValueError):
        return None


def _write_record(name: str, record: dict[str, Any]) -> None:
    RECORDS.mkdir(mode=0o700, exist_ok=True)
    (RECORDS / f"{name}.json").write_text(json.dumps(record))


def _fact() -> dict[str, Any]:
    try:
        return json.loads(FACT.read_text())
    except (OSError, ValueError):
        return {}


def _write_fact(names: list[str], to: str) -> None:
    found = _fact()
    for name in names:
        if to == "previous":
            found.pop(name, None)
            continue
        databases = plan.parse_databases((CONFIGURATION / name / "target.ini").read_text())
        before = plan.parse_databases((CONFIGURATION / name / "target.ini.previous").read_text())
        found[name] = {"from": plan.targets(before), "to": plan.targets(databases), "at": _now()}
    FACT.parent.mkdir(parents=True, exist_ok=True)
    _write(FACT, json.dumps(found, indent=1) + "\n", 0o644, group="root")


def _write(path: Path, text: str, mode: int, group: str = GROUP) -> None:
    partial = path.with_name(f".{path.name}.new")
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    shutil.chown(partial, "root", group)
    partial.chmod(mode)
    partial.replace(path)


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
