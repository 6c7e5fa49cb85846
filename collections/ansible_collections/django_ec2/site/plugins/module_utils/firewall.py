# SPDX-License-Identifier: MIT
"""Rules of nftables that are tried, confirmed, or taken back by the host itself.

The rules that a run wants lie in RULES. They are loaded with a timer that loads the confirmed ones again. Who confirms them in time
stops it, and what was confirmed is what the next boot loads.
"""

from __future__ import annotations

import hashlib
import ipaddress
import os
import subprocess
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

TABLE = ("inet", "site_firewall")
RULES = Path("/etc/site-firewall/rules.nft")
STATE = Path("/var/lib/site-firewall")
CONFIRMED, CONFIRMED_DIGEST = STATE / "confirmed.nft", STATE / "confirmed.sha256"
TRIED, WAY_BACK = STATE / "tried.nft", STATE / "way-back.nft"
UNIT, TIMER = "site-firewall.service", "site-firewall-way-back"
NONE = "table inet site_firewall\ndelete table inet site_firewall\n"
# Lets everything in, and has the kernel follow the connections that there are: an answer that a host waits for is known as one.
FOLLOW = (
    NONE
    + """table inet site_firewall {
  chain input { type filter hook input priority filter; policy accept; ct state established accept; }
}
"""
)
FOLLOW_SECONDS = 2


class FirewallError(Exception):
    """What went wrong, and what to do."""


def try_rules(seconds: int) -> None:
    """Load the wanted rules; a timer goes back after as many seconds."""
    _stop_timer()
    # What is confirmed is what was tried, whoever has placed other rules meanwhile.
    _write(TRIED, RULES.read_text())
    # The confirmed ones, or none where nobody has confirmed any.
    _write(WAY_BACK, CONFIRMED.read_text() if CONFIRMED.exists() else NONE)
    _demand(
        "systemd-run", f"--unit={TIMER}", f"--on-active={seconds}", "--timer-property=AccuracySec=1s",
        "nft", "--file", str(WAY_BACK),
    )  # fmt: skip
    try:
        if not _listing():
            _demand("nft", "--file", "-", given=FOLLOW)
            time.sleep(FOLLOW_SECONDS)
        _demand("nft", "--file", str(TRIED))
    except FirewallError:
        _run("nft", "--file", str(WAY_BACK))
        _stop_timer()
        raise


def confirm_rules() -> None:
    """Keep the rules that were tried.

    Raises:
        FirewallError: the host has gone back already.
    """
    if _run("systemctl", "is-active", "--quiet", f"{TIMER}.timer").returncode:
        raise FirewallError(
            "the time to confirm the new rules is over, and the host has gone back to those that it had"
        )
    tried = _listing()
    _write(CONFIRMED, TRIED.read_text())
    _write(CONFIRMED_DIGEST, hashlib.sha256(tried.encode()).hexdigest() + "\n")
    _stop_timer()
    if _listing() != tried:
        # It went off in between. What it loaded last was what is confirmed now, or what was before.
        _demand("nft", "--file", str(CONFIRMED))
    _demand("systemctl", "start", UNIT)


def remove_rules() -> bool:
    """Take the table away, and what is kept of it. Answers whether there was anything."""
    _stop_timer()
    there = bool(_listing()) or CONFIRMED.exists()
    _run("systemctl", "disable", "--now", UNIT)
    _demand("nft", "--file", "-", given=NONE)
    for path in (CONFIRMED, CONFIRMED_DIGEST, TRIED, WAY_BACK):
        path.unlink(missing_ok=True)
    return there


def lockout_problem(rules: Iterable[Mapping[str, Any]], connection: tuple[str, int] | None) -> str:
    """Why these rules would lock out who sets them; empty when they would not.

    Args:
        rules: with ``networks``, ``ports`` and ``protocol``.
        connection: the address from which the run came in, as the host sees it, and the port; none without SSH.
    """
    if not connection:
        return ""
    address, port = ipaddress.ip_address(connection[0].partition("%")[0]), connection[1]
    address = getattr(address, "ipv4_mapped", None) or address
    if address.is_loopback:
        return ""
    of_port = [rule for rule in rules if port in rule["ports"] and (rule.get("protocol") or "tcp") == "tcp"]
    if any(address in ipaddress.ip_network(network, strict=False) for rule in of_port for network in rule["networks"]):
        return ""
    if not of_port:
        return f"this run came in at port {port}, which the rules would close: set network_ssh_port: {port}, the port of sshd on the host"
    return (
        f"this run comes from {address}, which the rules would shut out: add it, or its network, to network_operators"
    )


def connection_of_run() -> tuple[str, int] | None:
    """The address from which the SSH connection of this process came, and the port that it came in at.

    sudo takes the variable away from its children, so the processes above are looked at, too.
    """
    process = os.getpid()
    while process > 1:
        directory = Path("/proc") / str(process)
        try:
            for entry in (directory / "environ").read_bytes().split(b"\0"):
                if entry.startswith(b"SSH_CONNECTION="):
                    words = entry.partition(b"=")[2].decode().split()
                    return words[0], int(words[3])
            process = int((directory / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, IndexError, ValueError):
            return None
    return None


def _listing() -> str:
    """The rules that are loaded, without counters; empty where there is no table."""
    done = _run("nft", "--stateless", "list", "table", *TABLE)
    return done.stdout if done.returncode == 0 else ""


def _stop_timer() -> None:
    _run("systemctl", "stop", f"{TIMER}.timer", f"{TIMER}.service")
    _run("systemctl", "reset-failed", f"{TIMER}.timer", f"{TIMER}.service")


def _write(path: Path, text: str) -> None:
    """On the disk before anything depends on it, whole or not at all."""
    new = path.with_name(f".{path.name}.new")
    with new.open("w") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    new.replace(path)


def _run(*argv: str, given: str = "") -> subprocess.CompletedProcess[str]:
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin:/usr/bin:/bin"
    return subprocess.run(
        argv, input=given, capture_output=True, text=True, check=False, env={**os.environ, "PATH": path}
    )


def _demand(*argv: str, given: str = "") -> None:
    done = _run(*argv, given=given)
    if done.returncode:
        raise FirewallError(f"{' '.join(argv)} failed: {done.stderr.strip()}")
