# SPDX-License-Identifier: MIT
"""Rules of nftables that are tried, confirmed, or taken back by the host itself.

The rules that a run wants lie in RULES. They are loaded with a timer that loads the confirmed ones again. Who confirms them in time
stops it, and what was confirmed is what the next boot loads.
"""

from __future__ import annotations

import hashlib
import ipaddress
import os
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.way_back import (
    WayBack,
    WayBackError,
    demand,
    run,
    write_durably,
)

TABLE = ("inet", "site_firewall")
RULES = Path("/etc/site-firewall/rules.nft")
STATE = Path("/var/lib/site-firewall")
CONFIRMED, CONFIRMED_DIGEST = STATE / "confirmed.nft", STATE / "confirmed.sha256"
TRIED, BEFORE = STATE / "tried.nft", STATE / "way-back.nft"
UNIT = "site-firewall.service"
# A boot loads what is confirmed, so that it needs no way back.
WAY_BACK = WayBack(STATE / "site-firewall-way-back")
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


def try_rules(seconds: int) -> None:
    """Load the wanted rules; a timer goes back after as many seconds.

    Raises:
        WayBackError: the timer could not be set, or the kernel refuses the rules. The host has those that it had.
    """
    # What is confirmed is what was tried, whoever has placed other rules meanwhile.
    write_durably(TRIED, RULES.read_text())
    # The confirmed ones, or none where nobody has confirmed any.
    write_durably(BEFORE, CONFIRMED.read_text() if CONFIRMED.exists() else NONE)
    WAY_BACK.set(seconds, f"nft --file {BEFORE}")
    try:
        if not _listing():
            demand("nft", "--file", "-", given=FOLLOW)
            time.sleep(FOLLOW_SECONDS)
        demand("nft", "--file", str(TRIED))
    except WayBackError:
        WAY_BACK.go()
        raise


def confirm_rules() -> None:
    """Keep the rules that were tried.

    Raises:
        WayBackError: the host has gone back already.
    """
    if not WAY_BACK.due():
        raise WayBackError("the time to confirm the new rules is over, and the host has gone back to those that it had")
    tried = _listing()
    write_durably(CONFIRMED, TRIED.read_text())
    write_durably(CONFIRMED_DIGEST, hashlib.sha256(tried.encode()).hexdigest() + "\n")
    WAY_BACK.call_off()
    if _listing() != tried:
        # It went off in between. What it loaded last was what is confirmed now, or what was before.
        demand("nft", "--file", str(CONFIRMED))
    demand("systemctl", "start", UNIT)


def remove_rules() -> bool:
    """Take the table away, and what is kept of it. Answers whether there was anything."""
    WAY_BACK.call_off()
    there = bool(_listing()) or CONFIRMED.exists()
    run("systemctl", "disable", "--now", UNIT)
    demand("nft", "--file", "-", given=NONE)
    for path in (CONFIRMED, CONFIRMED_DIGEST, TRIED, BEFORE):
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
    done = run("nft", "--stateless", "list", "table", *TABLE)
    return done.stdout if done.returncode == 0 else ""
