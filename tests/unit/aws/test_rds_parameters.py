"""What is set of a parameter group: only what differs, each at the time that RDS takes."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.django_ec2.site.plugins.module_utils.rds_parameters import ParameterError, parts, plan

KNOWN: list[dict[str, Any]] = [
    {"ParameterName": "rds.force_ssl", "ParameterValue": "0", "DataType": "boolean", "ApplyType": "dynamic"},
    {"ParameterName": "rds.logical_replication", "ParameterValue": "0", "DataType": "boolean", "ApplyType": "static"},
    {"ParameterName": "work_mem", "DataType": "integer", "ApplyType": "dynamic"},
    {"ParameterName": "rds.extensions", "IsModifiable": False},
]


def test_a_dynamic_parameter_holds_at_once_and_a_static_one_after_a_restart() -> None:
    found = plan(KNOWN, {"rds.force_ssl": "1", "rds.logical_replication": True, "work_mem": 8192})
    assert [(one["ParameterName"], one["ParameterValue"], one["ApplyMethod"]) for one in found] == [
        ("rds.force_ssl", "1", "immediate"),
        ("rds.logical_replication", "1", "pending-reboot"),
        ("work_mem", "8192", "immediate"),
    ]


def test_what_is_as_it_should_be_is_left_alone() -> None:
    assert plan(KNOWN, {"rds.force_ssl": "off", "rds.logical_replication": 0}) == []


@pytest.mark.parametrize(
    ("wanted", "said"), [({"work_men": 1}, "no parameter work_men"), ({"rds.extensions": "x"}, "lets nobody change")]
)
def test_what_the_group_does_not_take_is_named(wanted: dict[str, Any], said: str) -> None:
    with pytest.raises(ParameterError, match=said):
        plan(KNOWN, wanted)


def test_one_call_takes_twenty() -> None:
    changes = plan([{"ParameterName": f"p{n}"} for n in range(45)], {f"p{n}": n for n in range(45)})
    assert [len(part) for part in parts(changes)] == [20, 20, 5]
