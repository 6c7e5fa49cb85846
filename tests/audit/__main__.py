# SPDX-License-Identifier: MIT
"""Auditors on a site of its own: ``make audit``.

A lab with a web host (Debian 13) and a database host (Debian 12) gets ``site.yml``, and these look at it: ssh-audit, sslyze with
Mozilla's intermediate configuration, nmap from a third host against ``network_flows``, ``systemd-analyze security``, gixy, lynis, and
OpenSCAP on the database host: the guideline is one for Debian 12, of which Debian has none newer.
What they find is held against ``reasons.yml``: a finding without a reason fails, and so does a reason that explains nothing any more.

``build/audit/`` has the tools' own output, ``audit.json`` and the page ``audit.md``; the table of docs/security.md is written anew.
``AUDIT_KEEP=1`` leaves the lab running, and the next audit takes it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.audit import read, report
from tests.audit.findings import Finding, Reason, judge, profile, read_reasons

PROJECT = Path(__file__).resolve().parents[2]
INVENTORY = PROJECT / "tests/audit/inventory"
OUTPUT = PROJECT / "build/audit"
NAME = os.environ.get("AUDIT_LAB") or "audit"
LAB = PROJECT / ".lab" / NAME
WEB, DATABASE, SCANNER = "web1", "db1", "scanner1"
DOMAIN = "board.localhost"
TOOLS = ("ssh-audit", "sslyze", "nmap", "systemd", "gixy", "lynis", "openscap")
# Of ANSSI, the agency of France: what it wants of hosts that are reached from a network. Debian's package has it for the release before.
GUIDELINE, PROFILE = "ssg-debian12-ds.xml", "xccdf_org.ssgproject.content_profile_anssi_bp28_intermediary"
ENVIRONMENT = {
    **os.environ, "LAB": str(INVENTORY), "LAB_NAME": NAME, "LAB_PORT": "0", "LAB_SUITE": "", "ANSIBLE_NOCOLOR": "1",
    "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg"),
}  # fmt: skip


def say(words: str) -> None:
    """What is done now."""
    print(f"==> {words}", flush=True)


def run(*argv: str | Path, code: bool = True, given: str | None = None) -> str:
    """What a program printed; one that fails ends the audit, unless its code tells of findings."""
    done = subprocess.run(argv, cwd=PROJECT, env=ENVIRONMENT, input=given, capture_output=True, text=True, check=False)
    if code and done.returncode:
        sys.exit(f"audit: {' '.join(map(str, argv))} failed:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return done.stdout


def on(host: str, command: str, code: bool = True, given: str | None = None) -> str:
    """What a command printed on a host, as root."""
    return run("ssh", "-F", LAB / "ssh_config", host, "sudo", "sh", "-c", f"'{command}'", code=code, given=given)


def tool(name: str) -> Path:
    """A tool from PyPI, in an environment of its own."""
    return OUTPUT / "venv/bin" / name


def prepare() -> dict[str, str]:
    """Start the lab and bring the tools; the addresses of its hosts."""
    OUTPUT.mkdir(parents=True, exist_ok=True)
    say("tools from PyPI")
    run("uv", "venv", "--quiet", "--allow-existing", OUTPUT / "venv")
    run("uv", "pip", "sync", "--quiet", "--require-hashes", "--python", tool("python"), "tests/audit/requirements.txt")
    say("the lab, and site.yml on it")
    run(sys.executable, "-m", "lab", "up")
    say("tools of Debian")
    for host, package in ((SCANNER, "nmap"), (WEB, "lynis ssg-debian"), (DATABASE, "lynis openscap-scanner")):
        on(
            host,
            f"apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends {package}",
        )
    return json.loads((LAB / "hosts.json").read_text())


def keep(name: str, text: str) -> str:
    """Write what a tool said beside the report."""
    (OUTPUT / name).write_text(text)
    return text


def guideline(host: str) -> str:
    """What oscap says of a host on Debian 12, by the rules that Debian 13 has for it."""
    rules = on(WEB, f"cat /usr/share/xml/scap/ssg/content/{GUIDELINE}")
    on(host, f"cat >/root/{GUIDELINE}", given=rules)
    on(host, f"oscap xccdf eval --profile {PROFILE} --results /root/results.xml /root/{GUIDELINE}", code=False)
    return on(host, "cat /root/results.xml")


def inspect(host: str, addresses: dict[str, str], reasons: list[Reason]) -> tuple[list[Finding], int]:
    """What is found of a host's ports and units, and by lynis, and its hardening index."""
    intended = read.intended_ports(json.loads((OUTPUT / f"rules-{host}.json").read_text()), addresses[SCANNER])
    scanned = on(SCANNER, f"nmap -Pn -n -p- --min-rate 3000 --max-retries 2 -oX - {addresses[host]}")
    found = read.nmap(host, keep(f"nmap-{host}.xml", scanned), intended)
    running = on(host, "systemctl list-units --type=service --state=running --plain --no-legend")
    exposed = keep(f"systemd-{host}.json", on(host, "systemd-analyze security --no-pager --json=short"))
    found += read.systemd(host, exposed, [line.split()[0] for line in running.splitlines()])
    on(host, "cat >/etc/lynis/custom.prf", given=profile(reasons))
    on(host, "lynis audit system --quick --quiet --no-colors", code=False)
    keep(f"lynis-{host}.log", on(host, "cat /var/log/lynis.log"))
    index, suggested = read.lynis(host, keep(f"lynis-{host}.dat", on(host, "cat /var/log/lynis-report.dat")))
    return found + suggested, index


