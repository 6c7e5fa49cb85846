# SPDX-License-Identifier: MIT
"""What a person runs by hand, from the repository's root: ``python -m tools.new_app``.

The collection is imported by its own name, as everywhere else: Ansible finds it by ansible.cfg, pytest by pyproject.toml, and what is
run as ``python -m tools.…`` by the line below.
"""

import sys
from pathlib import Path

_COLLECTIONS = str(Path(__file__).resolve().parents[1] / "collections")
if _COLLECTIONS not in sys.path:
    sys.path.append(_COLLECTIONS)
