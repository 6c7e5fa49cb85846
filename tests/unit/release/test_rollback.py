"""One release for all hosts of a rollback."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.django_ec2.site.plugins.plugin_utils.release.rollback import targets


def state(*history: str, live: str = "", **marks: dict[str, Any]) -> dict[str, Any]:
    """A host on which these releases became live, one after the other."""
    own = {
        "complete": True,
        "ready": True,
        "bad": "",
        "withdrawn": "",
        "modified": 1,
        "migrations": {},
        "python": "3.13",
    }
    lines = [
        {"release": one, "from": before, "version": f"v-{one}", "time": number}
        for number, (one, before) in enumerate(zip(history, ["", *history], strict=False))
    ]
    return {
        "live": "blue",
        "slots": {"blue": {"release": live or history[-1], "version": "v"}, "green": {}},
        "history": lines,
        "releases": {name: {**own, "source": f"git {name}", **marks.get(name, {})} for name in {*history, *marks}},
    }


def chosen(states: dict[str, dict[str, Any]], release: str = "") -> dict[str, str]:
    found = targets(states, "shop", release)
    return {host: "stays" if one["stays"] else one["release"] for host, one in found.items()}


def test_all_hosts_go_back_to_the_release_before() -> None:
    assert chosen({"web1": state("r0", "r1", "r2"), "web2": state("r0", "r1", "r2")}) == {"web1": "r1", "web2": "r1"}
    assert chosen({"web1": state("r0", "r1", "r2"), "web2": state("r1", "r2", r0={})}, "r0") == {
        "web1": "r0",
        "web2": "r0",
    }


@pytest.mark.parametrize("recorded", [True, False])
def test_a_deploy_that_was_cut_between_two_hosts_is_taken_back(recorded: bool) -> None:
    # The pointer moves before the history has its line.
    over = state("r0", "r1", "r2") if recorded else state("r0", "r1", live="r2", r2={})
    assert chosen({"web1": over, "web2": state("r0", "r1", r2={})}) == {"web1": "r1", "web2": "stays"}


def test_a_rollback_that_was_cut_between_two_hosts_is_finished() -> None:
    back = state("r0", "r1", "r2", "r1", r2={"withdrawn": "rolled back"})
    assert chosen({"web1": back, "web2": state("r0", "r1", "r2")}) == {"web1": "stays", "web2": "r1"}


def test_hosts_that_do_not_agree_are_named_with_what_they_have() -> None:
    states = {"web1": state("r0", "r2"), "web2": state("r1", "r2")}
    with pytest.raises(AnsibleFilterError) as caught:
        chosen(states)
    said = str(caught.value)
    assert "web1 serves r2 and would go back to r0; web2 serves r2 and would go back to r1" in said
    assert "-e release=" in said
    with pytest.raises(AnsibleFilterError, match="do not agree"):
        chosen({"web1": state("r0", "r3"), "web2": state("r1", "r2"), "web3": state("r4", "r5")})


def test_a_release_that_one_host_lacks_is_refused_for_all() -> None:
    with pytest.raises(AnsibleFilterError, match=r"web2: r0 of shop is not on this host \(others: r1\)"):
        chosen({"web1": state("r0", "r1", "r2"), "web2": state("r1", "r2")}, "r0")
    with pytest.raises(AnsibleFilterError, match="r2 of shop is live already"):
        chosen({"web1": state("r1", "r2"), "web2": state("r1", "r2")}, "r2")
    with pytest.raises(AnsibleFilterError, match="no live release on web2"):
        chosen({"web1": state("r1", "r2"), "web2": {**state("r1"), "live": ""}})


def test_hosts_with_another_python_go_back_to_the_same_source() -> None:
    older = state("o1", "o2", o1={"python": "3.11", "source": "git r1"}, o2={"python": "3.11", "source": "git r2"})
    newer = state("r0", "r1", "r2")
    assert chosen({"web1": newer, "web2": older}) == {"web1": "r1", "web2": "o1"}
    assert chosen({"web1": newer, "web2": older}, "r1") == {"web1": "r1", "web2": "o1"}
    with pytest.raises(AnsibleFilterError, match="r1 on web1, o0 on web2 are of different sources"):
        chosen({"web1": newer, "web2": state("o0", "o2", o0={"python": "3.11"}, o2={"python": "3.11"})})
