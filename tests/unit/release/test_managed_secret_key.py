"""Django's secret key while it is replaced: another one counts where the entry has it, and only then."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

SUPPORT = Path(__file__).resolve().parents[3] / "roles/release/files/support"


def fallbacks(directory: Path, **environment: str) -> list[str]:
    (directory / "shop_settings.py").write_text('SECRET_KEY = "own"\nSECRET_KEY_FALLBACKS = ["of the project"]\n')
    code = "import json, managed_settings as s; print(json.dumps([s.SECRET_KEY, *s.SECRET_KEY_FALLBACKS]))"
    given = {"MANAGED_SETTINGS": "secret_key", "MANAGED_SETTINGS_MODULE": "shop_settings", "SECRET_KEY": "new"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": f"{SUPPORT}:{directory}", "MANAGED_EXTRA": "{}", **given, **environment},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_keys_that_still_count_are_set_in_the_projects_place(tmp_path: Path) -> None:
    assert fallbacks(tmp_path) == ["new", "of the project"]
    assert fallbacks(tmp_path, SECRET_KEY_FALLBACKS="old,older") == ["new", "old", "older"]
