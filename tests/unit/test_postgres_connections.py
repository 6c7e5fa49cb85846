"""Whether a server has the connections that are needed, and what is said where it hasn't."""

from __future__ import annotations

import pytest
from ansible_collections.django_ec2.site.plugins.module_utils.postgres import apply, connections, model

NEED = {"needed": 50, "used_by": "36 for shop", "remedy": "Take a larger instance class."}


@pytest.mark.parametrize(
    ("settings", "fits"),
    [
        ({"max_connections": "50"}, True),
        ({"max_connections": "49"}, False),
        ({"max_connections": "53", "superuser_reserved_connections": "3"}, True),
        ({"max_connections": "52", "superuser_reserved_connections": "3"}, False),
        # PostgreSQL 16 and newer, and RDS before that.
        ({"max_connections": "54", "superuser_reserved_connections": "3", "reserved_connections": "2"}, False),
        ({"max_connections": "54", "superuser_reserved_connections": "3", "rds.rds_superuser_reserved_connections": "2"}, False),
        ({"max_connections": "55", "superuser_reserved_connections": "3", "rds.rds_superuser_reserved_connections": "2"}, True),
    ],
)  # fmt: skip
def test_what_is_kept_for_superusers_does_not_count(settings: dict[str, str], fits: bool) -> None:
    assert (connections.connection_shortage(NEED, settings) == "") is fits


def test_the_message_says_what_is_needed_what_is_there_and_what_to_do() -> None:
    said = connections.connection_shortage(
        NEED, {"max_connections": 52, "superuser_reserved_connections": 3}, "db.example.org"
    )
    assert said == (
        "The applications may need 50 connections (36 for shop). db.example.org has 52 connections (max_connections), "
        "3 of which are reserved for superusers. Take a larger instance class."
    )


@pytest.mark.parametrize("superuser", [True, False], ids=["self-hosted", "rds"])
def test_a_server_of_either_mode_is_refused_before_the_first_change(superuser: bool) -> None:
    login = {"database": "postgres"}
    run = apply.Databases([], login, True, connections=NEED)
    run.server = model.Server(superuser=superuser, settings={"max_connections": "49"})
    with pytest.raises(RuntimeError, match="may need 50 connections"):
        run.check_rights()
    run.server.settings["max_connections"] = "50"
    run.check_rights()
    assert run.changes == []
