"""Promises of the repository as a whole that no single tool checks."""

from __future__ import annotations

import ast
import functools
import importlib
import importlib.metadata
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

ROOT = Path(__file__).resolve().parents[2]
ROLES = sorted(path.name for path in (ROOT / "roles").iterdir() if path.is_dir())
COLLECTION = "django_ec2.site"
PLUGINS = ROOT / "collections" / "ansible_collections" / "django_ec2" / "site" / "plugins"
MODULES = sorted((PLUGINS / "modules").glob("*.py"))
# collections/requirements.yml is what AWX installs; its versions are those of this release of the package `ansible`.
ANSIBLE = "12.3.0"
# Words that name a package index. Written in parts, so that this file does not hold them.
INDEX = [
    re.compile(word)
    for word in ("(extra-)?index" "-url", "index" "_url", "https?://[^ \"'`)>]+/simple" r"\b", "find" "-links")
]  # fmt: skip
# The Makefile tells uv to leave the index out of the lock; that option has the words in its name.
ALLOWED = "--no-emit-index-url"


@functools.cache
def tracked() -> list[Path]:
    """The files that git knows or would take, that exist."""
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, check=True,
    )  # fmt: skip
    return [path for name in listed.stdout.split(b"\0") if name and (path := ROOT / name.decode()).is_file()]


def test_no_file_names_a_package_index() -> None:
    """Every controller uses its own index; a name in a file would win over it, and may be one that others do not reach."""
    found = []
    for path in tracked():
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.splitlines(), 1):
            if any(one.search(line.replace(ALLOWED, "")) for one in INDEX):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:120]}")
    assert not found, found
    assert not (ROOT / "uv.lock").exists(), "uv.lock names the index that it was made with"


def test_no_private_key_is_tracked() -> None:
    """Tests make their secrets when they run. A key in a file is public for good, whatever it was meant for."""
    # A header and lines of base64 below it: code that looks for a header, and tests' short stand-ins, are no keys.
    key = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+/=]{40,}\s")
    example = f"'-----BEGIN {'PRIVATE'} KEY-----\n\n    {'MIGHAgEA' * 8}\n\n    AAAA\n"
    assert key.search(example), "the pattern finds no key"
    found = [str(path.relative_to(ROOT)) for path in tracked() if key.search(path.read_bytes().decode("latin-1"))]
    assert not found, f"private keys in {found}: make them at run time (playbooks/secrets.yml, or the test itself)"


def test_collections_are_those_of_the_locked_package() -> None:
    asked = yaml.safe_load((ROOT / "collections" / "requirements.yml").read_text())["collections"]
    assert f"ansible=={ANSIBLE} " in (ROOT / "requirements.txt").read_text(), (
        "the lock moved: change ANSIBLE and the file"
    )
    installed = importlib.metadata.version("ansible")
    if installed != ANSIBLE:
        pytest.skip(f"ansible {installed} is installed; the versions are those of {ANSIBLE}, the one for Python 3.11")
    directory = str(importlib.metadata.distribution("ansible").locate_file("ansible_collections"))
    for one in asked:
        manifest = json.loads(Path(directory, *one["name"].split("."), "MANIFEST.json").read_text())
        assert one["version"] == manifest["collection_info"]["version"], one["name"]


def test_collections_are_those_that_are_used() -> None:
    asked = {
        one["name"] for one in yaml.safe_load((ROOT / "collections" / "requirements.yml").read_text())["collections"]
    }
    word = re.compile(
        r"^[^#]*?\b((?:amazon|community|containers|awx)\.[a-z]+|ansible\.posix)\.[a-z_0-9]+", re.MULTILINE
    )
    used = set()
    for path in tracked():
        top = path.relative_to(ROOT).parts[0]
        if top in (
            "roles",
            "playbooks",
            "inventory",
            "group_vars",
            "molecule",
            "site.yml",
            "ansible.cfg",
        ) and path.suffix in (
            ".yml",
            ".cfg",
        ):
            used |= set(word.findall(path.read_text()))
    assert asked == used


@pytest.mark.parametrize("inventory", sorted(path.name for path in (ROOT / "inventory").iterdir() if path.is_dir()))
def test_every_inventory_links_the_group_vars(inventory: str) -> None:
    link = ROOT / "inventory" / inventory / "group_vars"
    assert link.is_symlink(), "plays in playbooks/ see group_vars beside the inventory alone"
    assert link.readlink() == Path("../../group_vars")


