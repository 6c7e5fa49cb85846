"""What a run, or a check of it, says of the launch template of an auto-scaling group."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.django_ec2.site.plugins.module_utils.web_autoscaling import Wanted, plan

OWN = {"LaunchTemplateId": "lt-1", "Version": "1"}


def said(own: dict[str, Any] | None, template: str, version: int) -> str:
    """The first call's words, for a group with this template and nothing else."""
    wanted = Wanted("web", template, version, [], [], 1, 2, 60, 300, {}, 200)
    calls, _left = plan({"AutoScalingGroupName": "web", "LaunchTemplate": own}, [], False, wanted)
    return calls[0].what


@pytest.mark.parametrize(
    ("own", "template", "version", "words"),
    [
        (OWN, "lt-1", 2, "LaunchTemplate version 1 becomes version 2"),
        # A check makes no version, and knows no number.
        (OWN, "", 1, "LaunchTemplate version 1 becomes the next version"),
        (None, "lt-1", 1, "LaunchTemplate version None becomes version 1"),
    ],
)
def test_which_version_takes_the_place_of_which(
    own: dict[str, Any] | None, template: str, version: int, words: str
) -> None:
    assert words in said(own, template, version)
