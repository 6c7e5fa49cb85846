"""The steps of rotations: each is one write after the other, and a run that is cut between two of them loses no value."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping

import pytest
from ansible_collections.django_ec2.site.plugins.module_utils import authority
from ansible_collections.django_ec2.site.plugins.module_utils.rotation import (
    Changes,
    Unfinished,
    admin_password_changes,
    authority_changes,
    changed,
    file_backup_changes,
    redis_changes,
    secret_key_changes,
)

Steps = Callable[[Mapping[str, str], str], Changes]


def run(own: dict[str, str], steps: Steps, *names: str, cut_after: int | None = None) -> list[dict[str, str]]:
    """The secrets after each write of these steps, until the run is cut after so many of them."""
    seen = [own]
    for name in names:
        for one, value in steps(seen[-1], name).items():
            if cut_after is not None and len(seen) > cut_after:
                return seen
            seen.append(changed(seen[-1], {one: value}))
    return seen


def counted(own: Mapping[str, str]) -> set[str]:
    """The keys that a host with these secrets takes."""
    return {own["secret_key"], *filter(None, own.get("secret_key_fallbacks", "").split(","))}


def test_a_key_is_announced_then_signs_and_the_old_one_counts_until_it_is_ended() -> None:
    before, announced, began, switched, ended = run({"secret_key": "old"}, secret_key_changes, "begin", "switch", "end")
    new = switched["secret_key"]
    assert len(new) == 64
    assert announced["secret_key"] == began["secret_key"] == "old"
    assert ended == {"secret_key": new, "secret_key_fallbacks": f"{new},old"}
    # What one host signs before or after each of them counts on the one that is a step ahead, and the other way round.
    for one, other in itertools.pairwise([before, began, ended]):
        assert one["secret_key"] in counted(other) and other["secret_key"] in counted(one)
    assert run(ended, secret_key_changes, "finish")[-1] == {"secret_key": new}
    assert secret_key_changes({"secret_key": new}, "finish") == {}


@pytest.mark.parametrize("cut_after", range(4))
def test_a_rotation_of_a_key_that_is_cut_goes_on_with_the_same_key(cut_after: int) -> None:
    cut = run({"secret_key": "old"}, secret_key_changes, "begin", "switch", "end", cut_after=cut_after)[-1]
    done = run(cut, secret_key_changes, "begin", "switch", "end")[-1]
    new = done["secret_key"]
    assert done == {"secret_key": new, "secret_key_fallbacks": f"{new},old"}
    if cut_after:
        assert cut["secret_key_fallbacks"].split(",")[0] == new
        with pytest.raises(Unfinished, match="run the playbook without finish=true first"):
            secret_key_changes(cut, "finish")


def test_a_later_rotation_ends_the_key_before_the_last_one() -> None:
    first = run({"secret_key": "old"}, secret_key_changes, "begin", "switch", "end")[-1]
    second = run(first, secret_key_changes, "begin", "switch", "end")[-1]
    assert second["secret_key_fallbacks"] == f"{second['secret_key']},{first['secret_key']}"


@pytest.mark.parametrize("cut_after", range(3))
@pytest.mark.parametrize(
    ("name", "steps"), [("redis_password", redis_changes), ("file_backup_key", file_backup_changes)]
)
def test_the_old_password_is_kept_until_the_end(name: str, steps: Steps, cut_after: int) -> None:
    cut = run({name: "old"}, steps, "begin", "end", cut_after=cut_after)[-1]
    both = run(cut, steps, "begin")[-1]
    assert both[f"{name}_old"] == "old"
    assert both[name] not in ("", "old")
    if cut_after == 2:
        assert both == cut
    assert run(both, steps, "end")[-1] == {name: both[name]}


def counting(own: Mapping[str, str]) -> set[str]:
    """The certificates of authorities that a host with these secrets trusts."""
    return {
        part + "-----END CERTIFICATE-----\n"
        for part in authority.trusted(own).split("-----END CERTIFICATE-----\n")[:-1]
    }


def test_another_authority_is_trusted_before_it_signs_and_the_old_one_until_it_is_ended() -> None:
    first = authority.make()
    steps = run(first, authority_changes, "begin", "switch", "end", "finish")
    announced, ended, finished = steps[2], steps[-2], steps[-1]
    assert {name: announced[name] for name in first} == first
    assert authority.trusted(first) == first["certificate"]
    new = authority.parted(announced[authority.NEXT])
    assert finished == new
    assert new["certificate"] != first["certificate"]
    # Whoever has come one write further is trusted by those who have not, and the other way round.
    for one, other in itertools.pairwise(steps):
        assert one["certificate"] in counting(other) and other["certificate"] in counting(one)
    assert counting(announced) == counting(ended) == {first["certificate"], new["certificate"]}
    assert counting(finished) == {new["certificate"]}
    # It has signed with another key for as long as it was to be trusted.
    assert first["key"] not in ended.values()


@pytest.mark.parametrize("cut_after", range(7))
def test_a_rotation_of_the_authority_that_is_cut_goes_on_with_the_same_one(cut_after: int) -> None:
    first = authority.make()
    cut = run(first, authority_changes, "begin", "switch", "end", cut_after=cut_after)[-1]
    done = run(cut, authority_changes, "begin", "switch", "end")[-1]
    assert sorted(done) == ["certificate", "key", authority.OLD]
    assert done[authority.OLD] == first["certificate"]
    if cut_after:
        new = authority.parted(cut[authority.NEXT]) if authority.NEXT in cut else cut
        assert (done["certificate"], done["key"]) == (new["certificate"], new["key"])
    if 0 < cut_after < 7:
        with pytest.raises(Unfinished, match="run the playbook without finish=true first"):
            authority_changes(cut, "finish")


def test_an_authority_that_is_replaced_twice_leaves_the_first_one() -> None:
    first = authority.make()
    second = run(first, authority_changes, "begin", "switch", "end")[-1]
    third = run(second, authority_changes, "begin", "switch", "end")[-1]
    assert counting(third) == {second["certificate"], third["certificate"]}
    assert authority_changes(run(third, authority_changes, "finish")[-1], "finish") == {}


@pytest.mark.parametrize("cut_after", range(4))
def test_an_administrator_s_password_is_made_once(cut_after: int) -> None:
    cut = run({"admin_password": "old"}, admin_password_changes, "begin", "end", cut_after=cut_after)[-1]
    both = run(cut, admin_password_changes, "begin")[-1]
    assert both["admin_password"] != "old"
    if cut_after == 2:
        assert both == cut
    assert run(both, admin_password_changes, "end")[-1] == {"admin_password": both["admin_password"]}
