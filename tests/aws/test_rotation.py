"""A rotation of passwords that AWS keeps: written there first, gone on with after a cut, and what a job of AWX refuses."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.django_ec2.site.plugins.module_utils import authority as authorities
from ansible_collections.django_ec2.site.plugins.module_utils import rotation, secret_stores
from ansible_collections.django_ec2.site.plugins.plugin_utils.applications.rotation import digests_elsewhere

from tests.aws.conftest import Cloud

OTHERS = {
    "secret_key": "Zq8vX3kLw0Rt-1-Hn5cPm7bYd",
    "api_token": "Zq8vX3kLw0Rt-2-Hn5cPm7bYd",
    "admin_password": "Zq8vX3kLw0Rt-3-Hn5cPm7bYd",
}
OLD = {"database_password": "Zq8vX3kLw0Rt-4-Hn5cPm7bYd", "database_owner_password": "Zq8vX3kLw0Rt-5-Hn5cPm7bYd"}
LOOKUPS = {
    "ssm": "{{ lookup('amazon.aws.ssm_parameter', '/staging/board', bypath=true, shortnames=true, region='eu-central-1') }}",
    "secretsmanager": "{{ lookup('amazon.aws.secretsmanager_secret', '/staging/board', region='eu-central-1') | from_json }}",
}
TURNS = {"board": {"database": ["board", "board_b"]}}
LOGIN, PENDING = "database_login", "database_rotation_began"
KEY_PENDING = "secret_key_rotation_began"
ROTATED = ("database_password", "database_owner_password")
AWX = ("-e", "awx_job_id=17", "-e", "tower_job_id=17")


@pytest.fixture
def store(cloud: Cloud, request: pytest.FixtureRequest) -> Callable[[], dict[str, str]]:
    """Fill a store, and say what is in it."""
    kind = request.param
    client = cloud.client(kind)
    if kind == "ssm":
        names = [one["Name"] for one in client.describe_parameters()["Parameters"]]
        if names:
            client.delete_parameters(Names=names)
        for name, value in {**OTHERS, **OLD}.items():
            client.put_parameter(Name=f"/staging/board/{name}", Value=value, Type="SecureString", KeyId="alias/ours")
        return lambda: {
            one["Name"].rpartition("/")[2]: one["Value"]
            for one in client.get_parameters_by_path(Path="/staging/board", WithDecryption=True)["Parameters"]
        }
    if "SecretList" in client.list_secrets() and client.list_secrets()["SecretList"]:
        client.delete_secret(SecretId="/staging/board", ForceDeleteWithoutRecovery=True)
    client.create_secret(Name="/staging/board", SecretString=json.dumps({**OTHERS, **OLD}))
    return lambda: json.loads(client.get_secret_value(SecretId="/staging/board")["SecretString"])


both = pytest.mark.parametrize(
    ("store", "kind"), [("ssm", "ssm"), ("secretsmanager", "secretsmanager")], indirect=["store"]
)


def rotate(cloud: Cloud, place: Path, variables: dict[str, Any], *words: str) -> subprocess.CompletedProcess[str]:
    """Run rotate_secrets.yml, without its steps on hosts: the plays that every run has, on this machine as the only host."""
    inventory = place / "inventory"
    if not inventory.exists():
        shutil.copytree(cloud.root / "group_vars", inventory / "group_vars")
        host = {
            "ansible_connection": "local",
            "ansible_become": False,
            "ansible_host": "127.0.0.1",
            "accept_untested_distribution": True,
        }
        group = {"vars": {"ansible_group_priority": 10}, "hosts": {"web1": host}}
        hosts = {"env_staging": group, "web": {"hosts": {"web1": {}}}, "database": {"hosts": {"web1": {}}}}
        (inventory / "hosts.yml").write_text(yaml.safe_dump(hosts))
    (inventory / "group_vars/env_staging/own.yml").write_text(yaml.safe_dump(variables))
    # AWX's credential brings no region.
    words = ("--tags", "none", *words)
    playbook = str(cloud.root / "playbooks/rotate_secrets.yml")
    return cloud.ansible("ansible-playbook", "-i", str(inventory), playbook, *words, region="")


def kept_in(kind: str, board: object | None = None) -> dict[str, Any]:
    """The variables of an environment whose secrets are there."""
    authority = {"certificate": "-----BEGIN CERTIFICATE-----", "key": "-----BEGIN PRIVATE KEY-----"}
    secrets = {"authority": authority, "applications": {"board": board or LOOKUPS[kind]}}
    return {"secrets": secrets, "secrets_store": {"kind": kind, "path": "/staging", "region": "eu-central-1"}}


@both
def test_a_job_of_awx_writes_new_passwords_where_they_are_looked_up(
    cloud: Cloud, tmp_path: Path, store: Callable[[], dict[str, str]], kind: str
) -> None:
    done = rotate(cloud, tmp_path, kept_in(kind), *AWX)
    assert done.returncode == 0, done.stdout + done.stderr
    now = store()
    assert {name: now[name] for name in OTHERS} == OTHERS
    assert now[LOGIN] == "board_b"
    assert all(now[name] != OLD[name] and len(now[name]) == 64 for name in ROTATED)
    assert PENDING not in now
    assert not [now[name] for name in ROTATED if now[name] in done.stdout + done.stderr]


@both
def test_a_rotation_that_was_cut_goes_on_with_the_same_values(
    cloud: Cloud, store: Callable[[], dict[str, str]], kind: str
) -> None:
    own = secret_stores.KINDS[kind](cloud.client(kind), "/staging/")
    predicted, turn = secret_stores.rotate(own, TURNS, "begin", check_mode=True)
    assert (len(predicted), turn) == (3, {"board": {LOGIN: "board_b"}})
    assert store() == {**OTHERS, **OLD}
    secret_stores.rotate(own, TURNS, "begin", check_mode=False)
    first = store()
    if kind == "ssm":
        # Cut between two parameters: one still has the value of before.
        cloud.client("ssm").put_parameter(
            Name="/staging/board/database_owner_password",
            Value=OLD["database_owner_password"],
            Type="SecureString",
            Overwrite=True,
        )
    changed, turn = secret_stores.rotate(own, TURNS, "begin", check_mode=False)
    assert store() == first
    assert turn == {"board": {LOGIN: "board_b"}}
    assert changed == (["applications.board.database_owner_password"] if kind == "ssm" else [])
    assert secret_stores.rotate(own, TURNS, "end", check_mode=False)[0] == [f"applications.board.{PENDING}"]
    assert secret_stores.rotate(own, TURNS, "end", check_mode=False)[0] == []
    # The next one is the first login's turn again.
    assert secret_stores.rotate(own, TURNS, "begin", check_mode=False)[1] == {"board": {LOGIN: "board"}}


@pytest.mark.parametrize("store", ["ssm"], indirect=True)
def test_two_rotations_at_once_write_one_pair_of_passwords(cloud: Cloud, store: Callable[[], dict[str, str]]) -> None:
    first, second = (secret_stores.ParameterStore(cloud.client("ssm"), "/staging") for _ in range(2))
    read = second.read("board", "database")
    secret_stores.rotate(first, TURNS, "begin", check_mode=False)
    # It read before the other one wrote, and writes after it.
    second.begin(
        "board",
        "database",
        read,
        {LOGIN: "board_b", "database_password": "mine", "database_owner_password": "mine too"},
    )
    assert "mine" not in " ".join(store().values())


@pytest.mark.parametrize("store", ["ssm"], indirect=True)
def test_a_parameter_keeps_its_key(cloud: Cloud, store: Callable[[], dict[str, str]]) -> None:
    secret_stores.rotate(
        secret_stores.ParameterStore(cloud.client("ssm"), "/staging"), TURNS, "begin", check_mode=False
    )
    assert set(store()) == {*OTHERS, *OLD, LOGIN, PENDING}
    found = cloud.client("ssm").describe_parameters()["Parameters"]
    assert {one["KeyId"] for one in found} == {"alias/ours"}


@both
def test_what_the_store_lacks_is_named_and_nothing_is_written(
    cloud: Cloud, store: Callable[[], dict[str, str]], kind: str
) -> None:
    own = secret_stores.KINDS[kind](cloud.client(kind), "/staging")
    with pytest.raises(secret_stores.StoreError, match=r"/staging/shop.*docs/secrets.md"):
        secret_stores.rotate(own, {**TURNS, "shop": {"database": ["shop", "shop_b"]}}, "begin", check_mode=False)
    assert store() == {**OTHERS, **OLD}


@pytest.mark.parametrize("store", ["ssm"], indirect=True)
def test_an_entry_that_reads_elsewhere_stops_the_run_before_a_host_is_touched(
    cloud: Cloud, tmp_path: Path, store: Callable[[], dict[str, str]]
) -> None:
    done = rotate(cloud, tmp_path, kept_in("ssm", {**OTHERS, **OLD}), *AWX)
    assert done.returncode != 0
    assert "the variable secrets has another login than was written there" in " ".join(done.stdout.split())
    assert "Read the facts of the host" not in done.stdout
    assert store()[PENDING]


@pytest.mark.parametrize(
    ("variables", "words", "remedy"),
    [
        ({"secrets_file": "/tmp/secrets.yml"}, AWX, "secrets_store: {kind: ssm, path: /production}"),
        ({"secrets_store": {"kind": "ssm"}}, (), "secrets_store needs kind (ssm or secretsmanager) and path"),
    ],
)  # fmt: skip
def test_what_cannot_be_kept_is_refused_before_a_host_is_asked(
    cloud: Cloud, tmp_path: Path, variables: dict[str, Any], words: tuple[str, ...], remedy: str
) -> None:
    secrets = {"authority": kept_in("ssm")["secrets"]["authority"], "applications": {"board": {**OTHERS, **OLD}}}
    done = rotate(cloud, tmp_path, {"secrets": secrets, **variables}, *words)
    assert done.returncode != 0
    assert remedy in " ".join(done.stdout.split())
    assert "Ask each host" not in done.stdout


@both
def test_a_key_of_django_is_announced_there_then_signs_and_the_old_one_ends(
    cloud: Cloud, tmp_path: Path, store: Callable[[], dict[str, str]], kind: str
) -> None:
    # The steps on hosts, and what comes after them, are left out.
    done = rotate(cloud, tmp_path, kept_in(kind), "-e", "what=secret_key", *AWX)
    assert done.returncode == 0, done.stdout + done.stderr
    new = store()["secret_key_fallbacks"].partition(",")[0]
    announced = {**OTHERS, **OLD, "secret_key_fallbacks": f"{new},{OTHERS['secret_key']}", KEY_PENDING: "true"}
    assert store() == announced
    assert new not in done.stdout + done.stderr
    own = secret_stores.KINDS[kind](cloud.client(kind), "/staging")

    def step(name: str) -> list[str]:
        return secret_stores.replace(own, "secret_key", ["board"], name, check_mode=False)[0]

    assert step("begin") == []
    with pytest.raises(rotation.Unfinished, match=r"^board: its key is being replaced"):
        step("finish")
    assert step("switch") == ["applications.board.secret_key"]
    assert store() == {**announced, "secret_key": new}
    step("end")
    done = rotate(cloud, tmp_path, kept_in(kind), "-e", "what=secret_key", "-e", "finish=true", *AWX)
    assert done.returncode == 0, done.stdout + done.stderr
    assert store() == {**OTHERS, **OLD, "secret_key": new}


@both
def test_an_authority_is_replaced_where_it_lies(cloud: Cloud, store: Callable[[], dict[str, str]], kind: str) -> None:
    own, first = secret_stores.KINDS[kind](cloud.client(kind), "/staging/"), authorities.make()
    if kind == "secretsmanager":
        cloud.client(kind).create_secret(Name="/staging/authority", SecretString="{}")
    own.write("authority", first)
    applications = store()
    names = ["certificate", "key", authorities.NEXT, authorities.OLD, rotation.PENDING]
    written, _digests = secret_stores.replace(own, "authority", [], "begin", check_mode=True)
    assert written == ["authority.next", "authority.rotation_began"]
    assert own.read_named("authority", names) == first
    for step in ("begin", "switch", "end"):
        secret_stores.replace(own, "authority", [], step, check_mode=False)
    after = own.read_named("authority", names)
    assert after[authorities.OLD] == first["certificate"]
    assert after["key"] != first["key"]
    assert authorities.trusted(after).count("BEGIN CERTIFICATE") == 2
    secret_stores.replace(own, "authority", [], "finish", check_mode=False)
    assert own.read_named("authority", names) == {name: after[name] for name in ("certificate", "key")}
    assert store() == applications
    if kind == "secretsmanager":
        cloud.client(kind).delete_secret(SecretId="/staging/authority", ForceDeleteWithoutRecovery=True)


@both
def test_the_password_of_the_files_backups_is_replaced_where_it_lies(
    cloud: Cloud, store: Callable[[], dict[str, str]], kind: str
) -> None:
    own, names = secret_stores.KINDS[kind](cloud.client(kind), "/staging/"), ["file_backup_key", "file_backup_key_old"]
    if kind == "secretsmanager":
        cloud.client(kind).create_secret(Name="/staging/file_backups", SecretString="{}")
    own.write("file_backups", {"file_backup_key": "first"})
    applications = store()
    _written, digests = secret_stores.replace(own, "file_backups", [], "begin", check_mode=False)
    both = own.read_named("file_backups", names)
    assert both["file_backup_key_old"] == "first" != both["file_backup_key"]
    assert digests_elsewhere(both, digests) == []
    assert digests_elsewhere({"file_backup_key": "first"}, digests) == ["file_backups"]
    assert secret_stores.replace(own, "file_backups", [], "begin", check_mode=False)[0] == []
    secret_stores.replace(own, "file_backups", [], "end", check_mode=False)
    assert own.read_named("file_backups", names) == {"file_backup_key": both["file_backup_key"]}
    assert store() == applications
    if kind == "secretsmanager":
        cloud.client(kind).delete_secret(SecretId="/staging/file_backups", ForceDeleteWithoutRecovery=True)


@pytest.mark.parametrize("store", ["ssm"], indirect=True)
def test_a_key_that_is_looked_up_elsewhere_stops_the_run(
    cloud: Cloud, tmp_path: Path, store: Callable[[], dict[str, str]]
) -> None:
    done = rotate(cloud, tmp_path, kept_in("ssm", {**OTHERS, **OLD}), "-e", "what=secret_key", *AWX)
    assert done.returncode != 0
    assert "the variable secrets has others than were written there" in " ".join(done.stdout.split())
    assert store()[KEY_PENDING]


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        (
            ["what=everything"],
            "what is 'everything': give one of database, secret_key, redis, admin_password, tls, authority, "
            "acme_account, file_backups",
        ),
        (["what=redis"], "No application has a Redis of ours"),
        (["finish=true"], "finish to what=secret_key and what=authority"),
        (["what=redis", "app=board"], "app belongs to what=secret_key and what=admin_password"),
        (["what=authority", "announce=true", "finish=true"], "announce to what=authority without finish"),
    ],
)
def test_what_cannot_be_rotated_is_refused(cloud: Cloud, tmp_path: Path, words: list[str], remedy: str) -> None:
    secrets = {"authority": kept_in("ssm")["secrets"]["authority"], "applications": {"board": {**OTHERS, **OLD}}}
    given = [word for one in words for word in ("-e", one)]
    done = rotate(cloud, tmp_path, {"secrets": secrets, "secrets_file": str(tmp_path / "none")}, *given)
    assert done.returncode != 0
    assert remedy in " ".join(done.stdout.split())
    assert "Ask each host" not in done.stdout