@pytest.mark.parametrize(
    "path", sorted(ROOT.glob("inventory/*/aws_*.yml")), ids=lambda path: f"{path.parent.name}-{path.stem}"
)
def test_inventories_of_aws_read_tags_by_the_name_that_stays(path: Path) -> None:
    """The plugin aws_ec2 has no variable ``tags`` from December 2026 on; the pinned one has no ``ec2_tags`` yet."""
    said = yaml.safe_load(path.read_text())
    expressions = [*(one["key"] for one in said["keyed_groups"]), *said["compose"].values(), *said["groups"].values()]
    left = [str(one).replace("(ec2_tags | default(tags))", "") for one in expressions]
    assert [one for one in left if re.search(r"\btags\b", one)] == []


@pytest.mark.parametrize("role", ROLES)
def test_every_role_is_complete(role: str) -> None:
    directory = ROOT / "roles" / role
    for name in ("README.md", "meta/main.yml", "meta/argument_specs.yml", "defaults/main.yml", "tasks/main.yml"):
        assert (directory / name).is_file(), f"roles/{role}/{name} is missing"
    galaxy = yaml.safe_load((directory / "meta" / "main.yml").read_text())["galaxy_info"]
    assert galaxy["role_name"] == role


# preflight contacts no host: tests/unit/test_preflight.py runs it. certificate has nothing that a second host would change, and acme
# tries both Debians and both challenges in one scenario.
# shared_files needs a server in any case.
# A release needs what the role django places, so both are tested by one pair of scenarios. A move and an import need a whole
# site: molecule/move. So do backups of files: molecule/stack. Roles aws_… ask AWS alone: tests/aws runs them.
UNHOSTED = (
    *("preflight", "release", "restic", "database_move", "database_import"),
    *("aws_network", "aws_database", "aws_files", "aws_fleet"),
)


@pytest.mark.parametrize("role", [role for role in ROLES if role not in UNHOSTED])
def test_every_role_has_its_scenarios(role: str) -> None:
    twins = [role] if role in ("acme", "certificate", "firewall", "shared_files") else [role, f"{role}_full"]
    inventory = (ROOT / "inventory" / "molecule" / "hosts.yml").read_text()
    for scenario in twins:
        directory = ROOT / "molecule" / scenario
        for name in ("molecule.yml", "converge.yml"):
            assert (directory / name).is_file(), f"molecule/{scenario}/{name} is missing"
        assert list((directory / "tests").glob("test_*.py")), f"molecule/{scenario}/tests has no test"
        # One that runs playbooks has an inventory of its own.
        own = directory / "inventory" / "hosts.yml"
        assert own.is_file() or re.search(rf"^ +{scenario}:$", inventory, re.MULTILINE), (
            f"inventory/molecule has no group {scenario}"
        )


@pytest.mark.parametrize(
    "playbook", sorted(str(path.relative_to(ROOT / "playbooks")) for path in (ROOT / "playbooks").rglob("*.yml"))
)
def test_every_playbook_begins_by_saying_what_it_does(playbook: str) -> None:
    lines = (ROOT / "playbooks" / playbook).read_text().splitlines()
    assert lines[0] == "---"
    assert re.match(r"# [A-Za-z`].{20,}", lines[1]), "the second line is a comment"


def documented(path: Path) -> dict[str, Any]:
    """The documentation blocks of a module, read without importing it."""
    found = {}
    for node in ast.parse(path.read_text()).body:
        if (
            isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Name)
            and isinstance(node.value, ast.Constant)
        ):
            name = node.targets[0].id
            if name in ("DOCUMENTATION", "EXAMPLES", "RETURN"):
                found[name] = yaml.safe_load(node.value.value)
    for fragment in (found.get("DOCUMENTATION") or {}).get("extends_documentation_fragment", ()):
        if not fragment.startswith(f"{COLLECTION}."):
            continue
        shared = yaml.safe_load(
            plugin("doc_fragments", fragment.removeprefix(f"{COLLECTION}.")).ModuleDocFragment.DOCUMENTATION
        )
        assert not set(shared["options"]) & set(found["DOCUMENTATION"]["options"]), (
            f"{path.stem} says again what {fragment} says"
        )
        found["DOCUMENTATION"]["options"] |= shared["options"]
    return found


class _Seen(Exception):
    """Carries a module's argument_spec out of its main()."""


def plugin(kind: str, name: str) -> Any:
    """A plugin of the collection, under the name by which Ansible knows it."""
    return importlib.import_module(f"ansible_collections.{COLLECTION}.plugins.{kind}.{name}")


