"""Whose turn it is to log in, and which entries follow it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.django_ec2.site.plugins.module_utils.rotation import digests
from ansible_collections.django_ec2.site.plugins.plugin_utils.applications.rotation import (
    administrators,
    after_step,
    digests_elsewhere,
    rotating_logins,
    rotation_problems,
    secret_key_problems,
    turned,
    with_probes,
    with_secret,
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


def own_key(**more: str) -> dict[str, Any]:
    return {"applications": {"shop": {"secret_key": "a-key", **more}, "blog": {}}}


def test_a_key_can_be_replaced_where_the_secrets_have_one() -> None:
    assert with_secret(own_key(), "secret_key", ["blog", "shop"]) == ["shop"]
    assert with_secret(own_key(), "secret_key", ["blog", "shop"], "blog") == []


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"SECRET_KEY": "{{key}}", "SECRET_KEY_FALLBACKS": "{{more}}"}, ""),
        # A project may have names of its own.
        ({"DJANGO_SECRET_KEY": "{{key}}", "DJANGO_SECRET_KEY_FALLBACKS": "{{more}}"}, ""),
        ({"SECRET_KEY": "{{key}}"}, "secret_key_fallbacks | default('')"),
        ({"SECRET_KEY": "of-somebody-else"}, "has no variable with the value secrets.applications.shop.secret_key"),
    ],
)
def test_an_entry_has_to_follow_its_keys(variables: dict[str, str], said: str) -> None:
    after = with_probes(own_key(), ["shop"])["applications"]["shop"]
    values = {"{{key}}": after["secret_key"], "{{more}}": after["secret_key_fallbacks"]}
    entry = resolved(secret_environment={name: values.get(one, one) for name, one in variables.items()})
    problems = secret_key_problems([entry], ["shop"])
    assert [bool(said)] == [bool(problems)] and said in " ".join(problems)
    assert secret_key_problems([entry], []) == []


def test_an_entry_without_further_keys_has_no_variable_for_them() -> None:
    """So nothing is started anew on hosts that ran before there were rotations."""
    assert resolved(secret_environment={"SECRET_KEY": STRONG, "SECRET_KEY_FALLBACKS": ""})["secret_environment"] == {
        "SECRET_KEY": STRONG
    }


def test_the_secrets_are_foreseen_as_they_will_be() -> None:
    before = own_key(secret_key_fallbacks="new,a-key", secret_key_rotation_began="true")
    after = after_step(before, "secret_key", ["shop"], "switch")
    assert after["applications"]["shop"] == {**before["applications"]["shop"], "secret_key": "new"}
    assert before["applications"]["shop"]["secret_key"] == "a-key"
    redis = {
        "redis_admin_password": "n",
        "redis_admin_password_old": "o",
        "applications": {"shop": {"redis_password": "n", "redis_password_old": "o"}},
    }
    assert after_step(redis, "redis", ["shop"], "end") == {
        "redis_admin_password": "n",
        "applications": {"shop": {"redis_password": "n"}},
    }


def test_values_that_are_looked_up_elsewhere_are_found_by_their_digests() -> None:
    written = {"shop": digests({"secret_key": "a-key"})}
    assert digests_elsewhere(own_key(), written) == []
    assert digests_elsewhere({"applications": {"shop": {"secret_key": "another"}}}, written) == ["shop"]
    assert "a-key" not in json.dumps(written)


def test_administrators_whose_password_is_that_of_the_secrets() -> None:
    one = {"username": "admin", "email": "admin@example.org", "password": STRONG}
    secrets = {"applications": {"shop": {"admin_password": STRONG}}}
    assert administrators([resolved(superuser=one)], secrets) == ["shop"]
    assert administrators([resolved(superuser={**one, "password": STRONG[::-1]})], secrets) == []
    assert administrators([resolved()], secrets) == []
