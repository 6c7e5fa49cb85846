# SPDX-License-Identifier: MIT
"""What a tree was, and what of it was changed since."""

from __future__ import annotations

import os
from pathlib import Path

from ansible_collections.django_ec2.site.plugins.module_utils.release import manifest

SECOND = 10**9


def test_a_copy_of_a_disk_that_keeps_seconds_is_the_same_when_it_is_read(tmp_path: Path) -> None:
    file = tmp_path / "app.py"
    file.write_text("x = 1\n")
    os.utime(file, ns=(5 * SECOND + 7, 5 * SECOND + 7))
    manifest.write(tmp_path)
    assert manifest.compare(tmp_path) == manifest.compare(tmp_path, contents=True) == {}
    os.utime(file, ns=(5 * SECOND, 5 * SECOND))
    assert manifest.compare(tmp_path) == {"app.py": manifest.CHANGED}
    assert manifest.compare(tmp_path, contents=True) == {}
    # Another second is another file to what was compiled of it; so is another content.
    os.utime(file, ns=(6 * SECOND, 6 * SECOND))
    assert manifest.compare(tmp_path, contents=True) == {"app.py": manifest.CHANGED}
    file.write_text("x = 2\n")
    os.utime(file, ns=(5 * SECOND, 5 * SECOND))
    assert manifest.compare(tmp_path, contents=True) == {"app.py": manifest.CHANGED}
