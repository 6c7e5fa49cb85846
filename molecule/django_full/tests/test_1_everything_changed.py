"""Everything that the role lets one change has another value, and the host follows."""

from __future__ import annotations

import json
from typing import Any

from controller import LAB
from slots import show


def get(host: Any, name: str, target: str = "/") -> dict[str, Any]:
    """One request at the pointer of an application."""
    return json.loads(host.check_output(f"uwsgi-get /srv/{name}/live/uwsgi.sock '{target}' --host {name}.test"))


def environment(host: Any, name: str = "environment") -> dict[str, str]:
    """What the application of a slot is told, read as systemd reads it."""
    code = "import json, os; print(json.dumps(dict(os.environ)))"
    return json.loads(
        host.check_output(
            f"systemd-run --quiet --pipe --wait --collect --property=EnvironmentFile=/srv/shop/live/{name} python3 -c '{code}'"
        )
    )


def test_two_applications_are_served_from_a_deeper_directory(host):
    for name in ("shop", "store"):
        answer = get(host, name)
        assert answer["status"] == 200
        assert host.file(f"/srv/{name}/live/release/app/project/manage.py").exists
        assert json.loads(answer["body"])["release"] == host.check_output(
            f"basename $(readlink -f /srv/{name}/live/release)"
        )


def test_applications_cannot_read_each_other(host):
    assert host.run("runuser -u store -- cat /srv/shop/live/environment").rc != 0
    assert host.run("runuser -u store -- ls /srv/shop/").rc != 0
    assert host.run("runuser -u shop -- uwsgi-get /run/uwsgi-store/blue/uwsgi.sock /").stdout.find('"status": 0') > 0


def test_environment_names_the_other_database(host):
    told = environment(host)
    assert told["DATABASE_URL"] == (
        "postgresql://clerk:p%40ss%2Fword%3Aof%20the%20%24clerk%25@pool.test:6432/goods"
        "?sslmode=verify-ca&sslrootcert=/etc/ssl/pool/authority.pem"
    )
    assert {key: told[key] for key in ("HOST", "PORT", "NAME", "USER_OF_DATABASE")} == {
        "HOST": "pool.test", "PORT": "6432", "NAME": "goods", "USER_OF_DATABASE": "clerk",
    }  # fmt: skip
    assert environment(host, "environment-owner")["DATABASE_URL"].startswith("postgresql://landlord:p%40ss%2Fword%3Aof")


def test_values_arrive_as_they_were_written(host):
    assert environment(host)["QUOTED"] == "a \"b\" 'c' $HOME \\n `d` %h"


def test_authority_is_where_the_url_says(host):
    file = host.file("/etc/ssl/pool/authority.pem")
    assert file.content_string.strip() == (LAB / "ca.pem").read_text().strip()
    assert not host.file("/etc/ssl/database/ca.pem").exists


def test_packages_follow(host):
    assert host.package("tree").is_installed
    listed = json.loads(host.file("/srv/shop/live/release/release.json").content_string)
    assert {"pyuwsgi==2.0.29", "sqlparse==0.5.1"} <= set(listed["packages"])
    assert listed["platform"].endswith("-manylinux_2_31")


def test_builds_are_kept_where_they_were_asked_for(host):
    release = host.check_output("basename $(readlink -f /srv/store/live/release)")
    assert (LAB / "builds/store" / f"{release}.tar.gz").is_file()


def test_threads_and_timeout_follow(host):
    assert json.loads(get(host, "shop")["body"])["threads"]
    assert not json.loads(get(host, "store")["body"])["threads"]
    assert show(host, "uwsgi-shop@blue", "TimeoutStopUSec") == {"TimeoutStopUSec": "17s"}
    stuck = get(host, "shop", "/slow?seconds=20")
    assert stuck["status"] == 0
    assert stuck["seconds"] < 8
    assert get(host, "shop")["status"] == 200


def test_administrator_is_of_the_one_application_that_asked(host):
    code = "from django.contrib.auth.models import User; print(list(User.objects.values_list('username', flat=True)))"
    assert host.check_output(f'shop-manage shell --command "{code}"').endswith("['chief']")
    assert host.check_output(f'store-manage shell --command "{code}"').endswith("[]")
