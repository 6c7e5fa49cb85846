# SPDX-License-Identifier: MIT
"""A Django project as it lies there: its manage.py, its settings and their module for a server."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.django_ec2.site.plugins.plugin_utils.applications.schema import MANAGED_SETTINGS

from tools.new_app import NewAppError, requirements
from tools.new_app.expressions import Variable
from tools.new_app.modules import find_module, settings_module_in
from tools.new_app.settings import Settings
from tools.new_app.source import files_of

SERVER_MODULES = ("production", "prod", "live", "deploy", "server")
WORKSHOP_MODULES = ("base", "common", "defaults", "dev", "devel", "development", "local", "debug", "test", "testing")


@dataclass
class Draft:
    """An entry, what it rests on, and what could not be told."""

    name: str
    domain: str
    # Whose hosts it is for: lab and local run on this machine.
    environment: str = "lab"
    entry: dict[str, Any] = field(default_factory=dict)
    # Each setting that is proposed for managed_settings, and why.
    managed: dict[str, str] = field(default_factory=dict)
    found: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)
    # What only the owner can answer, and without which the site would not run as it should.
    questions: list[str] = field(default_factory=list)

    @property
    def given(self) -> set[str]:
        """The variables that have a value in the entry."""
        return {*self.entry.get("environment", {}), *self.entry.get("secret_environment", {})}

    def give(self, variable: Variable, value: str, secretly: bool = False) -> None:
        """Give a variable of the environment its value, unless an earlier rule has."""
        if variable.name not in self.given:
            self.give_name(variable.name, value, secretly)

    def give_name(self, name: str, value: str, secretly: bool = False) -> None:
        """Give a variable its value, whatever it had."""
        self.entry.setdefault("secret_environment" if secretly else "environment", {})[name] = value

    def secret(self, name: str) -> str:
        """How the entry refers to one of its secrets."""
        return f"{{{{ secrets.applications.{self.name}.{name} }}}}"

    def read(self) -> dict[str, Any]:
        """The entry as playbooks read it at first: no rotation has named a login yet."""
        return {**self.entry, "database": {**self.entry["database"], "login": ""}}

    def manage(self, setting: str, reason: str) -> None:
        """Propose that the product sets something in the project's place."""
        self.managed[setting] = reason

    def ask_first(self, question: str) -> None:
        """Put a question before those that are in the entry already."""
        self.questions.insert(0, question)
        self.entry["open_questions"] = list(self.questions)

    def finish(self) -> None:
        """Bring the managed settings into their order and into the entry."""
        self.managed = {name: self.managed[name] for name in MANAGED_SETTINGS if name in self.managed}
        if self.managed:
            self.entry["managed_settings"] = list(self.managed)
        if self.questions:
            self.entry["open_questions"] = list(self.questions)


@dataclass
class Project:
    """The files of a project and what was read from them."""

    root: Path
    files: list[Path]
    manage: Path
    settings_module: str
    settings: Settings
    requirements: requirements.Requirements
    python_path: list[str]

    @property
    def directory(self) -> Path:
        """The directory of manage.py, below the root."""
        return self.manage.parent

    @property
    def roots(self) -> list[Path]:
        """Where Python finds the project's modules."""
        return self.settings.roots

    def text(self, path: Path) -> str:
        """The content of one of its files."""
        return (self.root / path).read_text(encoding="utf-8", errors="replace")

    def python_files(self) -> list[Path]:
        """Its Python files, without tests."""
        return [path for path in self.files if path.suffix == ".py" and "tests" not in path.parts]


def find(root: Path, draft: Draft) -> Project:
    files = files_of(root)
    found = [
        path for path in files if path.name == "manage.py" and "django" in (root / path).read_text(errors="replace")
    ]
    if not found:
        python = sum(path.suffix == ".py" for path in files)
        seen = f"{python} Python files and no manage.py" if python else "no Python file"
        raise NewAppError(
            f"{root} is no Django project: there is {seen} in it. Give the directory (or the git URL) that holds the project's "
            "manage.py, directly or in a directory below it."
        )
    found.sort(key=lambda path: (len(path.parts), path))
    manage = found[0]
    if len(found) > 1:
        draft.open.append(
            f"There are {len(found)} manage.py: {', '.join(map(str, found[:5]))}. The first was taken; for another one give its "
            "directory as SOURCE."
        )
    wanted = settings_module_in(root / manage)
    directory = root / manage.parent
    roots = list(dict.fromkeys([directory, directory / "src", root, root / "src"]))
    if not wanted:
        wanted = _unstated(root, files, directory, draft)
    module = _server_module(root, files, wanted, roots, draft)
    path = find_module(module, roots)
    python_path = []
    if path is not None:
        top = next(one for one in roots if find_module(module, [one]) == path)
        if top != directory:
            python_path = [str(top.relative_to(root))]
    settings = Settings(roots).read(module)
    for one in settings.unread:
        draft.open.append(
            f"The settings module {one} was not found below {', '.join(python_path) or manage.parent}: what it sets is not in this draft. "
            "If another file makes it on the server, write what it needs into environment."
        )
    if settings.optional:
        draft.found.append(
            f"{', '.join(settings.optional)} is read where it exists; it is not in the source, and not needed here."
        )
    place = _requirements_root(root, directory)
    below = "" if place == root else str(place.relative_to(root))
    return Project(root, files, manage, module, settings, requirements.read(place, below), python_path)


def _unstated(root: Path, files: list[Path], directory: Path, draft: Draft) -> str:
    """The settings module where manage.py names none: a settings.py, or the base of a package of that name."""
    names = ("settings.py", *(f"settings/{one}.py" for one in (*SERVER_MODULES, "base", "common", "__init__")))
    candidates = [path for name in names for path in files if path.match(name)]
    if not candidates:
        raise NewAppError(
            f"{root}: its manage.py names no settings module and there is no settings.py: a draft needs one. Write "
            "os.environ.setdefault('DJANGO_SETTINGS_MODULE', '<project>.settings') into manage.py as Django's template does."
        )
    parts = (root / candidates[0]).relative_to(directory if (root / candidates[0]).is_relative_to(directory) else root)
    found = ".".join(part for part in parts.with_suffix("").parts if part != "__init__")
    draft.open.append(
        f"manage.py chooses its settings in a way that cannot be read: {found} was taken. Check settings_module."
    )
    return found


def _requirements_root(root: Path, directory: Path) -> Path:
    names = ("requirements.txt", "pyproject.toml", "uv.lock", "requirements")
    return root if any((root / name).exists() for name in names) or directory == root else directory


def _server_module(root: Path, files: list[Path], wanted: str, roots: list[Path], draft: Draft) -> str:
    """The settings module of a server: the one of wsgi.py when it differs, or a sibling that is named for it."""
    in_wsgi = [settings_module_in(root / path) for path in files if path.name == "wsgi.py"]
    chosen, why = wanted, "manage.py names it"
    for module in filter(None, in_wsgi):
        if module != wanted and find_module(module, roots):
            chosen, why = module, f"wsgi.py names it (manage.py: {wanted})"
    package, _, last = chosen.rpartition(".")
    # The package of a module that is one of several, or the package that the module itself is.
    for parent in (chosen, package if last in WORKSHOP_MODULES else ""):
        siblings = [f"{parent}.{one}" for one in SERVER_MODULES if parent and find_module(f"{parent}.{one}", roots)]
        if siblings:
            chosen, why = siblings[0], f"its name says that it is for a server (manage.py: {wanted})"
            break
    draft.found.append(f"Settings: {chosen}; {why}.")
    return chosen
