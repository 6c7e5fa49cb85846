"""How the audit reads its tools, and holds what they found against reasons."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.audit import read, report
from tests.audit.findings import Finding, Reason, judge, profile, read_reasons

RULES = [
    {"ports": [22], "protocol": "tcp", "networks": ["0.0.0.0/0", "::/0"]},
    {"ports": [5432], "protocol": "tcp", "networks": ["10.0.0.4/32"]},
    {"ports": [123], "protocol": "udp", "networks": ["0.0.0.0/0"]},
]


def port(number: int, state: str) -> str:
    return f'<port protocol="tcp" portid="{number}"><state state="{state}"/></port>'


def test_the_intended_ports_are_those_that_an_address_may_reach() -> None:
    assert read.intended_ports(RULES, "10.0.0.9") == [22]
    assert read.intended_ports(RULES, "10.0.0.4") == [22, 5432]
    assert read.intended_ports(RULES, "2001:db8::1") == [22]


def test_a_port_is_a_finding_where_it_is_open_and_not_meant_or_meant_and_not_open() -> None:
    text = f"<nmaprun><host><ports>{port(22, 'open')}{port(6379, 'open')}{port(80, 'closed')}</ports></host></nmaprun>"
    assert [one.name for one in read.nmap("web1", text, [22, 80])] == ["open:6379", "closed:80"]
    with pytest.raises(ValueError, match="has not looked"):
        read.nmap("web1", "<nmaprun></nmaprun>", [])


def test_ssh_audit_warns_and_fails_by_algorithm() -> None:
    said = {
        "kex": [{"algorithm": "a", "notes": {"warn": ["weak"]}}, {"algorithm": "b", "notes": {"info": ["fine"]}}],
        "key": [{"algorithm": "c", "notes": {"fail": ["broken"]}}], "enc": [], "mac": [{"algorithm": "d"}],
    }  # fmt: skip
    found = read.ssh_audit("web1", json.dumps(said))
    assert [(one.name, one.text) for one in found] == [("kex:a", "weak"), ("key:c", "broken")]
    notes = ["a possible DHEat DoS attack", "mind the Terrapin vulnerability", "something else"]
    found = read.ssh_audit("web1", json.dumps({"kex": [], "key": [], "enc": [], "mac": [], "additional_notes": notes}))
    assert [one.name for one in found] == ["DHEat", "Terrapin", "note"]


def test_sslyze_names_what_differs_and_a_scan_without_verdict_is_none() -> None:
    head = " * ROBOT Attack:\n     VULNERABLE - Strong oracle\n COMPLIANCE AGAINST TLS CONFIGURATION\n"
    found = read.sslyze(
        "web1", f"{head}  a:443: FAILED - Not compliant.\n        * tls_versions: TLSv1 is supported.\n"
    )
    assert ("tls_versions", "TLSv1 is supported.") in [(one.name, one.text) for one in found]
    assert any("VULNERABLE" in one.text for one in found)
    clean = " COMPLIANCE AGAINST TLS CONFIGURATION\n  a:443: OK - Compliant.\n"
    assert read.sslyze("web1", clean) == []
    with pytest.raises(ValueError, match="no verdict"):
        read.sslyze("web1", "could not connect")


def test_units_that_run_are_held_to_the_limit() -> None:
    said = [
        {"unit": f"{name}.service", "exposure": value} for name, value in (("a", "2.5"), ("b", "2.6"), ("c", "9.6"))
    ]
    assert [one.name for one in read.systemd("web1", json.dumps(said), ["a.service", "b.service"])] == ["b.service"]


def test_lynis_has_an_index_and_names_settings_of_sshd_one_by_one() -> None:
    text = "suggestion[]=SSH-7408|Consider|Port (set 22 to )|-|\nwarning[]=PKGS-7392|Found|-|-|\nhardening_index=66\n"
    index, found = read.lynis("web1", text)
    assert (index, [one.name for one in found]) == (66, ["SSH-7408:Port", "PKGS-7392"])
    with pytest.raises(ValueError, match="did not come to its end"):
        read.lynis("web1", "")


def test_a_finding_needs_a_reason_and_a_reason_a_finding() -> None:
    found = [Finding("gixy", "web1", "a", "x"), Finding("gixy", "web2", "b", "y")]
    reasons = [
        Reason("gixy", "a", "why", host="web1"), Reason("gixy", "b", "why", host="web1"), Reason("gixy", "c", "why", sometimes=True),
        Reason("nmap", "*", "it did not run"),
    ]  # fmt: skip
    judgement = judge(found, reasons, ["gixy"])
    assert judgement.open == [found[1]]
    assert judgement.explained == [(found[0], reasons[0])]
    assert judgement.stale == [reasons[1]]


def test_the_reasons_that_there_are_can_be_read(tmp_path: Path) -> None:
    assert {one.tool for one in read_reasons()} <= set(report.LOOKS_AT)
    for text in (
        "gixy: [{name: a}]",
        "gixy: [{why: b}]",
        "gixy: [{name: a, why: ' '}]",
        "gixy: [{name: a, why: b, until: c}]",
    ):
        (tmp_path / "reasons.yml").write_text(text)
        with pytest.raises(ValueError, match="needs a name and a why"):
            read_reasons(tmp_path / "reasons.yml")


def test_the_table_says_a_missed_goal(tmp_path: Path) -> None:
    page = tmp_path / "security.md"
    page.write_text(f"# Security\n{report.BEGIN}\nold\n{report.END}\nrest\n")
    judgement = judge([Finding("gixy", "web1", "a", "x")], [], ["gixy"])
    report.write(tmp_path, page, judgement, {"web1": 66, "db1": 90}, ["gixy"], day="2026-11-26")
    text = page.read_text()
    assert "| gixy | nginx's configuration | 1 | 0 |" in text
    assert "90 on db1, 66 on web1 (goal 85; the goal is missed)" in text
    assert text.endswith(f"{report.END}\nrest\n")
    assert "old" not in text
    assert json.loads((tmp_path / "audit.json").read_text())["open"][0]["name"] == "a"


def test_openscap_names_the_rules_that_are_not_kept() -> None:
    def rule(name: str, result: str) -> tuple[str, str]:
        name = f"xccdf_org.ssgproject.content_rule_{name}"
        return (
            f'<Rule id="{name}"><title>Title of it</title></Rule>',
            f'<rule-result idref="{name}"><result>{result}</result></rule-result>',
        )

    def results(*rules: tuple[str, str]) -> str:
        parts = "".join(one for one, _ in rules) + "".join(other for _, other in rules)
        return f'<Benchmark xmlns="http://checklists.nist.gov/xccdf/1.2">{parts}</Benchmark>'

    found = read.openscap("db1", results(rule("a", "pass"), rule("b", "fail"), rule("c", "notapplicable")))
    assert [(one.name, one.text) for one in found] == [("b", "Title of it (fail)")]
    with pytest.raises(ValueError, match="looked at nothing"):
        read.openscap("db1", results(rule("a", "notapplicable")))


def test_a_test_that_is_left_out_is_in_the_profile_and_never_stale() -> None:
    reasons = [Reason("lynis", "USB-3000", "why", left_out=True), Reason("lynis", "A-1", "why")]
    assert profile(reasons) == "skip-test=USB-3000\n"
    judgement = judge([], reasons, ["lynis"])
    assert (judgement.stale, judgement.left_out) == ([reasons[1]], [reasons[0]])


def test_a_profile_has_no_patterns() -> None:
    """lynis takes names of tests and no more."""
    assert not [one for one in read_reasons() if one.left_out and ("*" in one.name or one.host != "*")]
