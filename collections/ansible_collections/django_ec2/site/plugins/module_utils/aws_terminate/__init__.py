# SPDX-License-Identifier: MIT
"""Takes an environment on AWS away: what there is of it (``find``), and its removal in the order that AWS asks for."""

from __future__ import annotations

from ansible_collections.django_ec2.site.plugins.module_utils.aws_terminate import (
    autoscaling,
    database,
    entrance,
    files,
    hosts,
    images,
    network,
    rest,
)
from ansible_collections.django_ec2.site.plugins.module_utils.aws_terminate.scope import Scope, Step, Thing

# What stands before what it needs: records before the address that they lead to, hosts before their subnets. A run that was cut finds what
# is left by the same rules.
STEPS: tuple[Step, ...] = (
    *autoscaling.STEPS,
    *entrance.STEPS,
    *hosts.STEPS,
    *images.STEPS,
    *database.STEPS,
    *files.STEPS,
    *network.STEPS,
    *rest.STEPS,
)


def find(scope: Scope) -> list[tuple[Step, list[Thing]]]:
    """What there is, in the order of its removal, and what stays. Asks alone."""
    # Those of a run that was cut, too, or whose answer was lost: it is the next one that names them.
    hosts.name_snapshots(scope)
    database.name_snapshots(scope)
    return [(step, things) for step in STEPS if (things := step.find(scope))]


def remove(scope: Scope, found: list[tuple[Step, list[Thing]]]) -> None:
    """Remove it. What AWS still holds is waited for."""
    for step, things in found:
        step.remove(scope, things)


__all__ = ["Scope", "Step", "Thing", "find", "remove"]
