"""Fixtures of what builds releases."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def index() -> None:
    """Skip where uv cannot resolve anything: without network, or with an index that is not there."""
    asked = subprocess.run(
        [str(Path(sys.executable).with_name("uv")), "pip", "compile", "--quiet", "--no-config", "-"],
        input="six==1.17.0\n", capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    if asked.returncode != 0:
        pytest.skip(f"the package index does not answer: {asked.stderr.strip()[-200:]}")
