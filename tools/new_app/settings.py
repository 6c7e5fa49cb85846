"""Read a project's settings as text: what is written there, and what comes from the environment."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
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


@dataclass(frozen=True)
class Variable:
    """A variable of the environment that the settings read."""

    name: str
    required: bool
    default: Any = None


@dataclass
class Value:
    """What a setting is made of."""

    node: ast.expr
    module: str
    # Whether it stands below an `if` or a `try`: then it may have another value.
    condition: ast.expr | None = None
    conditional: bool = False
    variables: list[Variable] = field(default_factory=list)

    @property
    def condition_text(self) -> str:
        """The condition as it is written; empty without one."""
        return ast.unparse(self.condition) if self.condition else ""

    @property
    def literal(self) -> Any:
        """The value, where it is written out; None where it is computed."""
        try:
            return ast.literal_eval(self.node)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
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
        return [
            one.value for one in ast.walk(self.node) if isinstance(one, ast.Constant) and isinstance(one.value, str)
        ]


def dotted(node: ast.AST) -> str:
    """``os.environ.get`` of the expression that says so; empty for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = dotted(node.value)
        return f"{before}.{node.attr}" if before else ""
    return ""


def _default_of(call: ast.Call) -> tuple[bool, Any]:
    """Whether a call gives a default, and its value where that is written out."""
    given = call.args[1:2] + [one.value for one in call.keywords if one.arg == "default"]
    if not given:
        return False, None
    try:
        return True, ast.literal_eval(given[0])
    except (ValueError, TypeError, SyntaxError):
        return True, None


def variables_in(node: ast.AST) -> list[Variable]:
    """The variables of the environment that an expression reads, in order."""
    found: dict[str, Variable] = {}
    for one in ast.walk(node):
        variable = None
        if isinstance(one, ast.Subscript) and dotted(one.value).endswith("environ") and _is_name(one.slice):
            variable = Variable(one.slice.value, required=True)  # type: ignore[attr-defined]
        elif isinstance(one, ast.Call):
            variable = _read_by(one)
        if variable and variable.name not in found:
            found[variable.name] = variable
    return list(found.values())


def _is_name(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and bool(VARIABLE.fullmatch(node.value))


def _read_by(call: ast.Call) -> Variable | None:
    name = dotted(call.func)
    if name in IMPLIED and not (call.args and _is_name(call.args[0])):
        own = next((one.value for one in call.keywords if one.arg == "env" and _is_name(one.value)), None)
        given = any(one.arg == "default" for one in call.keywords)
        return Variable(own.value if own is not None else IMPLIED[name], required=not given)  # type: ignore[attr-defined]
    if not call.args or not _is_name(call.args[0]) or not any(READERS.search(part) for part in name.split(".")):
        return None
    last = name.rpartition(".")[2]
    has_default, default = _default_of(call)
    optional = has_default or not KNOWN.fullmatch(last)
    return Variable(call.args[0].value, required=not optional, default=default)  # type: ignore[attr-defined]


class Settings:
    """The settings of a module and of those that it takes over with ``from … import *``."""

    def __init__(self, roots: list[Path]) -> None:
        self.roots = roots
        self.values: dict[str, Value] = {}
        self.variables: dict[str, Variable] = {}
        self.modules: list[str] = []
        self.unread: list[str] = []
        # What each name of the files was made of.
        self.names: dict[str, list[Variable]] = {}
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

    def _note(self, node: ast.AST, conditional: bool) -> None:
        """Remember the variables that something reads. What stands below a condition can be left out."""
        for variable in variables_in(node):
            known = self.variables.get(variable.name)
            seen = replace(variable, required=variable.required and not conditional)
            if known is None or (seen.required and not known.required):
                self.variables[variable.name] = seen

    def _statements(
        self, body: list[ast.stmt], module: str, is_package: bool, conditional: bool, condition: ast.expr | None = None
    ) -> None:
        for statement in body:
            if isinstance(statement, ast.ImportFrom) and any(one.name == "*" for one in statement.names):
                self._take_over(absolute(statement, module, is_package), conditional)
            elif isinstance(statement, (ast.Assign, ast.AnnAssign)):
                targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
                for target in targets:
                    if statement.value is not None and isinstance(target, ast.Name):
                        self._assign(target.id, Value(statement.value, module, condition, conditional))
                self._note(statement, conditional)
            elif isinstance(statement, (ast.If, ast.Try, ast.With)):
                test = statement.test if isinstance(statement, ast.If) else None
                if test is not None:
                    self._note(test, conditional)
                    for one in ast.walk(test):
                        if isinstance(one, ast.NamedExpr) and isinstance(one.target, ast.Name):
                            self.names[one.target.id] = variables_in(one.value)
                inner = [getattr(statement, "orelse", []), getattr(statement, "finalbody", [])]
                inner += [one.body for one in getattr(statement, "handlers", [])]
                self._statements(statement.body, module, is_package, True, test)
                for part in inner:
                    self._statements(part, module, is_package, conditional=True)
            elif not isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
                self._note(statement, conditional)

    def _take_over(self, module: str, conditional: bool) -> None:
        if conditional and find_module(module, self.roots) is None:
            self.optional.append(module)
        else:
            self.read(module)

    def _assign(self, name: str, value: Value) -> None:
        value.variables = variables_in(value.node)
        if not value.variables:
            # What was read before, into a name of the file's own.
            used = [one.id for one in ast.walk(value.node) if isinstance(one, ast.Name)]
            value.variables = list(dict.fromkeys(variable for one in used for variable in self.names.get(one, [])))
        self.names[name] = value.variables
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
