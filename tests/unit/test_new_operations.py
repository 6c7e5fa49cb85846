"""make new-operations: what is written, which values win, what an update touches, and what is refused with which words."""

from __future__ import annotations

import configparser
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.django_ec2.site.plugins.plugin_utils.awx import objects

from tests.operations import AUTHOR, git, operations_repository, product_repository
from tools.new_app.__main__ import main as new_app
from tools.new_operations import repository
from tools.new_operations.__main__ import main
from tools.new_operations.create import create

PRODUCT = "django-ec2"
HOSTS = """\
env_production: {hosts: {web1: {ansible_host: 192.0.2.10}, db1: {ansible_host: 192.0.2.11}}}
web: {hosts: {web1: }}
database: {hosts: {db1: }}
"""
OWN = "inventory/production/group_vars/env_production"

Said = Callable[..., tuple[int, str]]


@pytest.fixture(autouse=True)
def author(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commits have an author, and no setting of whoever runs the tests."""
    for name, value in AUTHOR.items():
        monkeypatch.setenv(name, value)
    # `make test` hands its own settings to the make of the tests, which then talks of directories.
    for name in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This product as a repository, which no test changes."""
    return product_repository(tmp_path_factory.mktemp("product") / "product")


@pytest.fixture(scope="module")
def made(product: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An operations repository that no test changes."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in AUTHOR.items():
            patch.setenv(name, value)
        return operations_repository(product, tmp_path_factory.mktemp("made") / "operations", "lab production").path


@pytest.fixture
def operations(made: Path, tmp_path: Path) -> Path:
    """A copy for one test, with hosts in production that nobody has to ask AWS for."""
    path = tmp_path / "operations"
    shutil.copytree(made, path, symlinks=True)
    for source in (path / "inventory/production").glob("aws_*.yml"):
        source.unlink()
    (path / "inventory/production/hosts.yml").write_text(HOSTS)
    git(path, "add", "--all")
    git(path, "commit", "--quiet", "--message", "hosts")
    return path


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    """Run a tool; returns its exit code and all that it said."""

    def run(tool: Callable[[list[str]], int], *words: str | Path) -> tuple[int, str]:
        capsys.readouterr()
        code = tool([str(word) for word in words])
        out = capsys.readouterr()
        return code, " ".join((out.out + out.err).split())

    return run


def run(operations: Path, program: str, *words: str | Path) -> str:
    """Run a program of Ansible as one would in the operations repository."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    environment["PATH"] = f"{operations / PRODUCT / '.venv/bin'}:{environment['PATH']}"
    done = subprocess.run(
        [program, *words], cwd=operations, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def variables_of(operations: Path, host: str = "web1") -> dict[str, Any]:
    """The variables of a host of production."""
    return json.loads(run(operations, "ansible-inventory", "-i", "inventory/production", "--host", host))


def put(operations: Path, path: str | Path, text: str) -> None:
    """Write a file of the team's."""
    (operations / path).parent.mkdir(parents=True, exist_ok=True)
    (operations / path).write_text(text)


# --- what is written ---


def test_it_is_a_repository_with_the_product_pinned(made: Path, product: Path) -> None:
    commit = git(product, "rev-parse", "HEAD")
    assert git(made, "ls-tree", "HEAD", PRODUCT).split()[:3] == ["160000", "commit", commit]
    assert git(made / PRODUCT, "rev-parse", "HEAD") == commit
    assert git(made, "config", "--file", ".gitmodules", f"submodule.{PRODUCT}.url") == str(product)
    assert git(made, "status", "--porcelain") == ""
    assert git(made, "rev-list", "--count", "HEAD") == "1"


def test_a_clone_of_it_is_complete(made: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "--quiet", "--recurse-submodules", str(made), "clone")
    for link in (path for path in (tmp_path / "clone").rglob("*") if path.is_symlink()):
        assert not os.path.isabs(os.readlink(link)), link
        assert link.resolve(strict=True).is_relative_to(tmp_path / "clone"), link
    assert (tmp_path / "clone/roles").is_dir()
    assert (tmp_path / "clone/playbooks").is_dir()


def test_what_awx_reads_is_at_the_root(made: Path, product: Path) -> None:
    assert (made / "collections/requirements.yml").read_text() == (product / "collections/requirements.yml").read_text()
    assert (made / "ansible.cfg").is_file()
    assert yaml.safe_load((made / "site.yml").read_text())[0]["import_playbook"] == f"{PRODUCT}/site.yml"


def test_ansible_cfg_is_ours_with_paths_into_the_submodule(made: Path, product: Path) -> None:
    read = []
    for path in (product / "ansible.cfg", made / "ansible.cfg"):
        parser = configparser.ConfigParser(interpolation=None)
        parser.read(path)
        read.append({(section, name): value for section in parser.sections() for name, value in parser.items(section)})
    ours, theirs = read
    paths = {("defaults", name) for name in ("inventory", "roles_path", "collections_path")}
    assert {name: value for name, value in theirs.items() if name not in paths} == {
        name: value for name, value in ours.items() if name not in paths
    }
    assert theirs["defaults", "roles_path"] == f"{PRODUCT}/roles:roles"
    assert theirs["defaults", "collections_path"] == f"{PRODUCT}/collections:collections"
    assert theirs["defaults", "inventory"] == "inventory/lab", "a command without -i is never about production"


def test_nothing_that_was_to_be_filled_in_is_left(made: Path) -> None:
    for name in git(made, "ls-files").splitlines():
        path = made / name
        if path.is_file() and not path.is_symlink():
            assert "@product@" not in path.read_text(), name
            assert "@environment" not in path.read_text(), name
            if path.suffix == ".yml":
                yaml.safe_load(path.read_text())


def test_secrets_in_clear_stay_out_of_git(made: Path) -> None:
    for name in (
        f"{OWN}/secrets.yml",
        "inventory/production/secrets.yml",
        f"{OWN}/ca.pem",
        ".vault-password",
        "build/x",
    ):
        assert git(made, "check-ignore", name) == name


def test_the_commands_are_those_of_the_pinned_version(made: Path) -> None:
    listed = run(made, "make")
    for target in ("venv", "new-app", "secrets", "check", "site", "deploy", "rollback", "lab", "update"):
        assert f"make {target} " in listed
    command = run(
        made, "make", "--dry-run", "deploy", "ENVIRONMENT=production", "APP=shop", "ARGS=-e version=v2"
    ).split()
    assert command == (
        f"ansible-playbook -i inventory/production {PRODUCT}/playbooks/deploy.yml -e app=shop -e version=v2".split()
    )


def test_make_gets_the_submodule_after_a_clone(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_ALLOW_PROTOCOL", "file")
    git(tmp_path, "clone", "--quiet", str(made), "clone")
    assert "make deploy " in run(tmp_path / "clone", "make")


def test_make_moves_the_pin(product: Path, operations: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "--quiet", str(product), "newer")
    git(tmp_path / "newer", "commit", "--quiet", "--allow-empty", "--message", "What is newer")
    git(tmp_path / "newer", "tag", "v2")
    git(operations / PRODUCT, "remote", "set-url", "origin", str(tmp_path / "newer"))
    # .venv is the one of this repository: nothing is installed here.
    put(operations, f"{PRODUCT}/lab/bootstrap", "#!/bin/sh\n")
    told = run(operations, "make", "update", "VERSION=v2")
    assert "> What is newer" in told
    assert git(operations, "diff", "--cached", "--name-only") == PRODUCT
    assert git(operations / PRODUCT, "rev-parse", "HEAD") == git(tmp_path / "newer", "rev-parse", "v2")


def test_the_source_is_the_origin_the_given_one_or_the_checkout(product: Path, tmp_path: Path) -> None:
    assert repository.source_of(product, "") == str(product)
    git(tmp_path, "clone", "--quiet", str(product), "clone")
    assert repository.source_of(tmp_path / "clone", "") == str(product)
    for url in ("https://git.example.org/django-ec2.git", "git@git.example.org:django-ec2.git"):
        assert repository.source_of(product, url) == url


def test_a_commit_that_no_branch_has_can_be_pinned(product: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "--quiet", str(product), "clone")
    git(tmp_path / "clone", "checkout", "--quiet", "--detach")
    git(tmp_path / "clone", "commit", "--quiet", "--allow-empty", "--message", "detached")
    commit = git(tmp_path / "clone", "rev-parse", "HEAD")
    found = create(str(tmp_path / "ops"), ["lab"], str(tmp_path / "clone"), tmp_path / "clone")
    assert git(found.path / PRODUCT, "rev-parse", "HEAD") == commit


def test_without_an_author_everything_is_staged(product: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in AUTHOR:
        if "NAME" in name or "EMAIL" in name:
            monkeypatch.delenv(name)
    # git would make an address of the account's and the host's name.
    for number, (key, value) in enumerate({"user.useConfigOnly": "true"}.items()):
        monkeypatch.setenv(f"GIT_CONFIG_KEY_{number}", key)
        monkeypatch.setenv(f"GIT_CONFIG_VALUE_{number}", value)
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    found = create(str(tmp_path / "ops"), ["lab"], checkout=product)
    assert any("git knows no author" in note for note in found.notes)
    assert "A  ansible.cfg" in git(found.path, "status", "--porcelain").splitlines()


# --- what is refused ---


@pytest.mark.parametrize(
    ("directory", "environments", "words"),
    [
        ("", "lab", "DIR is missing, as in 'make new-operations DIR=../operations'"),
        ("{tmp}/full", "lab", "is not empty, and nothing in it is overwritten: give another directory"),
        ("{tmp}/file", "lab", "is a file: give a directory that is not there yet"),
        ("{product}/operations", "lab", "is inside this repository: give a directory beside it"),
        ("{product}", "lab", "is inside this repository: give a directory beside it"),
        ("{product}/..", "lab", "holds this repository: give a directory beside it"),
        ("{tmp}/a:b", "lab", "has ':' in its path"),
        ("{tmp}/a b", "lab", "has ' ' in its path"),
        ("{tmp}/new", "lab Prod", "'Prod' will not do as the name of an environment"),
        ("{tmp}/new", "../lab", "'../lab' will not do as the name of an environment"),
        ("{tmp}/new", "lab lab", "ENVIRONMENTS needs one or more different names"),
        ("{tmp}/new", "", "ENVIRONMENTS needs one or more different names"),
    ],
)
def test_what_cannot_be_made_is_refused_with_the_remedy(
    product: Path, tmp_path: Path, directory: str, environments: str, words: str
) -> None:
    put(tmp_path, "full/notes.txt", "mine\n")
    put(tmp_path, "file", "mine\n")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(repository.NewOperationsError) as refused:
        create(directory.format(tmp=tmp_path, product=product), environments.split(), checkout=product)
    assert words in str(refused.value)
    assert sorted(tmp_path.rglob("*")) == before
    assert git(product, "status", "--porcelain") == ""


def test_a_second_run_is_refused_and_touches_nothing(made: Path, product: Path) -> None:
    before = {path: path.lstat().st_mtime_ns for path in made.rglob("*") if ".git" not in path.parts}
    with pytest.raises(repository.NewOperationsError) as refused:
        create(str(made), ["lab"], checkout=product)
    assert "is an operations repository already" in str(refused.value)
    assert "'make update'" in str(refused.value)
    assert {path: path.lstat().st_mtime_ns for path in made.rglob("*") if ".git" not in path.parts} == before


def test_what_git_refuses_is_told_and_leaves_nothing(
    product: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: Said
) -> None:
    code, words = said(main, "new", tmp_path / "ops", "--source", tmp_path / "nowhere")
    assert code == 1
    assert f"SOURCE {tmp_path}/nowhere does not exist" in words
    code, words = said(main, "new", tmp_path / "ops", "--source", f"file://{tmp_path}/nowhere")
    assert code == 1
    assert "git could not clone" in words
    git(tmp_path, "init", "--quiet", "other")
    git(tmp_path / "other", "commit", "--quiet", "--allow-empty", "--message", "other")
    with pytest.raises(repository.NewOperationsError, match=r"has no commit .* Push it there first"):
        create(str(tmp_path / "ops"), ["lab"], str(tmp_path / "other"), product)
    (tmp_path / "archive").mkdir()
    with pytest.raises(repository.NewOperationsError, match=r"is no git checkout .* clone it with git"):
        create(str(tmp_path / "ops"), ["lab"], "", tmp_path / "archive")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(repository.NewOperationsError, match="git is not installed: 'apt-get install git'"):
        create(str(tmp_path / "ops"), ["lab"], "", product)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["archive", "other"]


# --- which values win ---


def test_ours_are_found_and_the_environments_group_is_over_the_others(operations: Path) -> None:
    found = variables_of(operations)
    assert found["database_port"]
    assert found["nginx_sites"]
    assert found["base_time_servers"] == ["169.254.169.123"], "group_vars/env_production of the product"
    assert "postgres_databases" in variables_of(operations, "db1")
    assert "nginx_sites" not in variables_of(operations, "db1")


def test_values_of_the_team_win_over_every_one_of_ours(operations: Path) -> None:
    put(
        operations,
        "variables/main.yml",
        "database_mode: rds\nbase_time_servers: [192.0.2.1]\nnginx_sites: []\nbase_upgrades_hold: [every]\n",
    )
    put(operations, f"{OWN}/main.yml", "base_upgrades_hold: [own]\n")
    found = variables_of(operations)
    assert found["database_mode"] == "rds", "over group_vars/all"
    assert found["nginx_sites"] == [], "over group_vars/web"
    assert found["base_time_servers"] == ["192.0.2.1"], "over group_vars/env_production"
    assert found["base_upgrades_hold"] == ["own"], "the environment's own over variables/"


@pytest.mark.parametrize(("environment", "host"), [("lab", "web1"), ("local", "localhost")])
def test_the_environment_has_the_last_word_in_the_inventories_that_list_their_hosts(
    operations: Path, said: Said, environment: str, host: str
) -> None:
    if environment == "local":
        assert said(main, "environment", operations, "local")[0] == 0
    put(operations, f"inventory/{environment}/group_vars/env_{environment}/main.yml", "nginx_sites: []\n")
    words = ["-i", f"inventory/{environment}", "--host", host]
    assert json.loads(run(operations, "ansible-inventory", *words))["nginx_sites"] == []


def test_the_applications_are_the_teams_and_an_empty_list_deploys_nothing_of_ours(operations: Path) -> None:
    assert variables_of(operations)["applications"] is None
    put(operations, f"{OWN}/applications.yml", "applications: {shop: {source: shop}}\n")
    assert variables_of(operations)["applications"] == {"shop": {"source": "shop"}}


def test_awx_imports_the_same_groups_and_values(operations: Path) -> None:
    put(operations, f"{OWN}/main.yml", "base_upgrades_hold: [own]\n")
    exported = json.loads(run(operations, "ansible-inventory", "-i", "inventory/production", "--list", "--export"))
    own = exported["env_production"]
    assert own["vars"]["ansible_group_priority"] == 10
    assert own["vars"]["base_upgrades_hold"] == ["own"]
    assert own["vars"]["base_time_servers"] == ["169.254.169.123"]
    assert sorted(own["hosts"]) == ["db1", "web1"]
    assert exported["web"]["hosts"] == ["web1"]
    assert "nginx_sites" in exported["web"]["vars"]
    assert "database_port" in exported["all"]["vars"]


def test_awx_and_navigator_find_their_files_at_the_root(made: Path) -> None:
    for name in ("collections/requirements.yml", "ansible-navigator.yml"):
        assert (made / name).resolve() == made / PRODUCT / name
    ours, team = objects.load_settings(made / PRODUCT / "awx/settings.yml"), made / "awx/settings.yml"
    settings = objects.load_settings(made / PRODUCT / "awx/settings.yml", team)
    assert settings["awx_environments"] == ["production"], "a lab is no environment of AWX"
    assert settings["awx_product"] == ours["awx_product"] == PRODUCT
    needed = objects.missing_settings(settings, team)
    assert [str(team) in sentence for sentence in needed] == [True, True], (
        "what only the team knows is asked for in its own file"
    )


def test_an_import_of_awx_needs_no_password_and_takes_no_secret_along(operations: Path, tmp_path: Path) -> None:
    """AWX gives inventory sources no vault's password, and shows their variables to whoever may see the inventory."""
    file = operations / "inventory/production/secrets.yml"
    play = {
        "hosts": "web1",
        "gather_facts": False,
        "connection": "local",
        "tasks": [{"ansible.builtin.debug": {"msg": "<{{ secrets.applications.shop.secret_key }}>"}}],
    }
    put(operations, "shown.yml", yaml.safe_dump([play]))
    put(operations, file, "secrets: {applications: {shop: {secret_key: in-the-file}}}\n")
    (tmp_path / "password").write_text("a password\n")
    run(operations, "ansible-vault", "encrypt", "--vault-password-file", tmp_path / "password", file)
    exported = run(operations, "ansible-inventory", "-i", "inventory/production", "--list", "--export")
    assert "in-the-file" not in exported
    assert "secrets_file" in json.loads(exported)["env_production"]["vars"]
    words = ("ansible-playbook", "-i", "inventory/production", "shown.yml")
    assert "<in-the-file>" in run(operations, *words, "--vault-password-file", tmp_path / "password")
    # A credential's injector writes a file, and names it.
    put(operations, tmp_path / "injected", "secrets: {applications: {shop: {secret_key: of-the-credential}}}\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DJANGO_EC2_SECRETS_FILE", str(tmp_path / "injected"))
        assert "<of-the-credential>" in run(operations, *words)


SHOWN = """\
- hosts: web1
  gather_facts: false
  connection: local
  tasks:
    - ansible.builtin.debug:
        msg: "<{{ database_mode }} {{ base_upgrades_hold[0] }} {{ release_source_root }} {{ release_build_directory }}>"
"""


@pytest.mark.parametrize(
    ("playbook", "started"),
    [
        (f"{PRODUCT}/playbooks/shown.yml", f"{PRODUCT}/playbooks/shown.yml"),
        (f"{PRODUCT}/playbooks/shown.yml", f"{PRODUCT}/site.yml"),
        (f"{PRODUCT}/playbooks/shown.yml", "site.yml"),
        ("playbooks/shown.yml", "playbooks/shown.yml"),
        ("shown.yml", "shown.yml"),
    ],
)
def test_every_play_sees_the_same_values_and_paths_of_the_teams_repository(
    operations: Path, playbook: str, started: str
) -> None:
    put(operations, "variables/main.yml", "database_mode: rds\n")
    put(operations, f"{OWN}/main.yml", "base_upgrades_hold: [own]\n")
    put(operations, playbook, SHOWN)
    if started == f"{PRODUCT}/site.yml":
        put(operations, started, "- import_playbook: playbooks/shown.yml\n")
    if started == "site.yml":
        put(operations, f"{PRODUCT}/site.yml", "- import_playbook: playbooks/shown.yml\n")
    shown = run(operations, "ansible-playbook", "-i", "inventory/production", started)
    assert f"<rds own {operations} {operations}/build/releases>" in " ".join(shown.split())


def test_site_and_the_single_playbooks_are_found_with_their_roles_and_plugins(operations: Path) -> None:
    names = [str(path.relative_to(operations)) for path in sorted((operations / PRODUCT / "playbooks").glob("*.yml"))]
    run(operations, "ansible-playbook", "-i", "inventory/production", "--syntax-check", "site.yml", *names)


def test_the_lab_is_that_of_the_submodule(operations: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_NAME", "mine")
    tasks = [{"ansible.builtin.debug": {"msg": "<{{ lab_directory }} {{ secrets_file }}>"}}]
    play = {"hosts": "web1", "gather_facts": False, "connection": "local", "tasks": tasks}
    put(operations, "where.yml", yaml.safe_dump([play]))
    lab = operations / PRODUCT / ".lab/mine"
    # Without -i: ansible.cfg names the lab.
    assert f"<{lab} {lab}/secrets.yml>" in " ".join(run(operations, "ansible-playbook", "where.yml").split())


# --- what an update touches ---


def test_an_update_is_a_pin_and_links_for_new_groups(
    product: Path, operations: Path, tmp_path: Path, said: Said
) -> None:
    newer = tmp_path / "newer"
    shutil.copytree(product, newer, symlinks=True)
    put(newer, "group_vars/backup/main.yml", "backup_kept: 7\n")
    put(newer, "group_vars/all/new.yml", "brought_by: the update\n")
    config = newer / "ansible.cfg"
    config.write_text(config.read_text().replace("forks = 20", "forks = 30"))
    git(newer, "add", "--all")
    git(newer, "commit", "--quiet", "--message", "second")
    put(operations, "variables/main.yml", "forks_of_ours: kept\n")
    git(operations, "commit", "--quiet", "--all", "--message", "own")

    git(operations / PRODUCT, "fetch", "--quiet", str(newer), "main")
    git(operations / PRODUCT, "checkout", "--quiet", "--detach", "FETCH_HEAD")
    code, words = said(main, "update", operations)
    assert code == 0
    links = [f"inventory/{name}/group_vars/backup" for name in ("lab", "production")]
    for link in links:
        assert f"{link} is new" in words
        assert (operations / link / "main.yml").read_text() == "backup_kept: 7\n"
    assert "[defaults] forks = 30 (here: 20)" in words
    assert sorted(git(operations, "diff", "--cached", "--name-only").splitlines()) == [PRODUCT, *links]
    assert git(operations, "diff", "--name-only") == ""
    found = variables_of(operations)
    assert (found["brought_by"], found["forks_of_ours"]) == ("the update", "kept")


def test_an_update_leaves_alone_what_the_team_put_in_the_place_of_a_link(operations: Path, said: Said) -> None:
    place = operations / "inventory/production/group_vars/redis"
    place.unlink()
    put(operations, "inventory/production/group_vars/redis/main.yml", "redis_users: []\n")
    (operations / "collections/requirements.yml").unlink()
    assert said(main, "update", operations) == (0, "")
    assert not place.is_symlink()
    assert not (operations / "collections/requirements.yml").exists()


def test_an_environment_can_be_added(operations: Path, said: Said) -> None:
    code, words = said(main, "environment", operations, "qa")
    assert code == 0
    assert "inventory/qa is there" in words
    inventory = yaml.safe_load((operations / "inventory/qa/aws_ec2.yml").read_text())
    assert inventory["filters"]["tag:Environment"] == "qa"
    assert list(yaml.safe_load((operations / "inventory/qa/environment.yml").read_text())) == [
        "env_qa",
        "web",
        "database",
        "backup",
        "redis",
    ]
    assert (operations / "inventory/qa/group_vars/all").resolve() == operations / PRODUCT / "group_vars/all"
    code, words = said(main, "environment", operations, "qa")
    assert code == 1
    assert "inventory/qa is there already" in words


# --- the applications of the team ---


def test_new_app_writes_the_entry_into_the_teams_repository(operations: Path, root: Path, said: Said) -> None:
    shutil.copytree(root / "tests/projects/plain", operations / "shop")
    words = [operations / "shop", "--operations", operations, "--environment"]
    code, told = said(new_app, *words, "production", "--domain", "shop.example.com")
    assert code == 0, told
    assert f"Written to {OWN}/applications.yml." in told
    entry = variables_of(operations)["applications"]["shop"]
    assert entry["source"] == "shop"
    assert entry["domains"] == ["shop.example.com"]
    assert git(operations / PRODUCT, "status", "--porcelain") == ""
    code, told = said(new_app, *words, "production")
    assert code == 1
    assert "has an entry 'shop' already" in told
    code, told = said(new_app, *words, "moon")
    assert code == 1
    assert "give ENVIRONMENT= one of lab, production" in told
