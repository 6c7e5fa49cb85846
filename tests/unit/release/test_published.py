"""Which releases belong into the bucket at the end of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.django_ec2.site.plugins.module_utils.release.bucket import staying
from ansible_collections.django_ec2.site.plugins.plugin_utils.release.published import most_hosts, published

from tests.unit.release.test_choice import PLATFORM, host, release

BUILT = {"python": "3.13", "platform": PLATFORM}


def shop(
    hosts: list[dict[str, Any]], builds: Path | str = "/nowhere", check: bool = False
) -> list[tuple[str, str, str, str]]:
    found = published(hosts, ["shop"], PLATFORM, str(builds), check)
    return [(one["release"], one["layer"], one["python"], one["host"]) for one in found]


def test_what_all_hosts_serve_is_published() -> None:
    hosts = [host(name, live="4be1", **{"4be1": release("k", **BUILT)}) for name in ("web1", "web2")]
    assert shop(hosts) == [("4be1", "l-k", "3.13", "web1")]


def test_a_release_that_this_run_made_live_counts_and_its_archives_are_named(tmp_path: Path) -> None:
    own = host("web1", live="4be1", **{"4be1": release("k", **BUILT)})
    own |= {
        "release_switched": {"shop": "77aa"},
        "__release_wanted": {"shop": {"release": "77aa", "layer": "l2", "version": "v2"}},
    }
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/77aa.tar.gz").touch()
    found = published([own], ["shop"], PLATFORM, str(tmp_path))[0]
    assert found == {
        "name": "shop", "python": "3.13", "platform": PLATFORM, "release": "77aa", "version": "v2", "layer": "l2",
        "archive": str(tmp_path / "shop/77aa.tar.gz"), "layer_archive": "", "host": "web1",
    }  # fmt: skip


def test_hosts_that_serve_several_releases_decide_nothing() -> None:
    """A deploy that failed on the second host leaves the first one with the new release."""
    hosts = [host(name, live="4be1", **{"4be1": release("k", **BUILT)}) for name in ("web1", "web2")]
    hosts[0]["release_switched"] = {"shop": "77aa"}
    assert shop(hosts) == []


def test_each_kind_of_host_has_its_own() -> None:
    hosts = [
        host("web1", live="4be1", **{"4be1": release("k", **BUILT)}),
        host("web2", live="4be2", minor=11, **{"4be2": release("k2", python="3.11", platform=PLATFORM)}),
    ]
    assert shop(hosts) == [("4be2", "l-k2", "3.11", "web2"), ("4be1", "l-k", "3.13", "web1")]


def test_a_rollback_needs_no_facts() -> None:
    own = host("web1", live="4be1", **{"4be1": release("k", **BUILT), "4be0": release("j", **BUILT)})
    own |= {"ansible_facts": {}, "release_switched": {"shop": "4be0"}}
    assert shop([own]) == [("4be0", "l-j", "3.13", "web1")]


def test_a_host_that_serves_nothing_publishes_nothing_and_a_check_what_it_would_serve() -> None:
    own = host("web1")
    own |= {
        "__release_pending": ["shop"],
        "__release_wanted": {"shop": {"release": "77aa", "layer": "l2", "version": "v2"}},
    }
    assert shop([own]) == []
    assert shop([own], check=True) == [("77aa", "l2", "3.13", "web1")]


@pytest.mark.parametrize(
    ("played", "most"), [(["web1", "web2"], True), (["web1"], False), (["web1", "web2", "db1"], True), ([], False)]
)
def test_a_part_of_the_hosts_is_a_trial(played: list[str], most: bool) -> None:
    assert most_hosts(played, ["web1", "web2", "web3"] if len(played) > 1 else ["web1", "web2"]) is most


def test_what_is_live_stays_in_the_bucket_however_old_it_is() -> None:
    assert staying(["e", "d", "c", "b", "a"], ["a"], 3) == ["a", "e", "d"]
    assert staying(["b", "a"], ["a", "b"], 1) == ["b", "a"]
