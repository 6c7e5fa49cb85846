"""What the scanner of cloud accounts said, as findings, and the reasons for what stays."""

from __future__ import annotations

from tests.audit.findings import Finding, judge, read_reasons
from tests.aws import posture


def test_what_failed_is_a_finding() -> None:
    said = [
        {
            "status_code": status, "severity": "High", "status_detail": "It is open.", "resources": [{"name": "bucket"}],
            "metadata": {"event_code": "s3_open"},
        }
        for status in ("FAIL", "PASS", "MANUAL")
    ]  # fmt: skip
    assert posture.read(said) == [Finding("prowler", "bucket", "s3_open", "High: It is open.")]


def test_every_reason_says_why_and_a_new_finding_has_none() -> None:
    reasons = read_reasons(posture.REASONS)
    assert {one.tool for one in reasons} == {posture.TOOL}
    new = Finding("prowler", "web1", "ec2_new_check", "High: new")
    judgement = judge([new], reasons, [posture.TOOL])
    assert judgement.open == [new]
    assert judgement.stale == reasons
