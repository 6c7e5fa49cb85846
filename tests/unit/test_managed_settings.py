"""What managed_settings.py sets in the project's place, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path


def managed(root: Path, directory: Path, names: list[str], **variables: str) -> dict[str, object]:
    """Some settings, as a process with these variables has them."""
    (directory / "project_settings.py").write_text("ALLOWED_HOSTS = []\n")
    (directory / "django.py").write_text("VERSION = (5, 2)\n")
    program = f"import json, managed_settings as m; print(json.dumps({{n: getattr(m, n) for n in {names!r}}}))"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={
            **os.environ,
            "PYTHONPATH": f"{directory}:{root / 'roles/release/files/support'}",
            "MANAGED_SETTINGS_MODULE": "project_settings",
            **variables,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_wildcard_is_written_as_django_wants_it(root: Path, tmp_path: Path) -> None:
    variables = {"MANAGED_SETTINGS": "hosts", "MANAGED_DOMAINS": "www.example.org,*.tenants.example.org"}
    assert managed(root, tmp_path, ["ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS"], **variables) == {
        "ALLOWED_HOSTS": ["www.example.org", ".tenants.example.org"],
        "CSRF_TRUSTED_ORIGINS": ["https://www.example.org", "https://*.tenants.example.org"],
    }
