"""The module secrets_file: makes what is missing, touches nothing that is there."""

from __future__ import annotations

import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.django_ec2.site.plugins.module_utils.directory_lock import directory_lock
from ansible_collections.django_ec2.site.plugins.modules import secrets_file as module_secrets_file
from ansible_collections.django_ec2.site.plugins.plugin_utils.applications.rotation import after_step

NAMES = ["secret_key", "database_password"]


@pytest.fixture
def make(run_module: Callable[..., dict[str, Any]], tmp_path: Path) -> Callable[..., dict]:
    """Run the module on <tmp>/private/secrets.yml."""

    def run(
        path: Path | str = tmp_path / "private" / "secrets.yml", *, check_mode: bool = False, **arguments: Any
    ) -> dict:
        given = {"applications": ["board"], "names": NAMES, **arguments}
        return run_module(module_secrets_file, check_mode=check_mode, path=str(path), **given)

    return run


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "private" / "secrets.yml"


def test_everything_is_made_at_first_and_nothing_after(make: Callable[..., dict], path: Path) -> None:
    first = make()
    assert first["changed"] is True
    assert first["added"] == ["authority", "applications.board.secret_key", "applications.board.database_password"]
    before = path.read_bytes()
    again = make()
    assert (again["changed"], again["added"]) == (False, [])
    assert path.read_bytes() == before


def test_secrets_are_long_random_and_need_no_quoting(make: Callable[..., dict], path: Path) -> None:
    make(applications=["board", "blog"])
    values = [
        value for own in yaml.safe_load(path.read_text())["secrets"]["applications"].values() for value in own.values()
    ]
    assert len(set(values)) == 4
    assert all(len(value) >= 50 and value.isalnum() for value in values)


def test_a_new_application_gets_its_own_and_the_others_keep_theirs(make: Callable[..., dict], path: Path) -> None:
    make()
    before = yaml.safe_load(path.read_text())["secrets"]
    assert make(applications=["board", "blog"])["added"] == [f"applications.blog.{name}" for name in NAMES]
    after = yaml.safe_load(path.read_text())["secrets"]
    assert after["applications"]["board"] == before["applications"]["board"]
    assert after["authority"] == before["authority"]


def test_what_an_operator_wrote_stays(make: Callable[..., dict], path: Path) -> None:
    path.parent.mkdir()
    path.write_text("secrets: {applications: {board: {secret_key: mine, other: 1}}}\nextra: [kept]\n")
    make()
    content = yaml.safe_load(path.read_text())
    assert content["extra"] == ["kept"]
    assert content["secrets"]["applications"]["board"]["secret_key"] == "mine"
    assert content["secrets"]["applications"]["board"]["other"] == 1


def test_only_the_owner_reads_it(make: Callable[..., dict], path: Path) -> None:
    make()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [one.name for one in path.parent.iterdir()] == ["secrets.yml"]


def test_the_answer_names_secrets_and_never_shows_them(make: Callable[..., dict], path: Path) -> None:
    answer = repr(make())
    content = yaml.safe_load(path.read_text())
    assert not any(value in answer for value in content["secrets"]["applications"]["board"].values())
    assert "PRIVATE KEY" not in answer


def test_an_empty_mapping_is_filled(make: Callable[..., dict], path: Path) -> None:
    path.parent.mkdir()
    path.write_text("secrets:\n")
    assert make()["changed"] is True
    assert make()["changed"] is False


def test_check_mode_tells_and_writes_nothing(make: Callable[..., dict], path: Path) -> None:
    assert make(check_mode=True)["added"] != []
    assert not path.parent.exists()


def test_single_encrypted_values_are_refused_with_the_way_on(make: Callable[..., dict], path: Path) -> None:
    path.parent.mkdir()
    content = "secrets:\n  token: !vault |\n    $ANSIBLE_VAULT;1.1;AES256\n    6162\n"
    path.write_text(content)
    said = make()
    assert said["failed"]
    assert f"ansible-vault encrypt {path}" in said["msg"]
    assert path.read_text() == content
    path.write_text("secrets: [\n")
    assert "is no YAML" in make()["msg"]


def test_an_encrypted_file_is_left_alone(make: Callable[..., dict], path: Path) -> None:
    path.parent.mkdir()
    path.write_text("$ANSIBLE_VAULT;1.1;AES256\n3132\n")
    answer = make()
    assert answer["failed"] is True
    assert "ansible-vault decrypt" in answer["msg"]
    assert path.read_text().startswith("$ANSIBLE_VAULT")


