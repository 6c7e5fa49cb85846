# SPDX-License-Identifier: MIT
"""The project's Python modules: where they lie, and which one is chosen as the settings."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from tools.new_app.expressions import dotted


def absolute(statement: ast.ImportFrom, module: str, is_package: bool) -> str:
    """The module that an import names, from inside another."""
    if not statement.level:
        return statement.module or ""
    parts = module.split(".")
    parts = parts[: len(parts) - statement.level + (1 if is_package else 0)]
    return ".".join([*parts, *([statement.module] if statement.module else [])])


def find_module(module: str, roots: list[Path]) -> Path | None:
    """The file of a dotted module below one of some directories."""
    if not re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", module):
        return None
    for root in roots:
        base = root.joinpath(*module.split("."))
        for path in (base.with_suffix(".py"), base / "__init__.py"):
            if path.is_file():
                return path
    return None


def settings_module_in(path: Path) -> str:
    """The module that a manage.py or wsgi.py chooses by DJANGO_SETTINGS_MODULE; empty where it cannot be told."""
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (OSError, SyntaxError, UnicodeDecodeError, ValueError):
        return ""
    for node in ast.walk(tree):
        words: list[ast.expr] = []
        if isinstance(node, ast.Call) and dotted(node.func).endswith(("environ.setdefault", "putenv")):
            words = node.args
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript):
            words = [node.targets[0].slice, node.value]
        texts = [one.value if isinstance(one, ast.Constant) else None for one in words]
        if len(texts) == 2 and texts[0] == "DJANGO_SETTINGS_MODULE" and isinstance(texts[1], str):
            return texts[1]
    return ""
