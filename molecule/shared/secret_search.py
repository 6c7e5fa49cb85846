"""Looks for the values of secrets where nobody may meet them: on a host, and in what a run printed.

The search runs on the host as a program that comes by standard input, so that no value is in a command line or in sudo's log.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from typing import Any

import yaml
from site_visitor import LAB

# What is no secret by itself: names of logins, and certificates.
SHORTEST = 16

PROGRAM = r"""
import os, pathlib, pwd, stat, subprocess, sys

OWNERS = set(GIVEN["accounts"]) | {"root"}
secrets = {name: value.encode() for name, value in GIVEN["secrets"].items()}


def told(place, data):
    for name, value in secrets.items():
        if value in data:
            print(f"{name}: {place}")


def account(number):
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


for process in pathlib.Path("/proc").glob("[0-9]*"):
    if process.name == str(os.getpid()):
        continue
    try:
        owner = account(process.stat().st_uid)
        told(f"command line of {process.name} ({owner})", (process / "cmdline").read_bytes())
        if owner not in OWNERS:
            told(f"environment of {process.name} ({owner})", (process / "environ").read_bytes())
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        continue

for top, directories, files in os.walk("/"):
    directories[:] = [
        one for one in directories
        if top != "/" or one not in ("proc", "sys", "dev")
    ]
    # What nobody else may enter, nobody else reads; logs are looked at all the same, for they are sent elsewhere.
    logs = top.startswith(("/var/log", "/run/log"))
    if not logs and not os.lstat(top).st_mode & stat.S_IXOTH:
        directories[:] = [one for one in directories if os.path.join(top, one) in ("/var/log", "/run/log")]
        continue
    for one in files:
        path = os.path.join(top, one)
        try:
            found = os.lstat(path)
            if not stat.S_ISREG(found.st_mode) or found.st_size > 20_000_000 or path.endswith((".journal", ".so", ".pyc")):
                continue
            if logs or found.st_mode & stat.S_IROTH:
                with open(path, "rb") as file:
                    told(path, file.read())
        except OSError:
            continue

journal = subprocess.run(["journalctl", "--no-pager", "--output=export"], capture_output=True, check=True).stdout
told("journal", journal)
print("searched")
"""


def values() -> dict[str, str]:
    """Every secret of the lab by its name; of a key in PEM, a line of its middle."""
    return dict(_values(yaml.safe_load((LAB / "secrets.yml").read_text())["secrets"]))


def _values(mapping: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in mapping.items():
        if isinstance(value, Mapping):
            yield from _values(value, f"{prefix}{name}.")
        elif "PRIVATE KEY" in str(value):
            # Behind the certificate, where both are one text.
            yield f"{prefix}{name}", str(value).partition("PRIVATE KEY-----\n")[2].splitlines()[0]
        elif len(str(value)) >= SHORTEST and "CERTIFICATE" not in str(value):
            yield f"{prefix}{name}", str(value)


def on_host(name: str, accounts: tuple[str, ...]) -> list[str]:
    """Where a host has secrets that others than root and these accounts can see, or that are in a log."""
    # What is in a file that everybody may read, to know that the search finds something.
    given = {"secrets": {**values(), "control": "root:x:0:0:"}, "accounts": accounts}
    done = subprocess.run(
        ["ssh", "-F", str(LAB / "ssh_config"), name, "sudo", "python3", "-"],
        input=f"import json\nGIVEN = json.loads({json.dumps(json.dumps(given))})\n{PROGRAM}",
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    *found, last = done.stdout.splitlines()
    assert last == "searched", done.stderr
    assert "control: /etc/passwd" in found
    return [one for one in found if not one.startswith("control: ")]


def printed(text: str) -> list[str]:
    """The names of secrets whose value is in a text."""
    return [name for name, value in values().items() if value in text]
