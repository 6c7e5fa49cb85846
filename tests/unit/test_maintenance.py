"""Sites in maintenance: whose word counts, what a host keeps of it, and what a run says."""

from __future__ import annotations

import pytest
from ansible_collections.django_ec2.site.plugins.plugin_utils import maintenance

SITES = [{"name": "board"}, {"name": "shop"}]
ON = {"on": True, "at": 200, "by": "anna"}
OFF = {"on": False, "at": 100, "by": "ben"}


def host(name: str, **said: dict[str, object]) -> dict[str, object]:
    return {"inventory_hostname": name, "ansible_local": {"maintenance": said}}


@pytest.mark.parametrize("first", [True, False])
def test_the_newest_word_of_all_hosts_counts_whichever_was_away(first: bool) -> None:
    hosts = [host("web1", shop=ON), host("web2", shop=OFF), {"inventory_hostname": "new"}, {"ansible_local": {}}]
    assert maintenance.newest(hosts if first else hosts[::-1])["shop"] == ON
    later = {"on": False, "at": 300, "by": "ben"}
    assert maintenance.newest([*hosts, host("web3", shop=later)])["shop"] == later


def test_what_is_so_already_is_not_said_again() -> None:
    assert maintenance.decided({"shop": ON}, "shop", True, 999, "ben") == {"shop": ON}
    assert maintenance.decided({"shop": ON}, "shop", False, 999.5, "ben") == {
        "shop": {"on": False, "at": 999, "by": "ben"}
    }
    assert maintenance.decided({}, "shop", True, 5, "ben")["shop"]["on"] is True
    assert maintenance.decided({"board": ON}, "shop", False, 5, "ben") == {"board": ON}


def test_a_host_keeps_a_word_on_each_of_its_sites_and_on_no_other() -> None:
    kept = maintenance.kept({"shop": ON, "gone": ON}, SITES)
    assert kept == {"board": maintenance.NEVER, "shop": ON}
    (file,) = maintenance.files(kept)
    assert file["path"] == "/var/lib/nginx-maintenance/shop"
    assert file["content"] == "Since 1970-01-01 00:03 UTC, by anna.\n"


def test_a_host_whose_nginx_has_not_the_site_is_named() -> None:
    said = maintenance.absent_problems([host("web1", shop=OFF), host("web2"), {"inventory_hostname": "web3"}], "shop")
    assert [one.split(" does")[0] for one in said] == ["nginx of web2", "nginx of web3"]
    assert all("site.yml --tags nginx first" in one for one in said)


def test_the_entry_outranks_the_playbook() -> None:
    assert maintenance.off_problem("shop", False) == ""
    assert "applications.shop.maintenance is true" in maintenance.off_problem("shop", True)


def test_a_run_says_who_is_shut_out() -> None:
    assert maintenance.notes([host("web1", shop=OFF)], SITES) == []
    (one,) = maintenance.notes([host("web1", shop=ON)], SITES)
    assert one.startswith("shop is in maintenance since 1970-01-01 00:03 UTC, by anna")
    assert "-e app=shop -e maintenance=off" in one
    (one,) = maintenance.notes([host("web1", shop=OFF)], [{"name": "shop", "maintenance": True}])
    assert "applications.shop.maintenance is true" in one
