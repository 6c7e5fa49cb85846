# SPDX-License-Identifier: MIT
"""What a scanner of cloud accounts (prowler) finds on an environment, held against ``reasons.yml``."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tests.audit.findings import Finding
from tests.aws.rehearsal import ROOT

HERE = Path(__file__).resolve().parent
REASONS = HERE / "reasons.yml"
VENV = ROOT / "build/posture/venv"
TOOL = "prowler"
# Those that the roles make something of.
SERVICES = ("acm", "cloudwatch", "ec2", "elbv2", "iam", "rds", "route53", "s3", "secretsmanager", "vpc")
SEVERITIES = ("critical", "high", "medium")


def install() -> None:
    """Bring the scanner, into an environment of its own: it has 250 packages, and they are nobody else's."""
    subprocess.run(["uv", "venv", "--quiet", "--allow-existing", VENV], check=True)
    words = ("--quiet", "--require-hashes", "--python", VENV / "bin/python", HERE / "requirements.txt")
    subprocess.run(["uv", "pip", "sync", *words], check=True)


def scan(variables: Mapping[str, str], output: Path) -> list[Finding]:
    """Look at an account.

    Args:
        variables: of the environment, with which AWS is this account.
        output: where the scanner may write.
    """
    words = [VENV / "bin/prowler", "aws", "--no-banner", "--ignore-exit-code-3", "--status", "FAIL"]
    words += ["--region", variables["AWS_REGION"], "--services", *SERVICES, "--severity", *SEVERITIES]
    words += ["--output-formats", "json-ocsf", "--output-directory", output, "--output-filename", "scan"]
    done = subprocess.run(words, cwd=output, env=dict(variables), capture_output=True, text=True, check=False)
    found = output / "scan.ocsf.json"
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert found.exists(), done.stdout[-3000:] + done.stderr[-3000:]
    return read(json.loads(found.read_text()))


def read(said: Iterable[Mapping[str, Any]]) -> list[Finding]:
    """What failed: the check's name, the resource, and what the scanner says."""
    return [
        Finding(
            TOOL,
            one["resources"][0]["name"],
            one["metadata"]["event_code"],
            f"{one['severity']}: {one['status_detail']}",
        )
        for one in said
        if one["status_code"] == "FAIL"
    ]
