"""The filters of the role django: what a host has, what it should have, and what follows."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

PLATFORM = "x86_64-manylinux_2_28"
DATABASE = {"host": "db1", "port": 5432, "sslmode": "verify-full", "ca_file": "/ca.pem"}


@pytest.fixture
def django(plugin: Callable[[str], ModuleType]) -> ModuleType:
    return plugin("filter/django.py")


@pytest.fixture
def shop(plugin: Callable[[str], ModuleType]) -> dict[str, Any]:
    entry = {
        "domains": ["www.example.org"],
        "source": "shop",
        "settings_module": "shop.settings",
        "wsgi_module": "shop.wsgi",
        "database": {"password": "x", "owner_password": "y"},
    }
    return plugin("filter/applications.py").resolve_applications({"shop": entry})[0]


def facts(minor: int) -> dict[str, Any]:
    return {"python": {"version": {"major": 3, "minor": minor, "micro": 5}}}


def test_a_release_is_built_once_for_each_kind_of_host(django: ModuleType, shop: dict[str, Any]) -> None:
    hosts = [{"ansible_facts": facts(minor)} for minor in (13, 11, 13, 13)]
    common = {"name": "shop", "source": "shop", "requirements": ["requirements.txt"], "packages": []}
    # Nothing else of the entry: what a loop iterates over may be printed.
    assert django.django_builds([shop], hosts, PLATFORM) == [
        {**common, "python": "3.11", "platform": PLATFORM},
        {**common, "python": "3.13", "platform": PLATFORM},
    ]


def test_missing_facts_say_how_to_gather_them(django: ModuleType, shop: dict[str, Any]) -> None:
    with pytest.raises(AnsibleFilterError, match="gather_subset"):
        django.django_builds([shop], [{"ansible_facts": {}}], PLATFORM)


def test_a_host_takes_the_builds_for_its_python(django: ModuleType) -> None:
    results = [
        {
            "item": {"name": "shop", "python": f"3.{minor}", "platform": PLATFORM},
            "release": f"r{minor}",
            "archive": "a",
            "size": 1,
        }
        for minor in (11, 13)
    ]
    assert django.django_releases(results, facts(13), PLATFORM) == {
        "shop": {"release": "r13", "archive": "a", "size": 1}
    }
    assert django.django_releases(results, facts(12), PLATFORM) == {}


def test_only_the_media_belong_to_the_application(django: ModuleType, shop: dict[str, Any]) -> None:
    directories = {one["path"]: one for one in django.django_directories([shop])}
    assert [path for path, one in directories.items() if one.get("owner")] == ["/srv/shop/shared/media"]
    assert all(one["mode"] == "0750" and one["group"] == "shop" for one in directories.values())
    parents = [path.rpartition("/")[0] for path in directories]
    assert all(parent in list(directories)[:number] for number, parent in enumerate(parents) if number), "parents first"


def state(shop: dict[str, Any], known: str, **live: Any) -> dict[str, Any]:
    slot = {"release": "r1", "fingerprint": known, "settings": "s1", "active": True, **live}
    return {
        "shop": {"live": "blue", "idle": "green", "settings": "s1", "slots": {"blue": slot, "green": {"active": False}}}
    }


@pytest.mark.parametrize(
    ("live", "pending"),
    [
        ({}, []),
        ({"release": "r0"}, ["shop"]),
        ({"fingerprint": "other"}, ["shop"]),
        ({"settings": "s0"}, ["shop"]),
        ({"active": False}, ["shop"]),
    ],
)
def test_whatever_differs_in_the_live_slot_asks_for_a_deploy(
    django: ModuleType,
    plugin: Callable[[str], ModuleType],
    shop: dict[str, Any],
    live: dict[str, Any],
    pending: list[str],
) -> None:
    fingerprint = plugin("filter/applications.py").application_fingerprint(shop, DATABASE, "r1")
    given = state(shop, fingerprint, **live)
    releases = {"shop": {"release": "r1"}}
    assert django.django_pending([shop], given, releases, DATABASE) == pending
    assert django.django_pending([shop], given, releases, DATABASE, True) == ["shop"], "its settings will change"
    assert django.django_pending([shop], given, {"shop": {"release": "r2"}}, DATABASE) == ["shop"]


def test_a_host_without_any_slot_asks_for_a_deploy(django: ModuleType, shop: dict[str, Any]) -> None:
    empty = {"shop": {"live": "", "idle": "blue", "settings": "s1", "slots": {"blue": {}, "green": {}}}}
    assert django.django_pending([shop], empty, {"shop": {"release": "r1"}}, DATABASE) == ["shop"]


def test_an_idle_slot_that_runs_is_a_leftover(django: ModuleType, shop: dict[str, Any]) -> None:
    given = state(shop, "f")
    assert django.django_leftovers(given) == []
    given["shop"]["slots"]["green"]["active"] = True
    assert django.django_leftovers(given) == ["shop"]


def test_one_host_migrates_for_all(django: ModuleType) -> None:
    hosts = [
        {"inventory_hostname": "web1", "__django_pending": ["blog"]},
        {"inventory_hostname": "web2", "__django_pending": ["shop"]},
        {"inventory_hostname": "web3", "__django_pending": ["shop"]},
        {"inventory_hostname": "web4"},
    ]
    assert django.django_first_pending(hosts, "shop") == "web2"
    assert django.django_first_pending(hosts, "other") == ""


def surplus(django: ModuleType, release: str, kept: int, slots: dict[str, Any] | None = None) -> list[str]:
    releases = {f"r{number}": {"modified": number} for number in range(1, 8)}
    return django.django_surplus({"slots": slots or {"blue": {}, "green": {}}, "releases": releases}, release, kept)


def test_the_newest_releases_are_kept(django: ModuleType) -> None:
    assert surplus(django, "r7", 3) == ["r1", "r2", "r3", "r4"]
    assert surplus(django, "r7", 7) == []


def test_what_stands_in_a_slot_is_kept_however_old(django: ModuleType) -> None:
    slots = {"blue": {"release": "r1"}, "green": {"release": "r7"}}
    assert surplus(django, "r1", 3, slots) == ["r2", "r3", "r4", "r5"]
    assert surplus(django, "r1", 0, slots) == ["r2", "r3", "r4", "r5", "r6"]


def test_what_gives_way_in_the_idle_slot_is_not_held(django: ModuleType) -> None:
    releases = {name: {"modified": number} for number, name in enumerate(("first", "second", "third"))}
    slots = {"blue": {"release": "first"}, "green": {"release": "second"}}
    state = {"slots": slots, "idle": "blue", "releases": releases}
    assert django.django_surplus(state, "third", 2) == ["first"]


def test_the_filters_are_offered_to_ansible(django: ModuleType) -> None:
    assert all(callable(one) for one in django.FilterModule().filters().values())
