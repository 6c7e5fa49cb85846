"""The playbook of imports works with several database hosts, of which one takes writes."""

from __future__ import annotations

from pathlib import Path

import yaml


def test_the_primary_is_known_before_the_role_is_asked(root: Path) -> None:
    plays = yaml.safe_load((root / "playbooks/database_import.yml").read_text())
    prepared = next(n for n, play in enumerate(plays) if play.get("import_playbook") == "parts/prepare.yml")
    assert prepared < min(n for n, play in enumerate(plays) if "database_import_host" in play.get("vars", {}))
