"""The filters of the role uwsgi."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest
import yaml
from ansible_collections.django_ec2.site.plugins.filter import uwsgi as filter_uwsgi


@pytest.fixture
def uwsgi() -> ModuleType:
    return filter_uwsgi


def test_each_instance_has_its_file_and_its_defaults(uwsgi: ModuleType) -> None:
    instances = [
        {"name": "blog", "wsgi_module": "blog.wsgi"},
        {"name": "shop", "wsgi_module": "shop.wsgi", "threads": 4},
    ]
    one, two = uwsgi.uwsgi_files(instances, "/etc/uwsgi/{name}.ini", "uwsgi.ini.j2")
    assert (one["path"], one["template"]) == ("/etc/uwsgi/blog.ini", "uwsgi.ini.j2")
    assert one["vars"]["instance"] == {**uwsgi.DEFAULTS, **instances[0]}
    assert two["vars"]["instance"]["threads"] == 4
    assert uwsgi.DEFAULTS["threads"] == 1


def test_no_instance_no_file(uwsgi: ModuleType) -> None:
    assert uwsgi.uwsgi_files([], "/etc/{name}", "x") == uwsgi.uwsgi_users([]) == []


def test_each_instance_has_a_user_of_its_own(uwsgi: ModuleType) -> None:
    (user,) = uwsgi.uwsgi_users([{"name": "shop"}])
    assert (user["name"], user["home"], user["adopt"]) == ("shop", "/srv/shop", False)


OURS = ("shop", "/srv/shop", "/usr/sbin/nologin")


@pytest.mark.parametrize(
    "facts",
    [
        {"ansible_local": {"accounts": [["root", "/root", "/bin/bash"], ["shop", "/home/shop", "/bin/bash"]]}},
        {"getent_passwd": {"shop": ["x", "1000", "1000", "Shop", "/home/shop", "/bin/bash"]}},
    ],
)
def test_an_account_of_somebody_else_is_told_by_the_facts(uwsgi: ModuleType, facts: dict) -> None:
    (problem,) = uwsgi.uwsgi_account_problems([{"name": "shop"}, {"name": "blog"}], facts)
    assert problem == (
        "shop is an account of this host already (with the home /home/shop, not /srv/shop and shell /bin/bash, not /usr/sbin/nologin), and "
        "was not made by this repository. Choose another name, or remove the account."
    )


def test_accounts_of_this_repository_are_no_problem(uwsgi: ModuleType) -> None:
    assert uwsgi.uwsgi_account_problems([{"name": "shop"}], {"ansible_local": {"accounts": [list(OURS)]}}) == []
    assert uwsgi.uwsgi_account_problems([{"name": "shop"}], {"ansible_local": {"accounts": []}}) == []
    assert uwsgi.uwsgi_account_problems([{"name": "shop"}], {}) == []


def test_defaults_are_those_of_the_argument_specs(uwsgi: ModuleType, root: Path) -> None:
    specs = yaml.safe_load((root / "roles/uwsgi/meta/argument_specs.yml").read_text())
    options = specs["argument_specs"]["main"]["options"]["uwsgi_instances"]["options"]
    stated = {name: option["default"] for name, option in options.items() if "default" in option}
    assert stated == uwsgi.DEFAULTS
