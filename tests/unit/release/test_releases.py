"""Which releases a host has, which it should have, and what follows and is said of it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.django_ec2.site.plugins.filter.django import FilterModule as OfDjango
from ansible_collections.django_ec2.site.plugins.filter.release import FilterModule as OfRelease
from ansible_collections.django_ec2.site.plugins.plugin_utils.applications.endpoints import database_endpoints
from ansible_collections.django_ec2.site.plugins.plugin_utils.applications.environment import application_fingerprint
from ansible_collections.django_ec2.site.plugins.plugin_utils.applications.resolve import resolve_applications
from ansible_collections.django_ec2.site.plugins.plugin_utils.release import messages, releases, units
from ansible_collections.django_ec2.site.plugins.plugin_utils.release.target import target_of

PLATFORM = "x86_64-manylinux_2_28"
SERVER = {"host": "db1", "port": 5432, "sslmode": "verify-full", "ca_file": "/ca.pem"}


@pytest.fixture
def shop() -> dict[str, Any]:
    entry = {
        "domains": ["www.example.org"],
        "source": "shop",
        "settings_module": "shop.settings",
        "wsgi_module": "shop.wsgi",
        "database": {"password": "x", "owner_password": "y"},
    }
    return resolve_applications({"shop": entry})[0]


def facts(minor: int) -> dict[str, Any]:
    return {"python": {"version": {"major": 3, "minor": minor, "micro": 5}}}


def test_a_release_is_built_once_for_each_kind_of_host(shop: dict[str, Any]) -> None:
    hosts = [{"ansible_facts": facts(minor)} for minor in (13, 11, 13, 13)]
    common = {
        "name": "shop", "source": "/src/shop", "version": "", "deploy_key": "", "extras": [], "packages": [], "build_commands": [],
        "release_commands": ["collectstatic --noinput"], "replace_packages": {}, "ignore_requires_python": False,
    }  # fmt: skip
    # Nothing else of the entry: what a loop iterates over may be printed.
    assert releases.builds([shop], hosts, PLATFORM, "/src") == [
        {**common, "python": "3.11", "platform": PLATFORM},
        {**common, "python": "3.13", "platform": PLATFORM},
    ]


def test_the_front_page_is_always_asked(shop: dict[str, Any]) -> None:
    assert releases.checks(shop) == [{"path": "/", "status": 0, "text": ""}]
    about = {**shop, "check_paths": {"/about/": {"status": 200, "text": "us"}, "/": {"status": 302, "text": ""}}}
    assert releases.question(about)["checks"] == [
        {"path": "/", "status": 302, "text": ""},
        {"path": "/about/", "status": 200, "text": "us"},
    ]
    assert releases.activation(about, [])["checks"] == releases.checks(about)


def test_missing_facts_say_how_to_gather_them(shop: dict[str, Any]) -> None:
    with pytest.raises(AnsibleFilterError, match="gather_subset"):
        releases.builds([shop], [{"ansible_facts": {}}], PLATFORM)


def gates(**gate: Any) -> list[dict[str, Any]]:
    """Two hosts of which the first asked its release."""
    common = {"__release_pending": ["shop"]}
    return [
        {**common, "inventory_hostname": "web1", "__release_gates": {"shop": gate}},
        {**common, "inventory_hostname": "web2", "__release_gates": {"shop": {}}},
    ]


def test_hosts_with_another_processor_get_a_release_of_their_own(shop: dict[str, Any]) -> None:
    """The platform is read on one host of the play, and the others may differ."""
    hosts = [{"ansible_facts": facts(13) | {"architecture": machine}} for machine in ("x86_64", "aarch64", "x86_64")]
    built = releases.builds([shop], hosts, "x86_64-manylinux_2_28")
    assert {one["platform"] for one in built} == {"x86_64-manylinux_2_28", "aarch64-manylinux_2_28"}
    assert target_of(hosts[0]["ansible_facts"], "aarch64-manylinux_2_39") == ("3.13", "x86_64-manylinux_2_39")


def test_a_database_that_is_up_to_date_is_left_alone() -> None:
    assert not releases.to_migrate(gates(plan=[], migrations={}), "shop")
    assert releases.to_migrate(gates(plan=["shop.0002"], migrations={}), "shop")
    assert releases.to_migrate(gates(error="the database cannot be reached"), "shop")
    assert not releases.to_migrate(gates(plan=[]), "other")


def test_every_host_keeps_what_one_said_of_the_migrations() -> None:
    assert releases.migrations(gates(migrations={"shop.0001": []}), "shop") == {"shop.0001": []}
    assert releases.migrations(gates(error="x"), "shop") == {}


def test_only_what_is_missing_is_shipped(shop: dict[str, Any]) -> None:
    asked_for = {"release": "r2", "archive": "/a", "layer": "l1", "layer_archive": "/b"}
    empty = {"releases": {}, "layers": {}, "slots": {"blue": {}, "green": {}}}
    found = releases.staging(shop, asked_for, empty, "green", 5)
    assert (found["archive"], found["layer_archive"]) == ("/a", "/b")
    assert found["commands"] == [["collectstatic", "--noinput"]]
    layered = {**empty, "layers": {"k": {"layer": "l1", "packages": []}}}
    found = releases.staging(shop, asked_for, layered, "green", 5)
    assert (found["archive"], found["layer_archive"]) == ("/a", None)
    staged = {**empty, "releases": {"r2": {"complete": True, "modified": 1}}}
    found = releases.staging(shop, asked_for, staged, "green", 5)
    assert (found["archive"], found["layer_archive"]) == (None, None)


def test_only_media_and_data_belong_to_the_application(shop: dict[str, Any]) -> None:
    directories = {one["path"]: one for one in units.directories([shop])}
    assert [path for path, one in directories.items() if one.get("owner")] == [
        "/srv/shop/shared/media",
        "/srv/shop/shared/data",
    ]
    assert {one["group"] for one in directories.values()} == {"shop"}
    assert {path for path, one in directories.items() if one["mode"] != "0750"} == {"/srv/shop/shared/data"}
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
    shop: dict[str, Any],
    live: dict[str, Any],
    pending: list[str],
) -> None:
    fingerprint = application_fingerprint(shop, database_endpoints([shop], SERVER)["shop"], "r1")
    given = state(shop, fingerprint, **live)
    wanted = {"shop": {"release": "r1"}}
    assert releases.pending([shop], given, wanted, database_endpoints([shop], SERVER)) == pending
    assert releases.pending([shop], given, {"shop": {"release": "r2"}}, database_endpoints([shop], SERVER)) == ["shop"]


def test_a_host_without_any_slot_asks_for_a_deploy(shop: dict[str, Any]) -> None:
    empty = {"shop": {"live": "", "idle": "blue", "settings": "s1", "slots": {"blue": {}, "green": {}}}}
    assert releases.pending([shop], empty, {"shop": {"release": "r1"}}, database_endpoints([shop], SERVER)) == ["shop"]


def test_an_idle_slot_that_runs_is_a_leftover(shop: dict[str, Any]) -> None:
    given = state(shop, "f")
    assert releases.leftovers(given) == []
    given["shop"]["slots"]["green"]["active"] = True
    assert releases.leftovers(given) == ["shop"]
    given = {**state(shop, "f"), "blog": {**state(shop, "f")["shop"], "owed": True}}
    assert releases.leftovers(given) == ["blog"]
    assert releases.all_leftovers([{"__release_read": {"applications": given}}, {}]) == ["blog"]


def test_one_host_migrates_for_all() -> None:
    hosts = [
        {"inventory_hostname": "web1", "__release_pending": ["blog"]},
        {"inventory_hostname": "web2", "__release_pending": ["shop"]},
        {"inventory_hostname": "web3", "__release_pending": ["shop"]},
        {"inventory_hostname": "web4"},
    ]
    assert releases.first_pending(hosts, "shop") == "web2"
    assert releases.first_pending(hosts, "other") == ""


def surplus(release: str, kept: int, slots: dict[str, Any] | None = None) -> list[str]:
    found = {f"r{number}": {"modified": number} for number in range(1, 8)}
    return releases.surplus({"slots": slots or {"blue": {}, "green": {}}, "releases": found}, release, kept)


def test_the_newest_releases_are_kept() -> None:
    assert surplus("r7", 3) == ["r1", "r2", "r3", "r4"]
    assert surplus("r7", 7) == []


def test_what_stands_in_a_slot_is_kept_however_old() -> None:
    slots = {"blue": {"release": "r1"}, "green": {"release": "r7"}}
    assert surplus("r1", 3, slots) == ["r2", "r3", "r4", "r5"]
    assert surplus("r1", 0, slots) == ["r2", "r3", "r4", "r5", "r6"]


def test_releases_that_never_were_live_go_first() -> None:
    found = {f"r{number}": {"modified": number} for number in range(1, 8)}
    given = {"slots": {"blue": {"release": "r3"}, "green": {}}, "idle": "green", "releases": found}
    given["history"] = [{"release": name} for name in ("r1", "r2", "r3")]
    assert releases.surplus(given, "r8", 4) == ["r4", "r5", "r6", "r7"]


def test_what_gives_way_in_the_idle_slot_is_not_held() -> None:
    found = {name: {"modified": number} for number, name in enumerate(("first", "second", "third"))}
    slots = {"blue": {"release": "first"}, "green": {"release": "second"}}
    given = {"slots": slots, "idle": "blue", "releases": found}
    assert releases.surplus(given, "third", 2) == ["first"]


def test_a_git_url_is_no_directory_below_the_repository(shop: dict[str, Any]) -> None:
    shop["source"] = "git@git.example.org:shop.git"
    (one,) = releases.builds([shop], [{"ansible_facts": facts(13)}], PLATFORM, "/src")
    assert one["source"] == "git@git.example.org:shop.git"


def test_a_service_that_does_not_run_asks_for_a_deploy(shop: dict[str, Any]) -> None:
    given = state(shop, application_fingerprint(shop, database_endpoints([shop], SERVER)["shop"], "r1"))
    given["shop"]["services"] = False
    assert releases.pending([shop], given, {"shop": {"release": "r1"}}, database_endpoints([shop], SERVER)) == ["shop"]


COMMANDS = [
    ("manage.py work --queue a", ["python", "manage.py", "work", "--queue", "a"]),
    ("celery -A shop worker", ["celery", "-A", "shop", "worker"]),
    ("python -m shop.daemon", ["python", "-m", "shop.daemon"]),
    ("manage.py say '50% of $HOME \"now\"'", ["python", "manage.py", "say", '50%% of $$HOME \\"now\\"']),
]


@pytest.mark.parametrize(("command", "words"), COMMANDS)
def test_a_services_command_is_one_of_its_release(command: str, words: list[str]) -> None:
    entry = {
        "domains": ["www.example.org"], "source": "shop", "settings_module": "shop.settings", "wsgi_module": "shop.wsgi",
        "database": {"password": "x", "owner_password": "y"}, "services": {"worker": {"command": command}},
    }  # fmt: skip
    resolved = resolve_applications({"shop": entry})
    (unit,) = units.units(resolved, True)
    assert unit["path"] == "/etc/systemd/system/shop-worker@.service"
    expected = [f"/srv/shop/slots/%i/release/venv/bin/{words[0]}", *words[1:]]
    assert unit["vars"]["process"]["execute"] == " ".join(f'"{word}"' for word in expected)


def test_singletons_run_on_one_host(shop: dict[str, Any]) -> None:
    entry = {
        "domains": ["www.example.org"], "source": "shop", "settings_module": "shop.settings", "wsgi_module": "shop.wsgi",
        "database": {"password": "x", "owner_password": "y"},
        "services": {"worker": {"command": "manage.py w"}, "beat": {"command": "manage.py b", "singleton": True}},
        "timers": {"nightly": {"command": "manage.py n", "schedule": "daily"}},
    }  # fmt: skip
    resolved = resolve_applications({"shop": entry})
    here = [[unit["path"].rpartition("/")[2] for unit in units.units(resolved, one)] for one in (True, False)]
    assert here == [
        ["shop-beat@.service", "shop-worker@.service", "shop-timer-nightly.service", "shop-timer-nightly.timer"],
        ["shop-worker@.service"],
    ]
    assert units.timers(resolved, False) == []
    assert [one["name"] for one in units.timers(resolved, True)] == ["shop-timer-nightly.timer"]


def releases_of(**marks: dict[str, Any]) -> dict[str, Any]:
    own = {"complete": True, "ready": True, "bad": "", "withdrawn": "", "modified": 1, "migrations": {}}
    history = [{"release": name, "version": f"v-{name}"} for name in ("r1", "r2", "r3")]
    return {
        "live": "blue", "slots": {"blue": {"release": "r3"}, "green": {"release": "r2"}}, "history": history,
        "releases": {name: {**own, **marks.get(name, {})} for name in ("r1", "r2", "r3")},
    }  # fmt: skip


def test_a_rollback_takes_the_release_that_was_live_before() -> None:
    chosen = releases.previous(releases_of(), "shop")
    assert (chosen["release"], chosen["version"], chosen["from"]) == ("r2", "v-r2", "r3")
    assert releases.previous(releases_of(r2={"bad": "no answer"}), "shop")["release"] == "r1"
    assert releases.previous(releases_of(r2={"withdrawn": "x"}), "shop")["release"] == "r1"
    assert releases.previous(releases_of(), "shop", "r1")["release"] == "r1"


@pytest.mark.parametrize(
    ("marks", "release", "words"),
    [
        ({}, "r9", "r9 of shop is not on this host"),
        ({}, "r3", "is live already"),
        ({"r1": {"ready": False}, "r2": {"bad": "x"}}, "", "No earlier release of shop is kept"),
        ({"r2": {"bad": "no answer"}}, "r2", "marked bad \\(no answer\\)"),
    ],
)
def test_a_rollback_says_why_it_cannot_be_made(marks: dict[str, Any], release: str, words: str) -> None:
    with pytest.raises(AnsibleFilterError, match=words) as caught:
        releases.previous(releases_of(**marks), "shop", release)
    assert "playbooks/releases.yml -e app=shop" in str(caught.value)


def test_migrations_that_break_the_earlier_release_stand_in_the_way() -> None:
    known = {"shop.0001": []}
    live = {**known, "shop.0002": ["drops the column shop.item.price"], "shop.0003": []}
    chosen = releases.previous(releases_of(r2={"migrations": known}, r3={"migrations": live}), "shop")
    assert chosen["migrations"] == {"shop.0002": ["drops the column shop.item.price"]}


def test_a_release_that_was_taken_back_stays_away_until_somebody_asks() -> None:
    given = {"shop": releases_of(r3={"withdrawn": "rolled back"})}
    given["shop"]["slots"]["blue"] = {"release": "r2", "version": "v2"}
    built = {"shop": {"release": "r3", "archive": "a", "size": 1, "version": "v3"}}
    assert releases.wanted(built, given)["shop"]["release"] == "r2"
    assert releases.wanted(built, given, True)["shop"] == built["shop"]


def test_the_list_of_releases_says_when_what_and_who() -> None:
    given = releases_of(r2={"bad": "no answer"})
    given["history"][2] |= {"time": 1763800000, "who": "admin"}
    lines = messages.release_list(given, "shop")
    assert lines[0].split() == ["shop", "r3", "2025-11-22", "08:26:40", "UTC", "v-r3", "0.0", "MB", "admin", "live"]
    assert lines[-2 if "r2" in lines[-2] else -1].endswith("bad: no answer")


def test_the_list_of_releases_names_the_restore_point_before_their_migrations() -> None:
    given = releases_of()
    given["history"][2] |= {"restore_point": "shop-20261126T081500Z-r3"}
    lines = [line for line in messages.release_list(given, "shop") if "shop-20261126T081500Z-r3" in line]
    assert [line.split()[1] for line in lines] == [given["history"][2]["release"]]


def test_the_restore_point_that_leads_back_is_the_first_since_the_release_was_live() -> None:
    history = [
        {"release": "r1"}, {"release": "r2", "restore_point": "p2"}, {"release": "r3", "restore_point": "p3"}, {"release": "r4"},
    ]  # fmt: skip
    assert releases.point_before(history, "r1") == "p2"
    assert releases.point_before(history, "r2") == "p3"
    assert releases.point_before(history, "r3") == ""
    # Live again since: what was migrated before that is part of its data.
    assert releases.point_before([*history, {"release": "r1"}], "r1") == ""


def test_the_restore_point_is_noted_on_all_hosts() -> None:
    hosts = [{}, {"__release_gates": {"shop": {"restore_point": "p"}, "other": {}}}]
    assert releases.restore_point(hosts, "shop") == "p"
    assert releases.restore_point(hosts, "other") == ""


def test_only_commands_that_need_it_may_write_into_the_source(shop: dict[str, Any]) -> None:
    assert releases.writable(shop) == ["static"]
    shop["release_commands"] = ["manage.py compilemessages", "collectstatic --noinput"]
    assert releases.writable(shop) == ["static", "app"]


def test_the_filters_are_offered_to_ansible() -> None:
    assert all(callable(one) for module in (OfDjango, OfRelease) for one in module().filters().values())
