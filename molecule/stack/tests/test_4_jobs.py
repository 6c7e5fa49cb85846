"""Every job template run once, as AWX would: in the execution environment, from a team's operations repository."""

from __future__ import annotations

import json
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from site_visitor import LAB, PROJECT, Visitor

sys.path.insert(0, str(PROJECT))

from ansible_collections.django_ec2.site.plugins.plugin_utils.awx import make, objects
from ansible_collections.django_ec2.site.plugins.plugin_utils.awx.survey import answers

from lab.core.podman import Podman
from lab.core.settings import from_environment
from tests import execution_environment
from tests.awx.jobs import Controller, Credential, Job
from tests.operations import AUTHOR, git, operations_repository, product_repository

# An environment like staging, on hosts of the lab.
ENVIRONMENT = "qa"
PRODUCT = "django-ec2"
MARK = "deployed by a job"
# As group_vars/env_lab has it: the hosts see all of this machine.
SIZES = {"postgres_memory_mb": 1024, "uwsgi_memory_mb": 1024, "redis_memory_mb": 256}
# Those that change nothing, and those that the tests below start one by one.
READING = ["logs", "maintenance", "manage", "drift_check", "smoke_test", "rotate_secrets"]
RUN = ["site", "releases", "deploy", *READING, "rollback", "remove_app"]
SETTINGS = {
    "awx_environments": [ENVIRONMENT], "awx_staging": ENVIRONMENT, "awx_production": "production", "awx_project_url": "x",
    "awx_image": "x", "awx_product": PRODUCT,
}  # fmt: skip


def loaded() -> objects.Loaded:
    return objects.load_objects(PROJECT / "awx/objects")


@pytest.fixture(scope="module")
def templates() -> dict[str, dict[str, Any]]:
    """The job templates of the environment, by the names of their files."""
    settings = {**objects.load_settings(PROJECT / "awx/settings.yml"), **SETTINGS}
    inputs = {path.stem: yaml.safe_load(path.read_text()) for path in (PROJECT / "playbooks/inputs").glob("*.yml")}
    made = make.make_objects(loaded(), settings, inputs).kinds["job_templates"]
    return {one["name"].removeprefix(f"{ENVIRONMENT}: ").replace(" ", "_"): one for one in made}


