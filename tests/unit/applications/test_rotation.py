"""Whose turn it is to log in, and which entries follow it."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.django_ec2.site.plugins.plugin_utils.applications.rotation import (
    rotating_logins,
    rotation_problems,
    turned,
)

from .entries import STRONG, resolved

PASSWORDS = {"password": STRONG, "owner_password": STRONG[::-1]}


def entry_of(secrets: dict[str, Any], **more: Any) -> dict[str, Any]:
    """An entry that follows the turns of the secrets, resolved."""
    own = secrets["applications"]["shop"]
    return resolved(
        database={**PASSWORDS, "login": own.get("database_login", "")},
        databases={"facts": {**PASSWORDS, "login": own.get("database_facts_login", "")}},
        **more,
    )


def test_two_logins_of_each_database_take_turns() -> None:
    one = resolved(database={**PASSWORDS, "login": "shop_b"}, databases={"facts": PASSWORDS})
    assert rotating_logins([one]) == {
        "shop": {"database": ["shop", "shop_b"], "database_facts": ["shop_facts", "shop_facts_b"]}
    }
    told = json.dumps(rotating_logins([one]))
    assert STRONG not in told and STRONG[::-1] not in told


def test_an_entry_that_follows_its_secrets_is_no_problem() -> None:
    secrets: dict[str, Any] = {"applications": {"shop": {"database_login": "shop_b"}}}
    after = turned(secrets, rotating_logins([entry_of(secrets)]))
    assert after["applications"]["shop"] == {"database_login": "shop", "database_facts_login": "shop_facts_b"}
    assert secrets["applications"]["shop"] == {"database_login": "shop_b"}, "what is given stays"
    assert rotation_problems([entry_of(after)], after) == []


def test_an_entry_that_names_no_login_is_refused_with_the_line_to_write() -> None:
    plain = resolved(database=PASSWORDS, databases={"facts": PASSWORDS})
    after = turned({"applications": {}}, rotating_logins([plain]))
    first, second = rotation_problems([plain], after)
    assert first.startswith("applications.shop.database.login does not follow")
    assert first.endswith("Write: login: \"{{ secrets.applications.shop.database_login | default('') }}\"")
    assert second.startswith("applications.shop.databases.facts.login does not follow")
    assert ".database_facts_login | default" in second
