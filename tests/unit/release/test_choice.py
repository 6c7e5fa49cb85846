"""Which release each host should have, and where it comes from."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.django_ec2.site.plugins.plugin_utils.release import choice

PLATFORM = "x86_64-manylinux_2_28"
TARGET = ("3.13", PLATFORM)


def release(key: str, source: str = "git aaa", **own: Any) -> dict[str, Any]:
    """What release_state says of a release."""
    return {"complete": True, "input_key": key, "layer": f"l-{key}", "source": source, **own}


def host(name: str, live: str = "", minor: int = 13, **releases: dict[str, Any]) -> dict[str, Any]:
    """Variables of a host, with what was read on it of the shop."""
    own = {
        "live": "blue" if live else "",
        "slots": {"blue": {"release": live, "version": f"v-{live}"} if live else {}, "green": {}},
        "releases": releases,
        "layers": {f"key of {one['layer']}": {"layer": one["layer"], "packages": []} for one in releases.values()},
        "history": [],
    }
    return {
        "inventory_hostname": name,
        "ansible_facts": {"python": {"version": {"major": 3, "minor": minor, "micro": 5}}},
        "__release_read": {"applications": {"shop": own}},
    }


def state(one: dict[str, Any]) -> dict[str, Any]:
    return one["__release_read"]["applications"]["shop"]


def key(
    value: str, *, moves: bool = False, differs: str = "", commit: str = "", live: str = "git aaa", keep: bool = False,
    minor: int = 13,
) -> dict[str, Any]:  # fmt: skip
    """What release_build says with key_only."""
    item = {"name": "shop", "python": f"3.{minor}", "platform": PLATFORM, "version": "main"}
    item |= {"live_source": live, "keep_live": keep}
    return {
        "item": item,
        "input_key": value,
        "key_now": "k-now",
        "version": "main",
        "moves": moves,
        "differs": differs,
        "commit": commit,
    }


def decide(
    found: dict[str, Any],
    hosts: list[dict[str, Any]],
    elsewhere: list[dict[str, Any]] | None = None,
    built: str = "",
    **more: Any,
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], dict[str, str]]:
    """What is fetched, what is built, and the release that each host should have."""
    planned = choice.plan([found], hosts, elsewhere or [], **more)
    fetch = choice.to_fetch(planned)
    fetched = [
        {
            "item": one,
            "archive": f"/kept/{one['release']}" if one["release"] else "",
            "layer": one["layer"],
            "layer_archive": "/l",
        }
        for one in fetch
    ]
    build = choice.to_build(planned, fetched, more.get("rebuild", False))
    results = [
        {"item": one, "release": built, "archive": "/built", "layer": "l", "layer_archive": "/l", "version": "main"}
        for one in build
    ]
    wanted = {
        one["inventory_hostname"]: choice.asked_for(
            planned, fetched, results, one["__release_read"]["applications"], TARGET
        )
        for one in hosts
    }
    return fetch, build, {name: one["shop"]["release"] if one else "" for name, one in wanted.items()}


def test_what_every_host_has_is_neither_fetched_nor_built() -> None:
    hosts = [host("web1", "r1", r1=release("k1"), r2=release("k2")), host("web2", "r1", r1=release("k1"))]
    assert decide(key("k1"), hosts) == ([], [], {"web1": "r1", "web2": "r1"})
    # A rebuild asks nobody.
    assert decide(key("k1", moves=True), hosts, rebuild=True, built="r9")[2] == {"web1": "r9", "web2": "r9"}


@pytest.mark.parametrize("moves", [True, False])
def test_a_host_without_a_release_gets_that_of_the_others(moves: bool) -> None:
    for lacking in (host("web2"), host("web2", r1=release("k1", complete=False)), host("web2", r9=release("k1"))):
        fetch, build, wanted = decide(key("k1", moves=moves), [host("web1", "r1", r1=release("k1")), lacking])
        assert fetch == [{"name": "shop", "release": "r1", "layer": "l-k1", "host": "web1"}]
        assert (build, wanted) == ([], {"web1": "r1", "web2": "r1"})


def test_it_is_fetched_from_a_host_that_this_run_leaves_out() -> None:
    outside = [{"item": "web1", "applications": {"shop": state(host("web1", "r1", r1=release("k1")))}}]
    hosts = [host("web3")]
    fetch, build, wanted = decide(key("k-now", differs="it has changed"), hosts, outside)
    assert (fetch[0]["host"], fetch[0]["release"], build, wanted) == ("web1", "r1", [], {"web3": "r1"})
    items = [key("")["item"]]
    assert choice.with_live(items, hosts, outside, "converge")[0]["live_source"] == "git aaa"
    # One that could not be reached says nothing.
    assert choice.with_live(items, hosts, [{"item": "web1", "unreachable": True}], "converge")[0]["live_source"] == ""


def test_a_release_whose_archive_no_host_kept_is_built() -> None:
    planned = choice.plan([key("k1")], [host("web1", "r1", r1=release("k1")), host("web2")], [])
    (item,) = choice.to_fetch(planned)
    assert len(choice.to_build(planned, [{"item": item, "archive": ""}])) == 1


def test_a_source_that_went_on_leaves_what_is_live() -> None:
    hosts = [host("web1", "r1", r1=release("k1"), r2=release("k2", "git bbb")), host("web2", "r1", r1=release("k1"))]
    assert decide(key("k1", differs="main is at bbb"), hosts) == ([], [], {"web1": "r1", "web2": "r1"})
    # With a changed entry, too: nothing is built of a source that nobody deployed.
    assert decide(key("k-entry", differs="main is at bbb"), hosts) == ([], [], {"web1": "r1", "web2": "r1"})


def test_another_exact_version_is_deployed() -> None:
    hosts = [host("web1", "r1", r1=release("k1")), host("web2", "r1", r1=release("k1"))]
    fetch, build, wanted = decide(key("k2", moves=True), hosts, built="r2")
    assert (fetch, len(build), wanted) == ([], 1, {"web1": "r2", "web2": "r2"})


def test_a_changed_entry_of_the_same_source_is_deployed() -> None:
    hosts = [host("web1", "r1", r1=release("k1")), host("web2", "r1", r1=release("k1"))]
    assert decide(key("k-entry"), hosts, built="r2")[2] == {"web1": "r2", "web2": "r2"}
    # A rotation of passwords is no occasion for it.
    assert decide(key("k-entry", keep=True), hosts) == ([], [], {"web1": "r1", "web2": "r1"})


def test_hosts_that_a_deploy_left_different_stay_so_and_are_named() -> None:
    hosts = [
        host("web1", "r2", r1=release("k1"), r2=release("k2", "git bbb")), host("web2", "r1", r1=release("k1")), host("web3"),
    ]  # fmt: skip
    state(hosts[0])["history"] = [{"release": "r2", "from": "r1", "time": 9}]
    assert choice.with_live([key("")["item"]], hosts, [], "converge")[0]["live_source"] == "git bbb"
    found = key("k2", live="git bbb")
    fetch, build, wanted = decide(found, hosts)
    assert wanted == {"web1": "r2", "web2": "r1", "web3": "r2"}
    assert ([one["host"] for one in fetch], build) == (["web1"], [])
    for one in hosts:
        one["__release_wanted"] = {"shop": {"release": wanted[one["inventory_hostname"]]}}
    (said,) = choice.notes(choice.plan([found], hosts[:2], []), hosts[:2])
    assert "r2 on web1, r1 on web2" in said
    assert "playbooks/deploy.yml -e app=shop" in said


def test_what_is_left_alone_is_said_once() -> None:
    one = host("web1", "r1", r1=release("k1"))
    one["__release_wanted"] = {"shop": {"release": "r1"}}
    planned = choice.plan([key("k1", differs="/src/shop has changed")], [one], [])
    (said,) = choice.notes(planned, [one])
    assert said.startswith("shop: /src/shop has changed. This run left the release alone")
    assert said.endswith("ansible-playbook playbooks/deploy.yml -e app=shop")
    assert choice.notes(choice.plan([key("k1")], [one], []), [one]) == []
    state(one)["releases"]["r2"] = release("k-now", "git bbb", withdrawn="rolled back to r1 by me")
    assert "as it is now was rolled back to r1 by me, and this run leaves" in choice.notes(planned, [one])[0]
    one["__release_wanted"] = {"shop": {"release": "r1", "withdrawn": "rolled back to r1 by me"}}
    assert "was rolled back to r1 by me. r1 stays live" in choice.notes(planned, [one])[0]


def test_a_host_with_another_python_needs_the_source_as_it_was() -> None:
    hosts = [host("web1", "r1", minor=11, r1=release("k1", python="3.11", platform=PLATFORM)), host("web2")]
    (refused,) = choice.plan([key("k1", differs="/src/shop has changed")], hosts, [])
    assert "r1 is live, no host has it for Python 3.13" in refused["problem"]
    assert "playbooks/deploy.yml -e app=shop" in refused["problem"]
    planned = choice.plan([key("k1", differs="main is at bbb", commit="a" * 40)], hosts, [])
    (item,) = choice.to_build(planned, [])
    assert item["version"] == "a" * 40


def test_layers_that_every_host_has_are_not_built_and_that_of_the_live_release_is_fetched() -> None:
    hosts = [host("web1", "r1", r1=release("k1", layer="l1")), host("web2")]
    django, other = {"layer": "l1", "packages": ["Django==5.2"]}, {"layer": "l2", "packages": []}
    for one, layers in zip(hosts, ({"k": django, "x": other}, {"k": django}), strict=True):
        state(one)["layers"] = layers
    fetch, (item,), _wanted = decide(key("k2", moves=True), hosts, built="r2")
    assert (fetch, item["layers"]) == ([], {"k": django})
    state(hosts[1])["layers"] = {}
    fetch, (item,), _wanted = decide(key("k2", moves=True), hosts, built="r2")
    assert (fetch, item["layers"]) == ([{"name": "shop", "release": "", "layer": "l1", "host": "web1"}], {})


def test_of_two_releases_from_one_input_the_live_one_is_meant() -> None:
    hosts = [host(name, "r1", r0=release("k1"), r1=release("k1")) for name in ("web1", "web2")]
    assert decide(key("k1", moves=True), hosts)[2] == {"web1": "r1", "web2": "r1"}


def test_a_host_takes_what_is_for_its_python() -> None:
    hosts = [host("web1"), host("web2", minor=11)]
    planned = choice.plan([key("k", minor=11, moves=True), key("k", moves=True)], hosts, [])
    built = [
        {"item": one, "release": f"r{one['python']}", "archive": "a", "layer": "l", "layer_archive": "b", "version": "v1", "size": 1}
        for one in choice.to_build(planned, [])
    ]  # fmt: skip
    found = choice.asked_for(planned, [], built, hosts[0]["__release_read"]["applications"], TARGET)
    assert found == {"shop": {"release": "r3.13", "archive": "a", "layer": "l", "layer_archive": "b", "version": "v1"}}
    assert choice.asked_for(planned, [], built, {}, ("3.12", PLATFORM)) == {}


def test_the_live_release_keeps_the_version_that_it_was_deployed_with() -> None:
    one = host("web1", "r1", r1=release("k1"))
    planned = choice.plan([key("k1")], [one], [])
    assert choice.asked_for(planned, [], [], {"shop": state(one)}, TARGET)["shop"]["version"] == "v-r1"