def test_a_file_in_the_working_directory_needs_no_directory(
    make: Callable[..., dict], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "failed" not in make("secrets.yml")
    assert (tmp_path / "secrets.yml").exists()


def test_the_authority_signs_certificates_and_nothing_below_itself(
    make: Callable[..., dict], path: Path, tmp_path: Path
) -> None:
    make()
    authority = yaml.safe_load(path.read_text())["secrets"]["authority"]
    certificate = tmp_path / "ca.pem"
    certificate.write_text(authority["certificate"])
    said = subprocess.run(
        ["openssl", "x509", "-in", str(certificate), "-noout", "-text"], capture_output=True, text=True, check=True
    ).stdout
    assert "CA:TRUE, pathlen:0" in said
    assert "Certificate Sign, CRL Sign" in said
    assert authority["key"].startswith("-----BEGIN PRIVATE KEY-----")


def test_further_names_belong_to_some_applications_or_to_none(make: Callable[..., dict], path: Path) -> None:
    more = {"more_names": {"blog": ["redis_password"]}, "environment_names": ["redis_admin_password"]}
    added = make(applications=["board", "blog"], **more)["added"]
    assert added[-2:] == ["applications.blog.redis_password", "redis_admin_password"]
    assert "applications.board.redis_password" not in added
    assert make(applications=["board", "blog"], **more)["changed"] is False
    assert len(yaml.safe_load(path.read_text())["secrets"]["redis_admin_password"]) >= 50


def test_a_rotation_gives_the_other_login_new_passwords_and_ends(make: Callable[..., dict], path: Path) -> None:
    names = ["database_password", "database_owner_password"]
    turns = {"board": {"database": ["board", "board_b"]}}

    def own() -> dict[str, Any]:
        return yaml.safe_load(path.read_text())["secrets"]["applications"]["board"]

    make(names=names)
    first = own()
    made = make(names=names, rotation="begin", logins=turns)
    assert made["added"] == [f"applications.board.{name}" for name in ("database_login", *names)]
    second = own()
    assert second["database_login"] == "board_b"
    assert all(second[name] != first[name] for name in names)
    # Interrupted and begun again: the same values, for some hosts may have them already.
    assert make(names=names, rotation="begin", logins=turns)["changed"] is False
    assert own() == second
    assert make(names=names, rotation="end", logins=turns)["changed"] is True
    make(names=names, rotation="begin", logins=turns)
    assert own()["database_login"] == "board"


def test_a_further_database_has_its_own_turn(make: Callable[..., dict], path: Path) -> None:
    names = [f"database_{name}" for name in ("password", "owner_password", "facts_password", "facts_owner_password")]
    turns = {"board": {"database": ["board", "board_b"], "database_facts": ["board_facts", "board_facts_b"]}}
    make(names=names)
    first = yaml.safe_load(path.read_text())["secrets"]["applications"]["board"]
    make(names=names, rotation="begin", logins=turns)
    second = yaml.safe_load(path.read_text())["secrets"]["applications"]["board"]
    assert (second["database_login"], second["database_facts_login"]) == ("board_b", "board_facts_b")
    assert all(second[name] != first[name] for name in names)
    assert make(names=names, rotation="end", logins=turns)["added"] == [
        f"applications.board.{prefix}_rotation_began" for prefix in ("database", "database_facts")
    ]


def test_another_authority_is_made_and_nothing_else_is_touched(make: Callable[..., dict], path: Path) -> None:
    make()
    first = yaml.safe_load(path.read_text())["secrets"]
    made = make(what="authority", rotation="begin")
    assert made["added"] == ["authority.next", "authority.rotation_began"]
    assert "PRIVATE KEY" not in repr(made)
    assert make(what="authority", rotation="begin")["changed"] is False
    for step in ("switch", "end"):
        assert make(what="authority", rotation=step)["changed"] is True
    after = yaml.safe_load(path.read_text())["secrets"]
    assert after["authority"]["old_certificate"] == first["authority"]["certificate"]
    assert after["authority"]["key"] != first["authority"]["key"]
    assert after["applications"] == first["applications"]
    assert make(what="authority", rotation="finish")["added"] == ["authority.old_certificate"]


def test_the_password_of_the_files_backups_lies_among_the_secrets_themselves(
    make: Callable[..., dict], path: Path
) -> None:
    make(environment_names=["file_backup_key"])
    first = yaml.safe_load(path.read_text())["secrets"]
    made = make(what="file_backups", rotation="begin")
    assert made["added"] == ["file_backup_key_old", "file_backup_key"]
    both = yaml.safe_load(path.read_text())["secrets"]
    assert both == {
        **first,
        "file_backup_key": both["file_backup_key"],
        "file_backup_key_old": first["file_backup_key"],
    }
    assert both["file_backup_key"] != first["file_backup_key"]
    assert both["file_backup_key"] not in repr(made)
    # What a run looks ahead to is what the file has then.
    ahead = after_step(both, "file_backups", [], "end")
    assert make(what="file_backups", rotation="end")["added"] == ["file_backup_key_old"]
    assert yaml.safe_load(path.read_text())["secrets"] == ahead == {**first, "file_backup_key": both["file_backup_key"]}


def test_an_authority_that_is_looked_up_elsewhere_is_not_replaced(make: Callable[..., dict], path: Path) -> None:
    path.parent.mkdir()
    path.write_text("secrets: {authority: \"{{ lookup('amazon.aws.ssm_parameter', '/x') }}\"}\n")
    assert "authority.key is not in it, or looked up elsewhere" in make(what="authority", rotation="begin")["msg"]


def test_a_value_that_is_looked_up_elsewhere_is_not_replaced(make: Callable[..., dict], path: Path) -> None:
    make(names=[*NAMES, "database_owner_password"])
    content = yaml.safe_load(path.read_text())
    content["secrets"]["applications"]["board"]["database_password"] = "{{ lookup('amazon.aws.ssm_parameter', '/x') }}"
    path.write_text(yaml.safe_dump(content))
    before = path.read_bytes()
    said = make(rotation="begin", logins={"board": {"database": ["board", "board_b"]}})
    assert said["failed"] is True
    assert "applications.board.database_password is looked up elsewhere" in said["msg"]
    assert path.read_bytes() == before


ANSIBLE = Path(sys.executable).with_name("ansible-playbook")
VAULT = Path(sys.executable).with_name("ansible-vault")
ROTATION = """
- hosts: localhost
  gather_facts: false
  tasks:
    - django_ec2.site.secrets_file:
        path: "{{ path }}"
        applications: [board]
        names: [secret_key, database_password, database_owner_password]
        rotation: begin
        logins: {board: {database: [board, board_b]}}
    - ansible.builtin.include_vars:
        file: "{{ path }}"
      no_log: true
    - ansible.builtin.debug:
        msg: "now {{ secrets.applications.board.database_login }}"
"""


def test_a_file_of_the_vault_is_rotated_and_encrypted_again(make: Callable[..., dict], path: Path) -> None:
    make(names=[*NAMES, "database_owner_password"])
    before = yaml.safe_load(path.read_text())["secrets"]["applications"]["board"]
    (path.parent / "password").write_text("a password of the vault\n")
    (path.parent / "rotate.yml").write_text(ROTATION)
    identity = ["--vault-id", f"prod@{path.parent / 'password'}"]
    subprocess.run([VAULT, "encrypt", *identity, str(path)], check=True, capture_output=True)
    command = [ANSIBLE, "-i", "localhost,", "-c", "local", str(path.parent / "rotate.yml"), "-e", f"path={path}"]

    refused = subprocess.run([*command], capture_output=True, text=True, check=False)
    assert refused.returncode != 0
    assert "--ask-vault-pass" in refused.stdout

    done = subprocess.run([*command, *identity, "--diff"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "now board_b" in done.stdout
    assert path.read_text().splitlines()[0].endswith(";prod")
    shown = subprocess.run([VAULT, "view", *identity, str(path)], check=True, capture_output=True, text=True).stdout
    after = yaml.safe_load(shown)["secrets"]["applications"]["board"]
    assert after["secret_key"] == before["secret_key"]
    assert after["database_password"] != before["database_password"]
    assert after["database_password"] not in done.stdout
    assert not list(path.parent.glob("*.new"))


def test_a_file_of_the_vault_is_changed_by_one_run_at_a_time(make: Callable[..., dict], path: Path) -> None:
    """The lock is that of the file's own directory; the decrypted copy lies in another for each run."""
    make(names=[*NAMES, "database_owner_password"])
    (path.parent / "password").write_text("a password of the vault\n")
    (path.parent / "rotate.yml").write_text(ROTATION)
    identity = ["--vault-id", f"prod@{path.parent / 'password'}"]
    subprocess.run([VAULT, "encrypt", *identity, str(path)], check=True, capture_output=True)
    before = path.read_bytes()
    command = [
        ANSIBLE,
        "-i",
        "localhost,",
        "-c",
        "local",
        str(path.parent / "rotate.yml"),
        "-e",
        f"path={path}",
        *identity,
    ]
    with directory_lock(str(path.parent)):
        run = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        with pytest.raises(subprocess.TimeoutExpired):
            run.wait(timeout=8)
        assert path.read_bytes() == before
    said, _ = run.communicate(timeout=120)
    assert run.returncode == 0, said
    assert path.read_bytes() != before


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_file_that_others_may_read_is_made_private(make: Callable[..., dict], path: Path, check_mode: bool) -> None:
    make()
    assert make()["private"] is False
    path.chmod(0o644)
    answer = make(check_mode=check_mode)
    assert (answer["changed"], answer["private"], answer["added"]) == (True, True, [])
    assert stat.S_IMODE(path.stat().st_mode) == (0o644 if check_mode else 0o600)
