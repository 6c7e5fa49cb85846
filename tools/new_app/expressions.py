# SPDX-License-Identifier: MIT
"""What an expression of the settings says without being run: its value where that is written out, and the variables it reads."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

VARIABLE = re.compile(r"[A-Z][A-Z0-9_]{1,60}")
# Words by which projects name what reads the environment: os.environ, django-environ, decouple, environs, a helper of their own.
READERS = re.compile(r"(^|_)(get)?env|environ|(^|_)config($|_)|decouple", re.IGNORECASE)
# What well-known readers call their methods: without a default the variable has to be there. A helper of the project's own
# may have one of its own.
KNOWN = re.compile(
    r"env|environ|config|str|bool|int|float|json|list|tuple|dict|bytes|decimal|url|path|date|datetime|time|timedelta|uuid|"
    r"log_level|db|db_url|dj_db_url|cache|cache_url|dj_cache_url|email|email_url|dj_email_url|search_url|channels|channels_url|enum|.*required.*"
)
# Functions that read DATABASE_URL and the like without being told.
IMPLIED = {"dj_database_url.config": "DATABASE_URL", "env.db": "DATABASE_URL", "env.dj_db_url": "DATABASE_URL",
           "env.db_url": "DATABASE_URL", "env.cache": "CACHE_URL", "env.cache_url": "CACHE_URL"}  # fmt: skip
OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv, ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod, ast.Pow: operator.pow, ast.LShift: operator.lshift, ast.BitOr: operator.or_,
}  # fmt: skip
# What a constant of settings never needs, and what would take memory or time.
MOST = 2**63


@dataclass(frozen=True)
class Variable:
    """A variable of the environment that the settings read."""

    name: str
    required: bool
    default: Any = None


class NotWrittenOutError(ValueError):
    """An expression is more than constants."""


def dotted(node: ast.AST) -> str:
    """``os.environ.get`` of the expression that says so; empty for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = dotted(node.value)
        return f"{before}.{node.attr}" if before else ""
    return ""


def evaluate(node: ast.AST, names: Mapping[str, Any]) -> Any:
    """The value of an expression of constants, such as ``50 * 1024 * 1024`` or ``5 * MB``.

    Args:
        node: the expression.
        names: constants that it may name.

    Raises:
        NotWrittenOutError: there is more in it.
    """
    if isinstance(node, ast.Name) and node.id in names:
        return names[node.id]
    if isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
        return _calculated(node.op, evaluate(node.left, names), evaluate(node.right, names))
    if isinstance(node, (ast.List, ast.Tuple)):
        return [evaluate(one, names) for one in node.elts]
    try:
        return ast.literal_eval(node)  # type: ignore[arg-type]
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError) as error:
        raise NotWrittenOutError from error


def _calculated(operation: ast.operator, left: Any, right: Any) -> Any:
    numbers = isinstance(left, (int, float)) and isinstance(right, (int, float))
    texts = isinstance(left, (str, list)) and type(left) is type(right) and isinstance(operation, ast.Add)
    if not (numbers or texts) or (isinstance(operation, (ast.Pow, ast.LShift)) and not 0 <= right <= 64):
        raise NotWrittenOutError
    try:
        found = OPERATORS[type(operation)](left, right)
    except (ArithmeticError, TypeError, ValueError) as error:
        raise NotWrittenOutError from error
    if numbers and abs(found) > MOST:
        raise NotWrittenOutError
    return found


def strings(node: ast.AST) -> list[str]:
    """All strings in an expression."""
    return [one.value for one in ast.walk(node) if isinstance(one, ast.Constant) and isinstance(one.value, str)]


