"""Operating systems are data: each role that depends on them describes all of them, and nothing else does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
FILE = re.compile(r"^[A-Z][A-Za-z]*_\d+(\.\d+)?$")
FILES = sorted(path for path in (ROOT / "roles").glob("*/vars/*.yml") if FILE.match(path.stem))
ROLES = sorted({path.parents[1].name for path in FILES})
SYSTEMS = sorted(path.stem for path in FILES if path.parents[1].name == "base")
PAGE = (ROOT / "docs" / "operating-systems.md").read_text()


def described(role: str, system: str) -> dict[str, Any]:
    return yaml.safe_load((ROOT / "roles" / role / "vars" / f"{system}.yml").read_text())[f"__{role}_system"]


def name(path: Path) -> str:
    return f"{path.parents[1].name}-{path.stem}"


def test_the_systems_are_there() -> None:
    assert {"Debian_12", "Debian_13", "Ubuntu_24.04", "Ubuntu_26.04"} <= set(SYSTEMS)
    assert ROLES == [
        "acme",
        "base",
        "django",
        "firewall",
        "nginx",
        "pgbackrest",
        "pgbouncer",
        "postgres",
        "rds_client",
        "redis",
        "restic",
        "shared_files",
    ]


@pytest.mark.parametrize("role", ROLES)
def test_a_role_that_depends_on_the_system_describes_all_of_them(role: str) -> None:
    assert sorted(path.stem for path in FILES if path.parents[1].name == role) == SYSTEMS


@pytest.mark.parametrize("path", FILES, ids=name)
def test_a_file_says_what_the_others_of_its_role_say(path: Path) -> None:
    role = path.parents[1].name
    content = yaml.safe_load(path.read_text())
    assert list(content) == [f"__{role}_system"], "one mapping, so that no task has to load it"
    mine, first = content[f"__{role}_system"], described(role, SYSTEMS[0])
    assert list(mine) == list(first)
    assert {key: type(value) for key, value in mine.items()} == {key: type(value) for key, value in first.items()}
    assert mine["packages"] == list(dict.fromkeys(mine["packages"]))


@pytest.mark.parametrize("role", ROLES)
def test_a_role_reads_its_description_in_one_way(role: str) -> None:
    variables = yaml.safe_load((ROOT / "roles" / role / "vars" / "main.yml").read_text())
    assert variables[f"__{role}_system"] == "{{ '" + role + "' | django_ec2.site.role_system(ansible_facts) }}"


@pytest.mark.parametrize("path", FILES, ids=name)
def test_what_was_not_tried_says_where_and_when_it_was_looked_up(path: Path) -> None:
    comments = [line for line in path.read_text().splitlines() if line.lstrip().startswith("#")]
    text = "\n".join(comments)
    if described("base", path.stem)["tested"]:
        assert "Looked up" not in text
    else:
        assert re.search(r"^# Not tested on a host\. Looked up on 20\d\d-\d\d-\d\d:$", text, re.MULTILINE)
        assert re.search(r"^#   https://\S+", text, re.MULTILINE)


def test_nothing_asks_for_the_distribution_itself() -> None:
    """Roles have a file for each system instead, and one place reads them."""
    reader = "plugins/plugin_utils/systems.py"
    facts = r"""facts(\.|\[['"])distribution"""
    word = re.compile(rf"{facts}|\bdistribution_(version|major|release)|\bos_family\b|\blsb\.|/etc/os-release")
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for top in ("roles", "playbooks", "group_vars", "collections")
        for path in sorted((ROOT / top).rglob("*"))
        if path.suffix in (".yml", ".j2", ".py") and path.parent.name != "meta" and not str(path).endswith(reader)
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if word.search(line.split("# ")[0])
    ]
    assert not found, found


def test_the_roles_of_a_host_have_packages_for_it() -> None:
    """What group_vars puts into base_roles."""
    text = yaml.safe_load((ROOT / "group_vars" / "all" / "main.yml").read_text())["base_roles"]
    names = set(re.findall(r"'([a-z_]+)'", text)) & {path.name for path in (ROOT / "roles").iterdir()}
    assert {"django", "nginx", "postgres", "rds_client", "redis"} <= names
    for role in names:
        assert role in ROLES, f"roles/{role}/vars has no file of a system"


def table() -> dict[str, list[str]]:
    """The page's rows, by the system's name."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.splitlines() if line.startswith("|")]
    return {row[0]: row[1:] for row in rows}


@pytest.mark.parametrize("system", SYSTEMS)
def test_the_page_lists_the_system_with_its_versions(system: str) -> None:
    python, nginx, postgres, redis, tried = table()[system.replace("_", " ")]
    assert python == described("django", system)["python"]
    assert nginx == described("nginx", system)["version"]
    assert postgres == described("postgres", system)["version"]
    assert redis == described("redis", system)["version"]
    assert tried.startswith("yes" if described("base", system)["tested"] else "no")


def test_the_page_lists_no_other() -> None:
    assert {row for row in table() if re.search(r"\d", row)} == {system.replace("_", " ") for system in SYSTEMS}


def test_the_lab_boots_what_counts_as_tested() -> None:
    from lab.core import settings

    tested = {system for system in SYSTEMS if described("base", system)["tested"]}
    suites = {"bookworm": "Debian_12", "trixie": "Debian_13"}
    assert {suites[suite] for suite in settings.SUITES} == tested


@pytest.mark.parametrize("role", sorted(path.name for path in (ROOT / "roles").iterdir() if path.is_dir()))
def test_the_platforms_of_a_role_are_the_tested_ones(role: str) -> None:
    """Galaxy's list is a promise; what was only looked up is none."""
    platforms = yaml.safe_load((ROOT / "roles" / role / "meta" / "main.yml").read_text())["galaxy_info"]["platforms"]
    assert platforms == [{"name": "Debian", "versions": ["bookworm", "trixie"]}]
