"""Live values are brought, and unknown keys are refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.django_ec2.site.plugins.module_utils.host_config import sysctl

from .helpers import apply, refused


def test_sysctl_brings_live_values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sysctl, "PROC_SYS", str(tmp_path))
    (tmp_path / "net/core").mkdir(parents=True)
    (tmp_path / "net/core/somaxconn").write_text("128\n")
    (tmp_path / "net/core/rmem").write_text("1\t2\t3\n")
    params = {"sysctl": {"net.core.somaxconn": 1024, "net.core.rmem": "1 2 3"}}
    planned = apply(check_mode=True, diff=True, **params)
    assert planned["changed_sysctl"] == ["net.core.somaxconn"]
    assert (tmp_path / "net/core/somaxconn").read_text() == "128\n"
    assert apply(diff=True, **params) == planned
    assert (tmp_path / "net/core/somaxconn").read_text() == "1024\n"
    assert not apply(**params)["changed"]
    for check_mode in (True, False):
        assert "net.core.typo" in refused(check_mode=check_mode, sysctl={"net.core.typo": 1})
    assert "number or a string" in refused(sysctl={"net.core.somaxconn": True})