def look(addresses: dict[str, str], reasons: list[Reason]) -> tuple[list[Finding], dict[str, int]]:
    """All findings, and the hardening index of each host."""
    found: list[Finding] = []
    playbook = PROJECT / ".venv/bin/ansible-playbook"
    run(playbook, "-i", INVENTORY, "tests/audit/rules.yml", "-e", f"audit_directory={OUTPUT}")
    say(f"{WEB}, {DATABASE}: ports, units, lynis")
    with ThreadPoolExecutor() as pool:
        seen = dict(
            zip((WEB, DATABASE), pool.map(lambda host: inspect(host, addresses, reasons), (WEB, DATABASE)), strict=True)
        )
    for one, _index in seen.values():
        found += one
    say(f"{DATABASE}: OpenSCAP")
    found += read.openscap(DATABASE, keep(f"openscap-{DATABASE}.xml", guideline(DATABASE)))
    say(f"{WEB}: TLS and nginx")
    server = f"{DOMAIN}:443{{{addresses[WEB]}}}"
    said = run(tool("sslyze"), "--mozilla_config=intermediate", server, code=False)
    found += read.sslyze(WEB, keep("sslyze.txt", said))
    settings = keep("nginx.conf", on(WEB, "nginx -T 2>/dev/null"))
    found += read.gixy(WEB, keep("gixy.json", run(tool("gixy"), "-f", "json", "-", code=False, given=settings)))
    # At last: it makes as many connections as it can, and sshd may shut this machine out for a while.
    for host in (WEB, DATABASE):
        say(f"{host}: ssh-audit")
        said = run(tool("ssh-audit"), "--json", addresses[host], code=False)
        found += read.ssh_audit(host, keep(f"ssh-audit-{host}.json", said))
    return found, {host: index for host, (_found, index) in seen.items()}


def main() -> None:
    """Entry point."""
    reasons = read_reasons()
    try:
        found, indexes = look(prepare(), reasons)
    finally:
        if os.environ.get("AUDIT_KEEP") != "1":
            run(sys.executable, "-m", "lab", "down")
    judgement = judge(dict.fromkeys(found), reasons, TOOLS)
    report.write(OUTPUT, PROJECT / "docs/security.md", judgement, indexes, TOOLS)
    print((OUTPUT / "audit.md").read_text())
    for finding in judgement.open:
        print(f"no reason: {finding.tool}, {finding.host}, {finding.name}: {finding.text}", file=sys.stderr)
    for reason in judgement.stale:
        print(
            f"stale reason: {reason.tool}, {reason.host}, {reason.name}: take it out of {report.REASONS}",
            file=sys.stderr,
        )
    sys.exit(1 if judgement.open or judgement.stale else 0)


if __name__ == "__main__":
    main()
