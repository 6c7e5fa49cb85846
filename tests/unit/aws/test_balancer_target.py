"""An instance leaves a target group and comes back: against a stand-in of the client."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.django_ec2.site.plugins.modules import balancer_target
from ansible_collections.django_ec2.site.plugins.modules.balancer_target import Refused, Target, run


class Client:
    """A target group whose targets take one more question until they are where they shall be."""

    def __init__(self, **states: str) -> None:
        self.states, self.calls = states, []  # type: ignore[var-annotated]

    def describe_target_groups(self, Names: list[str]) -> dict[str, Any]:
        return {"TargetGroups": [{"TargetGroupArn": f"arn:{Names[0]}"}]}

    def describe_target_health(self, TargetGroupArn: str) -> dict[str, Any]:
        assert TargetGroupArn == "arn:shop-web"
        listed = [{"Target": {"Id": name}, "TargetHealth": {"State": said}} for name, said in self.states.items()]
        following = {"initial": "healthy"}
        self.states = {name: following.get(said, said) for name, said in self.states.items() if said != "draining"}
        return {"TargetHealthDescriptions": listed}

    def deregister_targets(self, TargetGroupArn: str, Targets: list[dict[str, Any]]) -> None:
        self.calls.append("deregister")
        self.states[Targets[0]["Id"]] = "draining"

    def register_targets(self, TargetGroupArn: str, Targets: list[dict[str, Any]]) -> None:
        self.calls.append("register")
        self.states[Targets[0]["Id"]] = "initial"


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(balancer_target, "PAUSE_SECONDS", 0)


def target(client: Client, seconds: int = 5) -> Target:
    return Target(client, "shop-web", "i-1", 80, seconds)


def test_it_leaves_once_its_requests_have_ended_and_comes_back_healthy() -> None:
    client = Client(**{"i-1": "healthy", "i-2": "healthy"})
    assert run(target(client), "drained", alone=False, check=False) == (True, {"i-2": "healthy"})
    assert run(target(client), "drained", alone=False, check=False)[0] is False
    assert run(target(client), "serving", alone=False, check=False) == (True, {"i-2": "healthy", "i-1": "healthy"})
    assert run(target(client), "serving", alone=False, check=False)[0] is False
    assert client.calls == ["deregister", "register"]


def test_one_that_is_still_on_its_way_out_is_waited_for_or_put_back() -> None:
    """A run was cut in between."""
    client = Client(**{"i-1": "draining", "i-2": "healthy"})
    assert run(target(client), "drained", alone=False, check=False) == (False, {"i-2": "healthy"})
    client = Client(**{"i-1": "draining", "i-2": "healthy"})
    assert run(target(client), "serving", alone=False, check=False)[0] is True
    assert client.calls == ["register"]


def test_the_last_healthy_one_stays() -> None:
    client = Client(**{"i-1": "healthy", "i-2": "unhealthy"})
    with pytest.raises(Refused, match=r"only healthy target of shop-web.*i-2 unhealthy"):
        run(target(client), "drained", alone=False, check=False)
    assert client.calls == []
    assert run(target(client), "drained", alone=True, check=False)[0] is True


def test_one_that_serves_nobody_may_leave() -> None:
    client = Client(**{"i-1": "unhealthy", "i-2": "unhealthy"})
    assert run(target(client), "drained", alone=False, check=False)[0] is True


def test_a_check_says_what_would_be_and_writes_nothing() -> None:
    client = Client(**{"i-1": "healthy", "i-2": "healthy"})
    assert run(target(client), "drained", alone=False, check=True)[0] is True
    assert run(target(client), "serving", alone=False, check=True)[0] is False
    assert run(target(client), "asked", alone=False, check=False)[0] is False
    assert client.calls == []


def test_one_that_does_not_become_healthy_is_an_error() -> None:
    client = Client(**{"i-1": "unhealthy", "i-2": "healthy"})
    with pytest.raises(Refused, match="i-1 is not healthy in the target group shop-web after 0 seconds"):
        run(target(client, seconds=0), "serving", alone=False, check=False)