def reads_the_environment(function: ast.FunctionDef) -> tuple[bool, bool]:
    """Whether a function gives the variable whose name it is told, and whether it raises where there is none."""
    told = {one.arg for one in [*function.args.posonlyargs, *function.args.args]}
    reads = raises = False
    caught = {
        inner
        for one in ast.walk(function)
        if isinstance(one, ast.Try)
        and not any(isinstance(what, ast.Raise) for h in one.handlers for what in ast.walk(h))
        for part in one.body
        for inner in ast.walk(part)
    }
    for one in ast.walk(function):
        if isinstance(one, ast.Subscript) and dotted(one.value).endswith("environ"):
            mine = isinstance(one.slice, ast.Name) and one.slice.id in told
            reads, raises = reads or mine, raises or (mine and one not in caught)
        elif isinstance(one, ast.Call) and dotted(one.func).endswith(("environ.get", "getenv")) and one.args:
            reads = reads or (isinstance(one.args[0], ast.Name) and one.args[0].id in told)
        elif isinstance(one, ast.If) and isinstance(asks_whether_missing(one.test), ast.Name):
            raises = raises or any(isinstance(what, ast.Raise) for what in one.body)
    return reads, reads and raises


def asks_whether_missing(test: ast.expr) -> ast.expr | None:
    """What a condition such as ``not X``, ``X is None`` or ``X == ""`` asks about; None for any other."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return test.operand
    if isinstance(test, ast.Compare) and isinstance(test.ops[0], (ast.Is, ast.Eq)):
        other = test.comparators[0]
        return test.left if isinstance(other, ast.Constant) and other.value in (None, "") else None
    return None


def variables_in(node: ast.AST, own: Mapping[str, bool] | None = None) -> list[Variable]:
    """The variables of the environment that an expression reads, in order.

    Args:
        node: the expression.
        own: functions of the settings that read one, and whether they raise where it is missing.
    """
    found: dict[str, Variable] = {}
    for one in ast.walk(node):
        variable = None
        if isinstance(one, ast.Subscript) and dotted(one.value).endswith("environ") and _is_name(one.slice):
            variable = Variable(one.slice.value, required=True)  # type: ignore[attr-defined]
        elif isinstance(one, ast.Call):
            variable = _read_by(one, own or {})
        if variable and variable.name not in found:
            found[variable.name] = variable
    return list(found.values())


def _is_name(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and bool(VARIABLE.fullmatch(node.value))


def _default_of(call: ast.Call) -> tuple[bool, Any]:
    """Whether a call gives a default, and its value where that is written out."""
    given = call.args[1:2] + [one.value for one in call.keywords if one.arg == "default"]
    if not given:
        return False, None
    try:
        return True, evaluate(given[0], {})
    except NotWrittenOutError:
        return True, None


def _read_by(call: ast.Call, own: Mapping[str, bool]) -> Variable | None:
    name = dotted(call.func)
    if name in IMPLIED and not (call.args and _is_name(call.args[0])):
        other = next((one.value for one in call.keywords if one.arg == "env" and _is_name(one.value)), None)
        given = any(one.arg == "default" for one in call.keywords)
        return Variable(other.value if other is not None else IMPLIED[name], required=not given)  # type: ignore[attr-defined]
    if not call.args or not _is_name(call.args[0]):
        return None
    if name not in own and not any(READERS.search(part) for part in name.split(".")):
        return None
    has_default, default = _default_of(call)
    known = own[name] if name in own else bool(KNOWN.fullmatch(name.rpartition(".")[2]))
    return Variable(call.args[0].value, required=known and not has_default, default=default)  # type: ignore[attr-defined]


def assigned_to(target: ast.expr, value: ast.expr) -> tuple[str, ast.expr]:
    """The name that an assignment is to, and its value: of ``DATABASES["default"] = …`` the whole mapping."""
    if isinstance(target, ast.Name):
        return target.id, value
    if (
        isinstance(target, ast.Subscript)
        and isinstance(target.value, ast.Name)
        and isinstance(target.slice, ast.Constant)
    ):
        return (target.value.id, ast.Dict([target.slice], [value])) if target.slice.value == "default" else ("", value)
    return "", value


def updated_by(statement: ast.stmt) -> tuple[str, ast.expr | None]:
    """The same of ``DATABASES["default"].update(…)``."""
    call = statement.value if isinstance(statement, ast.Expr) else None
    if (
        isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr == "update"
        and isinstance(call.func.value, ast.Subscript)
        and len(call.args) == 1
    ):
        return assigned_to(call.func.value, call.args[0])
    return "", None


def exits(statement: ast.stmt) -> bool:
    """Whether a statement ends the process."""
    call = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(call, ast.Call) and dotted(call.func) in ("sys.exit", "exit")
