"""A site whose database is on RDS goes back to a second, as an operator does it, for `make test-aws`."""

from __future__ import annotations

import datetime
import time
from collections.abc import Iterator

import pytest

from lab.core.containers import machines
from tests.scenarios.aws_environment import Site, environment_of

NAME = "django-lab-aws-rds"


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """A lab of its own."""
    with environment_of("aws_restore") as made:
        yield made


def ask(site: Site, sql: str) -> str:
    """What the database of the board answers: that of the newest instance, which is the live one."""
    listed = site.endpoint.client("rds").describe_db_instances(DBInstanceIdentifier=NAME)["DBInstances"][0]
    resource = listed["DbiResourceId"].removeprefix("db-")[:12].lower()
    host = next(one for one in machines(site.settings, site.podman) if one.name == f"rds-{resource}")
    done = site.podman.script(host.container, 'lab-rds psql -c "$1" board', sql)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.aws
def test_a_site_goes_back_to_a_second(site: Site) -> None:
    """The row before is there and the one after it isn't, the site serves from the restored instance, and what was live is kept."""
    site.lab("up")
    assert site.get("/")[0] == 200
    ask(site, "CREATE TABLE moments (what text); INSERT INTO moments VALUES ('before')")
    time.sleep(2)
    moment = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M:%S+00")
    time.sleep(2)
    ask(site, "INSERT INTO moments VALUES ('after')")
    told = site.playbook("playbooks/database_restore.yml", "-e", f"restore_to='{moment}'", "-e", f"confirm={NAME}")
    assert f"The restore is complete: {NAME} is the restored instance." in " ".join(told.split())
    assert ask(site, "SELECT string_agg(what, ' ') FROM moments") == "before"
    assert site.get("/")[0] == 200
    assert site.health() == ["healthy", "healthy"]
    again = site.playbook("playbooks/database_restore.yml", "-e", f"restore_to='{moment}'", "-e", f"confirm={NAME}")
    assert f"{NAME} is restored to {moment} already." in " ".join(again.split())
    site.playbook("playbooks/database_restore.yml", "-e", "restore_remove=before")
    listed = site.endpoint.client("rds").describe_db_instances()["DBInstances"]
    assert [one["DBInstanceIdentifier"] for one in listed] == [NAME]
