"""``python -m tests.bench.database [NAME …]``: the measurements, one after the other."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

# A file beside this one is a measurement if it has a `main`; `programs/` has what runs on the hosts.
MEASUREMENTS = sorted(
    path.stem
    for path in Path(__file__).parent.glob("*.py")
    if not path.stem.startswith("_") and "\ndef main(" in path.read_text()
)

for name in sys.argv[1:] or MEASUREMENTS:
    if name not in MEASUREMENTS:
        sys.exit(f"ONLY={name} names no measurement: there are {', '.join(MEASUREMENTS)}.")
    importlib.import_module(f"{__package__}.{name}").main()
