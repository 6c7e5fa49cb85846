# SPDX-License-Identifier: MIT
"""What each tool printed, as findings. Pure: the tests hold recorded output against it."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any
from xml.etree import ElementTree

from tests.audit.findings import Finding

# What a unit may have in systemd-analyze security.
EXPOSURE = 2.5
XCCDF = "{http://checklists.nist.gov/xccdf/1.2}"


def ssh_audit(host: str, text: str) -> list[Finding]:
    """What ``ssh-audit --json`` warns of or calls a failure, and what it notes of sshd as a whole."""
    said = json.loads(text)
    noted = [
        Finding("ssh-audit", host, next((one for one in ("DHEat", "Terrapin") if one in note), "note"), note)
        for note in said.get("additional_notes", [])
    ]
    return noted + [
        Finding("ssh-audit", host, f"{kind}:{one['algorithm']}", "; ".join(notes))
        for kind in ("kex", "key", "enc", "mac")
        for one in said[kind]
        if (notes := [*one.get("notes", {}).get("fail", []), *one.get("notes", {}).get("warn", [])])
    ]


def sslyze(host: str, text: str) -> list[Finding]:
    """Where a server differs from Mozilla's configuration, and what sslyze calls vulnerable.

    Raises:
        ValueError: there is no verdict in it.
    """
    verdict = text.rpartition("COMPLIANCE AGAINST TLS CONFIGURATION")[2]
    if "Compliant" not in verdict and "Not compliant" not in verdict:
        raise ValueError(f"sslyze came to no verdict: {text[-500:]}")
    differs = re.findall(r"^\s+\* ([a-z_0-9]+): (.*)$", verdict, re.MULTILINE)
    weak = re.findall(r"^\s*(.*?):?\s+(VULNERABLE.*|NOT SECURE.*)$", text, re.MULTILINE)
    return [Finding("sslyze", host, name, said) for name, said in [*differs, *weak]]


def systemd(host: str, text: str, running: Iterable[str]) -> list[Finding]:
    """The services that run and are more exposed than EXPOSURE, of ``systemd-analyze security --json=short``."""
    running = set(running)
    return [
        Finding("systemd", host, one["unit"], f"exposure {one['exposure']}")
        for one in json.loads(text)
        if one["unit"] in running and float(one["exposure"]) > EXPOSURE
    ]


def nmap(host: str, text: str, intended: Iterable[int]) -> list[Finding]:
    """Ports that are open and not meant to be, or meant to be and not open, of ``nmap -oX``.

    Raises:
        ValueError: the host was not scanned.
    """
    tree = ElementTree.fromstring(text)  # noqa: S314 - the lab's own nmap wrote it
    if tree.find("host/ports") is None:
        raise ValueError("nmap has not looked at the host")
    ports = {
        int(port.attrib["portid"])
        for port in tree.iter("port")
        if (state := port.find("state")) is not None and state.attrib["state"] == "open"
    }
    wanted = set(intended)
    return [Finding("nmap", host, f"open:{port}", "open, and in no flow") for port in sorted(ports - wanted)] + [
        Finding("nmap", host, f"closed:{port}", "in a flow, and nobody answers") for port in sorted(wanted - ports)
    ]


def gixy(host: str, text: str) -> list[Finding]:
    """What gixy says of nginx's configuration."""
    return [Finding("gixy", host, one["plugin"], one["summary"]) for one in json.loads(text)]


def lynis(host: str, text: str) -> tuple[int, list[Finding]]:
    """The hardening index, and warnings and suggestions, of lynis' report.

    Raises:
        ValueError: it did not come to its end.
    """
    index = re.search(r"^hardening_index=(\d+)$", text, re.MULTILINE)
    if not index:
        raise ValueError("lynis did not come to its end")
    found = []
    for kind, line in re.findall(r"^(warning|suggestion)\[\]=(.*)$", text, re.MULTILINE):
        test, said, detail, *_ = [*line.split("|"), "", ""]
        detail = re.sub(r" \(.*", "", detail).strip()
        name = f"{test}:{detail}" if test == "SSH-7408" else test
        found.append(Finding("lynis", host, name, f"{kind}: {said}{f' ({detail})' if detail not in ('', '-') else ''}"))
    return int(index[1]), found


def openscap(host: str, text: str) -> list[Finding]:
    """The rules of a guideline that a host does not keep, of the results of ``oscap xccdf eval``.

    Raises:
        ValueError: no rule was found to be kept, so nothing was looked at.
    """
    tree = ElementTree.fromstring(text)  # noqa: S314 - the lab's own oscap wrote it
    results = {one.attrib["idref"]: one.findtext(f"{XCCDF}result") or "" for one in tree.iter(f"{XCCDF}rule-result")}
    if "pass" not in results.values():
        raise ValueError("oscap has looked at nothing")
    titles = {rule.attrib["id"]: rule.findtext(f"{XCCDF}title") or "" for rule in tree.iter(f"{XCCDF}Rule")}
    return [
        Finding("openscap", host, rule.rpartition("_rule_")[2], f"{titles[rule]} ({result})")
        for rule, result in results.items()
        if result in ("fail", "error", "unknown")
    ]


def intended_ports(rules: Iterable[Mapping[str, Any]], address: str) -> list[int]:
    """The TCP ports that an address may reach by the rules of a host (``firewall_rules``)."""
    own = ipaddress.ip_address(address)
    return sorted(
        {
            int(port)
            for rule in rules
            if (rule.get("protocol") or "tcp") == "tcp"
            and any(
                own in network
                for one in rule["networks"]
                if (network := ipaddress.ip_network(one)).version == own.version
            )
            for port in rule["ports"]
        }
    )
