# SPDX-License-Identifier: MIT
"""Read a project's settings as text: what is written there, and what comes from the environment."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tools.new_app.expressions import (
    NotWrittenOutError,
    Variable,
    asks_whether_missing,
    assigned_to,
    dotted,
    evaluate,
    exits,
    reads_the_environment,
    strings,
    updated_by,
    variables_in,
)
from tools.new_app.modules import absolute, find_module


@dataclass
class Value:
    """What a setting is made of."""

    node: ast.expr
    module: str
    # Whether it stands below an `if` or a `try`: then it may have another value. `holds` is false below its `else`.
    condition: ast.expr | None = None
    conditional: bool = False
    holds: bool = True
    variables: list[Variable] = field(default_factory=list)
    # Constants that were assigned before it.
    constants: Mapping[str, Any] = field(default_factory=dict)

    @property
    def condition_text(self) -> str:
        """The condition as it is written; empty without one."""
        return ast.unparse(self.condition) if self.condition else ""

    @property
    def literal(self) -> Any:
        """The value, where it is written out or calculated from constants; None where more is needed."""
        try:
            return evaluate(self.node, self.constants)
        except NotWrittenOutError:
            return None

    @property
    def text(self) -> str:
        """How it is written, on one line."""
        return " ".join(ast.unparse(self.node).split())

    @property
    def weight(self) -> int:
        """How much it says about a server: a URL from the environment most, what is written out least."""
        if any(one.name.endswith("URL") for one in self.variables):
            return 3
        return (2 if any("postgres" in text for text in self.strings()) else 1) if self.variables else 0

    @property
    def bare(self) -> bool:
        """Whether it is the text of a variable itself, made into nothing else."""
        name = dotted(self.node.func) if isinstance(self.node, ast.Call) else ""
        return name in ("os.environ.get", "os.getenv", "environ.get", "getenv")

    def strings(self) -> list[str]:
        """All strings in it."""
        return strings(self.node)


class Settings:
    """The settings of a module and of those that it takes over with ``from … import *``."""

    def __init__(self, roots: list[Path]) -> None:
        self.roots = roots
        self.values: dict[str, Value] = {}
        self.variables: dict[str, Variable] = {}
        self.modules: list[str] = []
        self.unread: list[str] = []
        # What each name of the files was made of, and all that was assigned to it.
        self.names: dict[str, list[Variable]] = {}
        self.assigned: dict[str, list[Value]] = {}
        self.constants: dict[str, Any] = {}
        # Functions of the files that read a variable, and whether they raise where it is missing.
        self.readers: dict[str, bool] = {}
        # Taken over where they exist, and they do not.
        self.optional: list[str] = []

    def read(self, module: str) -> Settings:
        """Read a module; what it assigns later wins, as in Python."""
        if module in self.modules:
            return self
        self.modules.append(module)
        path = find_module(module, self.roots)
        if path is None:
            self.unread.append(module)
            return self
        try:
            tree = ast.parse(path.read_text(encoding="utf-8"))
        except (SyntaxError, UnicodeDecodeError, ValueError):
            self.unread.append(module)
            return self
        self._statements(tree.body, module, path.name == "__init__.py", conditional=False)
        return self

    def variables_of(self, node: ast.AST) -> list[Variable]:
        """The variables that an expression reads, or those of the names in it."""
        found = variables_in(node, self.readers)
        if found:
            return found
        used = [one.id for one in ast.walk(node) if isinstance(one, ast.Name)]
        return list(dict.fromkeys(variable for one in used for variable in self.names.get(one, [])))

    def _note(self, node: ast.AST, conditional: bool) -> None:
        """Remember the variables that something reads. What stands below a condition can be left out."""
        branches = [part for one in ast.walk(node) if isinstance(one, ast.IfExp) for part in (one.body, one.orelse)]
        chosen = {one.name for part in branches for one in variables_in(part, self.readers)}
        for variable in variables_in(node, self.readers):
            known = self.variables.get(variable.name)
            seen = replace(variable, required=variable.required and not conditional and variable.name not in chosen)
            if known is None or (seen.required and not known.required):
                self.variables[variable.name] = seen

    def _statements(
        self,
        body: list[ast.stmt],
        module: str,
        is_package: bool,
        conditional: bool,
        condition: ast.expr | None = None,
        holds: bool = True,
    ) -> None:
        for statement in body:
            if isinstance(statement, ast.ImportFrom) and any(one.name == "*" for one in statement.names):
                self._take_over(absolute(statement, module, is_package), conditional)
            elif isinstance(statement, ast.ImportFrom):
                self._readers_of(absolute(statement, module, is_package), {one.name for one in statement.names})
            elif isinstance(statement, (ast.Assign, ast.AnnAssign)):
                targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
                for target in targets if statement.value is not None else ():
                    name, node = assigned_to(target, statement.value)  # type: ignore[arg-type]
                    if name:
                        self._assign(name, Value(node, module, condition, conditional, holds))
                self._note(statement, conditional)
            elif isinstance(statement, ast.FunctionDef):
                reads, raises = reads_the_environment(statement)
                if reads:
                    self.readers[statement.name] = raises
            elif isinstance(statement, (ast.If, ast.Try, ast.With)):
                self._block(statement, module, is_package, conditional)
            elif not isinstance(statement, ast.ClassDef):
                if isinstance(statement, ast.Assert):
                    self._require(statement.test)
                name, node = updated_by(statement)
                if name and node is not None:
                    self._assign(name, Value(node, module, condition, conditional, holds))
                self._note(statement, conditional)

    def _block(self, statement: ast.If | ast.Try | ast.With, module: str, is_package: bool, conditional: bool) -> None:
        test = statement.test if isinstance(statement, ast.If) else None
        if test is not None:
            self._note(test, conditional)
            for one in ast.walk(test):
                if isinstance(one, ast.NamedExpr) and isinstance(one.target, ast.Name):
                    self.names[one.target.id] = variables_in(one.value, self.readers)
            if not conditional and any(isinstance(one, ast.Raise) or exits(one) for one in statement.body):
                self._require(asks_whether_missing(test))
        self._statements(statement.body, module, is_package, True, test)
        self._statements(getattr(statement, "orelse", []), module, is_package, True, test, holds=False)
        for part in [getattr(statement, "finalbody", []), *(one.body for one in getattr(statement, "handlers", []))]:
            self._statements(part, module, is_package, conditional=True)

    def _require(self, asked: ast.expr | None) -> None:
        """The settings end here without the variable in an expression: `if not KEY: raise …`, `assert KEY`."""
        if not isinstance(asked, (ast.Name, ast.Call)):
            return
        for variable in self.variables_of(asked):
            if variable.default in (None, ""):
                self.variables[variable.name] = replace(variable, required=True)

    def _take_over(self, module: str, conditional: bool) -> None:
        if conditional and find_module(module, self.roots) is None:
            self.optional.append(module)
        else:
            self.read(module)

    def _readers_of(self, module: str, names: set[str]) -> None:
        """Functions of another of the project's files that read a variable."""
        path = find_module(module, self.roots)
        if path is None:
            return
        try:
            tree = ast.parse(path.read_text(encoding="utf-8"))
        except (SyntaxError, UnicodeDecodeError, ValueError):
            return
        for one in tree.body:
            if isinstance(one, ast.FunctionDef) and one.name in names:
                reads, raises = reads_the_environment(one)
                if reads:
                    self.readers[one.name] = raises

    def _assign(self, name: str, value: Value) -> None:
        value.variables = self.variables_of(value.node)
        value.constants = dict(self.constants)
        self.names[name] = value.variables
        self.assigned.setdefault(name, []).append(value)
        literal = value.literal
        if literal is not None:
            self.constants[name] = literal
        else:
            self.constants.pop(name, None)
        before = self.values.get(name)
        # Of several values, one for each case, the one that reads the environment is the one of a server.
        if (
            value.conditional
            and before
            and (before.weight > value.weight or (not before.conditional and not value.weight))
        ):
            return
        if name.isupper():
            self.values[name] = value

    def get(self, name: str) -> Value | None:
        """A setting, or None where the project does not set it."""
        return self.values.get(name)

    def strings(self, name: str) -> list[str]:
        """All strings in a setting; none where the project does not set it."""
        value = self.values.get(name)
        return value.strings() if value else []

    def literal(self, name: str, otherwise: Any = None) -> Any:
        """The value of a setting that is written out."""
        value = self.values.get(name)
        found = value.literal if value else None
        return otherwise if found is None else found
