"""The documentation of host_config says what it takes and what it returns."""

from __future__ import annotations

from typing import Any

import yaml
from ansible_collections.django_ec2.site.plugins.module_utils.host_config.spec import ARGUMENT_SPEC
from ansible_collections.django_ec2.site.plugins.modules import host_config

from .helpers import apply


def test_documentation_and_argument_spec_agree() -> None:
    def compare(spec: dict[str, Any], documented: dict[str, Any]) -> None:
        assert set(spec) == set(documented)
        for name, option in spec.items():
            for key in ("type", "elements", "required", "default", "choices"):
                assert option.get(key) == documented[name].get(key), (name, key)
            compare(option.get("options", {}), documented[name].get("suboptions", {}))

    compare(ARGUMENT_SPEC, yaml.safe_load(host_config.DOCUMENTATION)["options"])
    assert yaml.safe_load(host_config.EXAMPLES)
    assert set(yaml.safe_load(host_config.RETURN)) == set(apply()) - {"changed", "warnings"} | {"sets"}