def argument_spec(path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the module hands to AnsibleModule, or the action validates."""

    def caught(*words: Any, **given: Any) -> None:
        raise _Seen(words[0] if words else given["argument_spec"])

    module = plugin("modules", path.stem)
    if not hasattr(module, "main"):
        # Only the documentation: an action does all of it.
        return plugin("action", path.stem).OPTIONS
    monkeypatch.setattr(module, "AnsibleModule", caught)
    with pytest.raises(_Seen) as seen:
        module.main()
    return seen.value.args[0]


def compare(where: str, stated: dict[str, Any], given: dict[str, Any]) -> None:
    assert set(stated) == {name for name in given if not name.startswith("_")}, where
    for name, option in stated.items():
        own = given[name]
        assert option["description"], f"{where}.{name}"
        for key, fallback in (
            ("type", "str"),
            ("required", False),
            ("default", None),
            ("elements", None),
            ("choices", None),
        ):
            assert option.get(key, fallback) == own.get(key, fallback), f"{where}.{name}: {key}"
        compare(f"{where}.{name}", option.get("suboptions") or {}, own.get("options") or {})


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_every_module_is_documented_as_it_is(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = documented(path)
    assert set(found) == {"DOCUMENTATION", "EXAMPLES", "RETURN"}
    assert found["DOCUMENTATION"]["module"] == path.stem
    assert found["DOCUMENTATION"]["attributes"]["check_mode"]["support"] in ("full", "none", "partial")
    for name, value in (found["RETURN"] or {}).items():
        assert value["description"], name
        assert value["type"], name
        assert value["returned"], name
    given = argument_spec(path, monkeypatch)
    stated = found["DOCUMENTATION"]["options"]
    compare(path.stem, stated, given)
    examples = found["EXAMPLES"]
    assert examples, "an example shows how it is used"
    for task in examples:
        assert task["name"]
        arguments = task.get(f"{COLLECTION}.{path.stem}")
        if isinstance(arguments, dict):
            unknown = set(arguments) - {name for name in given if not name.startswith("_")}
            assert not unknown, f"the example uses {unknown}"
    assert ArgumentSpecValidator(given)


# Where the role uwsgi is put beside the others, and what belongs to it; new-app knows the one of a project that it looks at.
MAY_NAME_UWSGI = re.compile(
    r"roles/uwsgi/|collections/.*/plugins/(filter/uwsgi|plugin_utils/application_server)\.py$"
    r"|playbooks/parts/(applications|prepare)\.yml$|group_vars/|.*README\.md$"
    r"|tools/new_app/rules/(__init__|processes|uwsgi_ini)\.py$"
)


def test_one_file_knows_which_application_server_it_is() -> None:
    """Another server takes four facts: a role, plugin_utils/application_server.py, and a place in the playbook."""
    named = [
        str(path.relative_to(ROOT)) for path in tracked()
        if path.relative_to(ROOT).parts[0] in ("collections", "roles", "playbooks", "group_vars", "lab", "tools")
        and path.suffix in (".py", ".yml", ".j2", ".in", ".mk") and "uwsgi" in path.read_text().lower()
    ]  # fmt: skip
    assert [name for name in named if not MAY_NAME_UWSGI.match(name)] == []


@pytest.mark.parametrize("role", ROLES)
def test_no_template_depends_on_the_order_of_an_option_s_keys(role: str) -> None:
    """AWX hands mappings over sorted by key: files would change with every run from elsewhere."""
    options = set(yaml.safe_load((ROOT / "roles" / role / "defaults/main.yml").read_text()) or {})
    unsorted = [
        f"{path.name}: {name}"
        for path in sorted((ROOT / "roles" / role).glob("templates/**/*.j2"))
        for name in re.findall(r"in (\w+)\.items\(\)", path.read_text())
        if name in options
    ]
    assert unsorted == [], "write '| dictsort' in place of '.items()'"


def test_every_file_of_python_says_its_licence() -> None:
    """What is copied out of here keeps the licence that LICENSE states."""
    assert (ROOT / "LICENSE").read_text().startswith("MIT License")
    silent = [
        str(path.relative_to(ROOT)) for path in tracked()
        if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in ("collections", "docs", "lab", "roles", "tools")
        and path.read_text().strip() and "# SPDX-License-Identifier: MIT\n" not in "".join(path.read_text().splitlines(True)[:2])
    ]  # fmt: skip
    assert silent == [], "begin these files with the line: # SPDX-License-Identifier: MIT"
