"""What does not go within its time is the last word of playbooks/aws_terminate.yml, whatever it is."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.django_ec2.site.plugins.module_utils.aws_terminate.database import DatabaseError
from ansible_collections.django_ec2.site.plugins.module_utils.aws_terminate.scope import Scope, StillThere
from ansible_collections.django_ec2.site.plugins.module_utils.web_autoscaling import AutoscalingError
from ansible_collections.django_ec2.site.plugins.modules import aws_terminate


def test_what_does_not_go_is_named() -> None:
    scope = Scope(clients=lambda _service: None, name="shop", tags={}, buckets=[], domains=[], seconds=0)
    answers = iter([{"fsmt-2", "fsmt-1"}, set()])
    with pytest.raises(StillThere, match="The mount target fsmt-1, fsmt-2 did not go within 0 seconds: see it in AWS"):
        scope.until_gone("mount target", lambda: next(answers) or pytest.fail("it was asked again"))
    scope.until_gone("mount target", set)


@pytest.mark.parametrize("error", [AutoscalingError, DatabaseError, StillThere])
def test_the_reason_is_the_last_word(monkeypatch: pytest.MonkeyPatch, error: type[Exception]) -> None:
    class Module:
        check_mode = False

        def __init__(self, argument_spec: dict[str, Any], **_more: Any) -> None:
            self.params = {name: one.get("default") for name, one in argument_spec.items()}
            self.params |= {"name": "shop", "owner_tags": {"Project": "shop"}}

        def client(self, *_words: Any) -> None:
            """Of no service."""

        def fail_json(self, msg: str) -> None:
            raise SystemExit(msg)

    def find(scope: Scope) -> None:
        scope.keep("file system fs-1")
        raise error("web hosts did not end.")

    monkeypatch.setattr(aws_terminate, "AnsibleModule", Module)
    monkeypatch.setattr(aws_terminate.aws_terminate, "find", find)
    with pytest.raises(SystemExit, match=r"^web hosts did not end\. What stays: file system fs-1$"):
        aws_terminate.main()
