# SPDX-License-Identifier: MIT
"""The loop that keeps the instances of auto-scaling groups: what leaves is drained, what is ill is replaced, and refreshes go on."""

from __future__ import annotations

import threading
import time
from typing import Any

from moto.backends import get_backend

from lab.kinds.aws.balancers import Balancers
from lab.kinds.aws.endpoint import autoscaling
from lab.kinds.aws.endpoint.account import ACCOUNT, Account

SECONDS = 1.0
GONE = ("terminated", "shutting-down")


class Groups:
    """The auto-scaling groups."""

    def __init__(self, account: Account, balancers: Balancers, lock: threading.RLock, changed: threading.Event) -> None:
        """Prepare; see `lab.kinds.aws.hosts.Hosts`."""
        self.account, self.balancers, self.lock, self.changed = account, balancers, lock, changed
        # By instance, since when it is not healthy.
        self._ill: dict[str, float] = {}

    def run_once(self) -> None:
        """Compare, and do the next step of each group."""
        with self.lock:
            backend = get_backend("autoscaling")[ACCOUNT][self.account.region]
            for group in list(backend.autoscaling_groups.values()):
                came = self._come(backend, group)
                steps = (self._lost, self._left, self._replace_ill, self._refresh)
                if any(step(backend, group) for step in steps) or came:
                    self.changed.set()

    def _lost(self, backend: Any, group: Any) -> bool:
        """Instances whose host did not start have no host: others take their place."""
        lost = [one for one in group.active_instances() if one.instance.state in GONE]
        for state in lost:
            print(f"{group.name}: {state.instance.id} is gone", flush=True)
            autoscaling.end(backend, group, state)
        if lost:
            group.set_desired_capacity(group.desired_capacity)
        return bool(lost)

    def _come(self, backend: Any, group: Any) -> bool:
        """What has booted becomes a target."""
        groups = [backend.elbv2_backend.target_groups[arn] for arn in group.target_group_arns]
        running = [one.instance.id for one in group.active_instances() if one.instance.state == "running"]
        new = any(one not in target_group.targets for one in running for target_group in groups)
        if new:
            backend.update_attached_target_groups(group.name)
        return new

    def _left(self, backend: Any, group: Any) -> bool:
        """What left the balancer, and has no request in hand, is terminated."""
        away = [
            one
            for one in group.instance_states
            if one.lifecycle_state == autoscaling.LEAVING
            and not any(one.instance.id in self.balancers.known(arn) for arn in group.target_group_arns)
        ]
        for state in away:
            print(f"{group.name}: {state.instance.id} has left", flush=True)
            autoscaling.end(backend, group, state)
        return bool(away)

    def _replace_ill(self, backend: Any, group: Any) -> bool:
        """An instance that is not healthy when its time is over is replaced, where the group asks the balancer."""
        if group.health_check_type != "ELB":
            return False
        now, ill = time.monotonic(), {}
        for state in group.active_instances():
            if not self._healthy(group, state):
                ill[state.instance.id] = self._ill.get(state.instance.id, now)
        mine = {one.instance.id for one in group.instance_states}
        self._ill = {key: since for key, since in self._ill.items() if key not in mine} | ill
        over = [
            one
            for one in group.active_instances()
            if now - ill.get(one.instance.id, now) > float(group.health_check_grace_period or 0)
        ]
        for state in over:
            print(f"{group.name}: {state.instance.id} is not healthy, and replaced", flush=True)
            autoscaling.end(backend, group, state)
        if over:
            group.set_desired_capacity(group.desired_capacity)
        return bool(over)

    def _healthy(self, group: Any, state: Any) -> bool:
        asked = [self.balancers.health(arn, state.instance.id) for arn in group.target_group_arns]
        return state.instance.state == "running" and all(one is not None and one[0] == "healthy" for one in asked)

    def _refresh(self, backend: Any, group: Any) -> bool:
        """A new instance first; when it serves, an old one leaves."""
        under_way = [one for one in autoscaling.refreshes(group) if one.status == autoscaling.IN_PROGRESS]
        if not under_way:
            return False
        active = group.active_instances()
        old = [one for one in autoscaling.old(group) if one in active]
        new = [one for one in active if one not in old]
        if any(one.lifecycle_state == autoscaling.LEAVING for one in group.instance_states):
            return False
        if not old:
            for one in under_way:
                one.status = autoscaling.SUCCESSFUL
            return True
        if len(active) <= (group.desired_capacity or 0):
            group.replace_autoscaling_group_instances(1, group.get_propagated_tags())
            backend.update_attached_target_groups(group.name)
            return True
        if all(self._healthy(group, one) for one in new):
            autoscaling.leave(backend, group, old[0])
            return True
        return False