@pytest.fixture(scope="module")
def operations(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An operations repository with this product as its submodule, the lab's hosts, and the board as an application of its own."""
    place = tmp_path_factory.mktemp("operations")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in AUTHOR.items():
            patch.setenv(name, value)
        path = operations_repository(product_repository(place / "product"), place / "operations", ENVIRONMENT).path
    inventory = path / "inventory" / ENVIRONMENT
    for source in inventory.glob("aws_*.yml"):
        source.unlink()
    addresses = json.loads((LAB / "hosts.json").read_text())
    groups = yaml.safe_load((PROJECT / "inventory/lab/hosts.yml").read_text())
    hosts = {name: {"ansible_host": addresses[name]} for name in groups.pop("env_lab")["hosts"]}
    groups[f"env_{ENVIRONMENT}"] = {"hosts": hosts}
    (inventory / "hosts.yml").write_text(yaml.safe_dump(groups))
    own = inventory / f"group_vars/env_{ENVIRONMENT}"
    (own / "sizes.yml").write_text(
        yaml.safe_dump({**SIZES, "board_domain": "board.localhost", "board_media_storage": "shared"})
    )
    shutil.copytree(PROJECT / "django_app", path / "apps/board", ignore=shutil.ignore_patterns("__pycache__"))
    entry = yaml.safe_load((PROJECT / "group_vars/all/applications.yml").read_text())["applications"]["board"]
    (own / "applications.yml").write_text(
        yaml.safe_dump({"applications": {"board": {**entry, "source": "apps/board"}}})
    )
    return path


@pytest.fixture(scope="module")
def awx(operations: Path) -> Iterator[Controller]:
    """A controller with the repository as its project, whose inventory is imported."""
    settings = from_environment()
    podman = Podman(settings)
    authorities = "/etc/ssl/certs/ca-certificates.crt"
    # Short, as AWX's: ssh keeps a socket below it, whose path has at most 107 bytes.
    with tempfile.TemporaryDirectory(prefix="awx-") as place:
        controller = Controller(
            Path(place),
            execution_environment.build(settings, podman),
            PROJECT / ".lab/containers.conf",
            ["--network=host"],
            {"SSL_CERT_FILE": authorities},
        )
        controller.check_out(operations)
        controller.import_inventory(f"inventory/{ENVIRONMENT}")
        yield controller


@pytest.fixture(scope="module")
def run(awx: Controller, templates: dict[str, dict[str, Any]]) -> Callable[..., Job]:
    """Run a job template with its survey's defaults, the answers from awx/tests/ and the credentials that it names."""
    credential_type = loaded().kinds["credential_types"]["application_secrets"]
    credentials = [
        Credential(user="admin", ssh_key=(LAB / "id_ed25519").read_text()),
        Credential(credential_type, {"secrets": (LAB / "secrets.yml").read_text()}),
    ]

    def launch(name: str, **more: Any) -> Job:
        path = PROJECT / "awx/tests" / f"{name}.yml"
        expected = yaml.safe_load(path.read_text()) if path.exists() else {}
        template = templates[name]
        given = {**answers(template["survey_spec"]), **expected.get("answers", {})}
        job = awx.launch(template, given, credentials, **more)
        assert job.status == expected.get("status", "successful"), job.output[-6000:]
        for words in expected.get("says", ()):
            assert words in " ".join(job.output.split()), job.output[-6000:]
        return job

    return launch


def test_every_template_is_run_here_or_in_the_scenarios_of_its_part(templates: dict[str, dict[str, Any]]) -> None:
    # test_3_operator.py patches a host.
    elsewhere = ("database_", "aws_", "patch")
    assert [name for name in templates if name not in RUN and not name.startswith(elsewhere)] == []


def test_the_imported_inventory_has_no_secret(awx: Controller) -> None:
    imported = json.dumps(awx.inventory)
    secrets = yaml.safe_load((LAB / "secrets.yml").read_text())["secrets"]["applications"]["board"]
    assert not [name for name, value in secrets.items() if value in imported]
    assert sorted(awx.inventory["_meta"]["hostvars"]) == sorted(json.loads((LAB / "hosts.json").read_text()))


def test_site_changes_nothing_in_a_fresh_container(run: Callable[..., Job]) -> None:
    job = run("site")
    assert set(job.changed) >= set(json.loads((LAB / "hosts.json").read_text()))
    # The hosts have the release of this input: they were asked first.
    assert not any(job.changed.values()), job.output[-6000:]


def test_a_limit_is_told_in_the_last_lines_though_awx_has_a_callback_of_its_own(run: Callable[..., Job]) -> None:
    job = run("releases", limit="web1")
    assert "Left out by --limit: web2." in job.output.rstrip().splitlines()[-1]


def test_a_deploy_hands_over_what_it_did(run: Callable[..., Job], awx: Controller) -> None:
    with (awx.project / "apps/board/static/board/board.css").open("a") as css:
        css.write(f"/* {MARK} */\n")
    job = run("deploy")
    done = job.artifacts["deployed"]
    assert set(done) == {"web1", "web2"}
    for host in done:
        line = re.fullmatch(r"board: (\w{12}) -> \w{12} in [\d.]+ s", done[host][0])
        assert line
        assert job.artifacts["previous_releases"] == {"board": line[1]}
        assert MARK in css_of(host)
    assert "anna" in run("releases").output
    awx.deployed = job.artifacts  # type: ignore[attr-defined]


def css_of(host: str) -> str:
    asset = re.search(r'"(/static/board/board\.[0-9a-f]{12}\.css)"', Visitor(host).get("/").text)
    assert asset
    return Visitor(host).get(asset[1]).text


@pytest.mark.parametrize("name", READING)
def test_it_does_its_work(run: Callable[..., Job], name: str) -> None:
    run(name)


def test_a_workflow_goes_back_to_what_its_deploy_replaced(run: Callable[..., Job], awx: Controller) -> None:
    run("rollback", artifacts=awx.deployed)  # type: ignore[attr-defined]
    assert not any(MARK in css_of(host) for host in ("web1", "web2"))


def test_a_workflow_that_deployed_nothing_goes_back_nowhere(run: Callable[..., Job]) -> None:
    job = run("rollback", artifacts={"deployed": {}, "previous_releases": {}})
    assert "the deploy before switched nothing" in " ".join(job.output.split())
    assert not any(job.changed.values())


def test_an_application_is_removed(run: Callable[..., Job]) -> None:
    run("remove_app")
    with pytest.raises(requests.exceptions.SSLError, match="unrecognized name"):
        Visitor("web1").get("/")


def test_nothing_was_written_into_the_project(awx: Controller, operations: Path) -> None:
    assert not (awx.project / "build").exists()
    assert git(operations / PRODUCT, "status", "--porcelain") == ""
