"""The loop of the auto-scaling groups: one step at a time, and nobody leaves before another one serves."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest

from lab.kinds.aws import groups
from lab.kinds.aws.endpoint import autoscaling

ARN = "arn:web"


class Group:
    """What the loop knows of moto's group."""

    def __init__(self, number: int) -> None:
        self.name, self.health_check_type, self.health_check_grace_period = "web", "ELB", 300
        self.desired_capacity, self.version, self.made = number, 1, 0
        self.target_group_arns = [ARN]
        self.targets: dict[str, Any] = {}
        self.instance_states: list[Any] = []
        self.lab_refreshes: list[autoscaling.Refresh] = []
        self.autoscaling_backend = SimpleNamespace(
            autoscaling_groups={"web": self}, update_attached_target_groups=self._register,
            ec2_backend=SimpleNamespace(terminate_instances=self._terminate),
            elbv2_backend=SimpleNamespace(
                deregister_targets=lambda _arn, _targets: None, notify_terminate_instances=lambda _ids: None,
                target_groups={ARN: SimpleNamespace(targets=self.targets)},
            ),
        )  # fmt: skip
        self.terminated: list[str] = []
        self.set_desired_capacity(number)

    launch_template_version = "$Latest"

    @property
    def ec2_launch_template(self) -> Any:
        return SimpleNamespace(get_version=lambda _version: SimpleNamespace(number=self.version))

    def active_instances(self) -> list[Any]:
        return [one for one in self.instance_states if one.lifecycle_state == autoscaling.IN_SERVICE]

    def get_propagated_tags(self) -> dict[str, str]:
        return {}

    def set_desired_capacity(self, number: int) -> None:
        self.replace_autoscaling_group_instances(number - len(self.active_instances()), {})

    def replace_autoscaling_group_instances(self, number: int, _tags: dict[str, str]) -> None:
        for _ in range(number):
            self.made += 1
            instance = SimpleNamespace(id=f"i-{self.made}", state="running")
            template = {"Version": str(self.version)}
            self.instance_states.append(
                SimpleNamespace(instance=instance, lifecycle_state=autoscaling.IN_SERVICE, launch_template=template)
            )

    def _register(self, _name: str) -> None:
        self.targets.update(
            {one.instance.id: None for one in self.active_instances() if one.instance.state == "running"}
        )

    def _terminate(self, ids: list[str]) -> None:
        self.terminated += ids

    def there(self) -> list[str]:
        return [one.instance.id for one in self.active_instances()]


class Balancers:
    """What the balancer says."""

    def __init__(self) -> None:
        self.healthy: set[str] = set()
        self.draining: set[str] = set()

    def health(self, _arn: str, target: str) -> tuple[str, ...]:
        return ("healthy" if target in self.healthy else "unhealthy", "", "")

    def known(self, _arn: str) -> list[str]:
        return [*self.healthy, *self.draining]


@pytest.fixture
def loop(monkeypatch: pytest.MonkeyPatch) -> tuple[groups.Groups, Group, Balancers]:
    """A group of two, which serve."""
    group, balancers = Group(2), Balancers()
    balancers.healthy = {"i-1", "i-2"}
    monkeypatch.setattr(groups, "get_backend", lambda _name: {groups.ACCOUNT: {"here": group.autoscaling_backend}})
    account: Any = SimpleNamespace(region="here")
    made = groups.Groups(account, balancers, threading.RLock(), threading.Event())  # type: ignore[arg-type]
    return made, group, balancers


def test_a_refresh_lets_nobody_leave_before_another_one_serves(loop: Any) -> None:
    made, group, balancers = loop
    group.version = 2
    group.lab_refreshes = [autoscaling.Refresh("refresh-1", None)]
    made.run_once()
    assert group.there() == ["i-1", "i-2", "i-3"]
    made.run_once()
    assert group.there() == ["i-1", "i-2", "i-3"], "the new one does not serve yet"
    balancers.healthy.add("i-3")
    made.run_once()
    assert group.there() == ["i-2", "i-3"]
    made.run_once()
    assert group.terminated == [], "it has requests in hand"
    balancers.healthy.discard("i-1")
    made.run_once()
    assert group.terminated == ["i-1"]
    made.run_once()
    assert group.there() == ["i-2", "i-3", "i-4"]
    balancers.healthy = {"i-3", "i-4"}
    made.run_once()
    for _ in range(3):
        made.run_once()
    assert (group.there(), group.terminated) == (["i-3", "i-4"], ["i-1", "i-2"])
    assert [one.status for one in group.lab_refreshes] == [autoscaling.SUCCESSFUL]


def test_an_instance_is_a_target_when_it_has_booted(loop: Any) -> None:
    made, group, _balancers = loop
    group.targets.clear()
    group.instance_states[1].instance.state = "pending"
    made.run_once()
    assert list(group.targets) == ["i-1"]
    group.instance_states[1].instance.state = "running"
    made.run_once()
    assert list(group.targets) == ["i-1", "i-2"]


def test_what_ended_by_itself_and_what_is_ill_for_long_is_replaced(loop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    made, group, balancers = loop
    group.instance_states[0].instance.state = "terminated"
    made.run_once()
    assert (group.there(), group.terminated) == (["i-2", "i-3"], [])
    balancers.healthy = {"i-2"}
    now = [1000.0]
    monkeypatch.setattr(groups.time, "monotonic", lambda: now[0])
    made.run_once()
    now[0] += 299
    made.run_once()
    assert group.there() == ["i-2", "i-3"]
    now[0] += 2
    made.run_once()
    assert (group.there(), group.terminated) == (["i-2", "i-4"], ["i-3"])
    # The new one has its own time.
    now[0] += 299
    made.run_once()
    assert group.there() == ["i-2", "i-4"]
