"""What each role gets of the applications, and nothing else."""

from __future__ import annotations

import json

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.django_ec2.site.plugins.filter.applications import FilterModule
from ansible_collections.django_ec2.site.plugins.plugin_utils import application_server
from ansible_collections.django_ec2.site.plugins.plugin_utils.applications.resolve import resolve_applications
from ansible_collections.django_ec2.site.plugins.plugin_utils.applications.views import (
    database_secrets_names,
    nginx_sites,
    postgres_databases,
    select_application,
)
from ansible_collections.django_ec2.site.plugins.plugin_utils.capacity import count_connections

from .entries import STRONG, entry, resolved


def test_what_the_roles_get() -> None:
    applications = [resolved(timeout="30", max_body_size=0, processes="3")]
    (site,) = nginx_sites(applications)
    assert (site["group"], site["max_body_size"], site["read_timeout"]) == ("shop", "0", 35)
    (instance,) = application_server.instances(applications)
    assert (instance["harakiri"], instance["processes"], instance["writable_paths"]) == (
        30,
        3,
        ["/srv/shop/shared/media", "/srv/shop/shared/data"],
    )
    (database,) = postgres_databases(applications)
    assert database["owner"] == "shop_owner"
    assert database["extensions"] == database["memberships"] == []


def test_nginx_is_told_of_streams_and_of_hsts() -> None:
    given = {"/live": {}, "/events/": {"buffering": False}, "/feed": {"buffering": True}}
    (site,) = nginx_sites([resolved(locations=given, hsts="max-age=9")])
    assert site["locations"] == given
    assert "/admin/login/" in site["login_paths"]
    assert site["hsts"] == "max-age=9"


def test_nginx_is_told_of_maintenance() -> None:
    (site,) = nginx_sites([resolved(maintenance=True, maintenance_allow=["10.0.0.0/8"], maintenance_page="a/b.html")])
    assert [site[f"maintenance{key}"] for key in ("", "_allow", "_page")] == [True, ["10.0.0.0/8"], "a/b.html"]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, ""),
        ({"SECURE_HSTS_SECONDS": 0}, ""),
        ({"SECURE_HSTS_SECONDS": 60}, "max-age=60"),
        ({"SECURE_HSTS_SECONDS": 60, "SECURE_HSTS_PRELOAD": True}, "max-age=60; preload"),
        (
            {"SECURE_HSTS_SECONDS": 60, "SECURE_HSTS_INCLUDE_SUBDOMAINS": True, "SECURE_HSTS_PRELOAD": True},
            "max-age=60; includeSubDomains; preload",
        ),
    ],
)
def test_nginx_says_of_hsts_what_the_entry_has_django_say(settings: dict[str, object], said: str) -> None:
    (site,) = nginx_sites([resolved(settings=settings)])
    assert site["hsts"] == said


def test_only_the_database_is_told_its_passwords() -> None:
    applications = [resolved(secret_environment={"KEY": STRONG * 2})]
    (database,) = postgres_databases(applications)
    assert (database["password"], database["owner_password"]) == (STRONG, STRONG[::-1])
    for view in (nginx_sites, application_server.instances):
        told = json.dumps(view(applications))
        assert STRONG not in told
        assert STRONG[::-1] not in told


def test_a_run_is_about_all_applications_or_one() -> None:
    both = resolve_applications({"shop": entry(), "blog": entry()})
    assert select_application(both) == both
    assert [one["name"] for one in select_application(both, "shop")] == ["shop"]
    with pytest.raises(AnsibleFilterError, match="Give -e app= one of: blog, shop"):
        select_application(both, "shpo")


def test_another_source_or_version_is_for_one_application() -> None:
    both = resolve_applications(
        {"shop": entry(source="https://git.example.org/shop.git", version="v1"), "blog": entry()}
    )
    with pytest.raises(AnsibleFilterError, match="is for one application"):
        select_application(both, version="v2")
    (one,) = select_application(both, "shop", version="v2")
    assert (one["source"], one["version"]) == ("https://git.example.org/shop.git", "v2")
    (one,) = select_application(both, "shop", source="/home/me/shop")
    assert (one["source"], one["version"]) == ("/home/me/shop", "")
    with pytest.raises(AnsibleFilterError, match="version 'v2' needs a git source, and 'shop' is a directory"):
        select_application(both, "blog", version="v2")


def test_the_filters_are_offered_to_ansible() -> None:
    assert set(FilterModule().filters()) >= {"resolve_applications", "application_environment", "nginx_sites"}


def test_further_databases_are_made_and_counted_like_the_first() -> None:
    one = resolved(databases={"analytics": {"password": "x", "owner_password": "y"}}, processes=3)
    databases = postgres_databases([one])
    assert [(each["name"], each["user"], each["owner"]) for each in databases] == [
        ("shop", "shop", "shop_owner"), ("shop_analytics", "shop_analytics", "shop_analytics_owner"),
    ]  # fmt: skip
    assert [each["connections"] for each in count_connections(databases, [one], [2, 2])] == [12, 12]
    assert database_secrets_names({"shop": entry(databases={"b": {}, "a": {}}), "bare": entry(), "none": None}) == {
        "shop": ["database_a_password", "database_a_owner_password", "database_b_password", "database_b_owner_password"]
    }
