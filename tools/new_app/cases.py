# SPDX-License-Identifier: MIT
"""An expression of the settings with its names filled in: one case for each branch, and what chooses it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tools.new_app.expressions import Variable
from tools.new_app.settings import Settings

# Names of names of names: no project goes further, and a name may stand for itself.
DEPTH = 5
# What a flag is given that is read as true, whatever reads it.
TRUE = "True"


@dataclass(frozen=True)
class Case:
    """One of the values that an expression may have."""

    node: ast.expr
    # Each condition on the way to it, and whether it has to hold.
    tests: tuple[tuple[ast.expr, bool], ...] = ()


def cases(settings: Settings, node: ast.expr, depth: int = DEPTH) -> Iterator[Case]:
    """All values of an expression, as far as they can be told."""
    if isinstance(node, ast.IfExp):
        for branch, holds in ((node.body, True), (node.orelse, False)):
            for case in cases(settings, branch, depth):
                yield Case(case.node, ((node.test, holds), *case.tests))
    elif isinstance(node, ast.Name) and depth and node.id in settings.assigned:
        for value in settings.assigned[node.id]:
            own = ((value.condition, value.holds),) if value.condition is not None else ()
            for case in cases(settings, value.node, depth - 1):
                yield Case(case.node, (*own, *case.tests))
    elif isinstance(node, ast.Subscript) and isinstance(node.value, ast.Dict):
        # `{"sqlite": …, "postgres": …}[env("ENGINE")]`: each key is a case of its own.
        for key, branch in zip(node.value.keys, node.value.values, strict=True):
            if key is not None:
                test = ast.Compare(node.slice, [ast.Eq()], [key])
                for case in cases(settings, branch, depth):
                    yield Case(case.node, ((test, True), *case.tests))
    else:
        yield Case(node)


def chosen_by(settings: Settings, test: ast.expr, holds: bool) -> tuple[Variable, str] | None:
    """The variable that decides a condition, and the value with which the condition holds, or does not.

    Returns:
        None where no variable decides it, or where it only asks whether one is set.
    """
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return chosen_by(settings, test.operand, not holds)
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        variables = settings.variables_of(test.left)
        values = _constants(test.comparators[0])
        equal = isinstance(test.ops[0], (ast.Eq, ast.In))
        if not variables or not values or not isinstance(test.ops[0], (ast.Eq, ast.In, ast.NotEq, ast.NotIn)):
            return None
        if equal == holds:
            return variables[0], next((one for one in values if "postgres" in one), values[0])
        return (variables[0], "postgresql") if variables[0].default in values else None
    variables = settings.variables_of(test)
    if len(variables) != 1 or not holds or variables[0].default is True:
        return None
    return variables[0], TRUE


def _constants(node: ast.expr) -> list[str]:
    elements = node.elts if isinstance(node, (ast.List, ast.Tuple, ast.Set)) else [node]
    values: list[Any] = [one.value if isinstance(one, ast.Constant) else None for one in elements]
    return [str(one) for one in values if isinstance(one, (str, int))]
