"""What an entry becomes: its defaults, and everything that follows from its name."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.django_ec2.site.plugins.plugin_utils import application_server
from ansible_collections.django_ec2.site.plugins.plugin_utils.applications.resolve import resolve_applications

from .entries import entry, resolved


def test_an_entry_gets_its_defaults_and_everything_that_follows_from_its_name() -> None:
    one = resolved()
    assert one["root"] == "/srv/shop"
    assert one["requirements"] == "auto"
    assert one["live_socket"] == "/srv/shop/live/uwsgi.sock"
    assert application_server.settings_files("shop")[0] == "/etc/systemd/system/uwsgi-shop@.service"
    assert (one["database"]["name"], one["database"]["user"], one["database"]["owner"]) == (
        "shop",
        "shop",
        "shop_owner",
    )
    assert one["database"]["login"] == "shop"


def test_applications_share_no_path_unit_or_database() -> None:
    one, two = resolve_applications({"shop": entry(), "blog": entry()})
    assert [one["name"], two["name"]] == ["blog", "shop"]
    own = [key for key, value in one.items() if isinstance(value, str) and "blog" in value]
    assert len(own) >= 8
    assert all(one[key] != two[key] for key in own)
    served = [
        {
            application_server.unit(name, "blue"),
            application_server.socket(name, "blue"),
            *application_server.settings_files(name),
        }
        for name in ("shop", "blog")
    ]
    assert len(served[0]) == 5
    assert not served[0] & served[1]
    assert not {one["database"][key] for key in ("name", "user", "owner")} & {
        two["database"][key] for key in ("name", "user", "owner")
    }


@pytest.mark.parametrize(
    ("domains", "asked"),
    [
        (["www.example.org", "*.example.org"], "www.example.org"),
        (["*.example.org", "example.org"], "example.org"),
        (["*.tenants.example.org"], "www.tenants.example.org"),
    ],
)
def test_health_checks_ask_for_one_name(domains: list[str], asked: str) -> None:
    assert resolved(domains=domains)["asked_domain"] == asked


def test_the_given_mapping_is_left_as_it_is() -> None:
    given = {"shop": entry()}
    resolve_applications(given)
    assert given == {"shop": entry()}


def test_a_default_belongs_to_one_application_alone() -> None:
    one, two = resolve_applications({"shop": entry(), "blog": entry()})
    one["packages"].append("x")
    one["database"]["extensions"].append("x")
    assert two["packages"] == two["database"]["extensions"] == resolved()["packages"] == []


def test_services_and_timers_get_their_names_and_defaults() -> None:
    one = resolved(
        services={"worker": {"command": "a"}, "beat": {"command": "b", "singleton": True}},
        timers={"report": {"command": "c", "schedule": "daily"}},
    )
    assert one["services"] == [
        {"name": "beat", "command": "b", "stop_timeout": 60, "singleton": True, "environment": {}},
        {"name": "worker", "command": "a", "stop_timeout": 60, "singleton": False, "environment": {}},
    ]
    assert one["timers"] == [
        {"name": "report", "command": "c", "schedule": "daily", "timeout": 3600, "singleton": True, "environment": {}}
    ]


@pytest.mark.parametrize(
    ("changes", "module"),
    [
        ({}, "shop.settings"),
        ({"managed_settings": ["static"]}, "managed_settings"),
        ({"settings": {"ITEMS": 1}}, "managed_settings"),
    ],
)
def test_anything_that_is_set_in_the_projects_place_changes_the_settings_module(
    changes: dict[str, Any], module: str
) -> None:
    assert resolved(**changes)["django_settings_module"] == module


@pytest.mark.parametrize("given", [None, [], "shop"])
def test_applications_has_to_be_a_mapping(given: Any) -> None:
    with pytest.raises(AnsibleFilterError, match="has to be a mapping of name to entry"):
        resolve_applications(given)


def test_an_entry_that_cannot_work_is_refused() -> None:
    with pytest.raises(AnsibleFilterError, match="the entry has no key 'domian'"):
        resolve_applications({"shop": entry(domian="x")})
