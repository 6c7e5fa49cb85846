# SPDX-License-Identifier: MIT
"""The kinds of hosts, a package each. `lab.core.kind` says what one of them brings."""

from __future__ import annotations

import importlib
import pkgutil

from lab.core.kind import Kind
from lab.core.settings import LabError


def names() -> list[str]:
    """The kinds that there are."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if module.ispkg)


def find(name: str) -> Kind:
    """A kind by its name.

    Raises:
        LabError: there is no such kind.
    """
    if name not in names():
        raise LabError(f"there is no lab_kind '{name}': choose one of {', '.join(names())}, or leave lab_kind out.")
    return importlib.import_module(f"{__name__}.{name}").KIND
