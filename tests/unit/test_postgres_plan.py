"""What differs between a server and the databases it should have, without a server."""

from __future__ import annotations

import pytest
from ansible_collections.django_ec2.site.plugins.module_utils.postgres import model, plan

SHOP = {
    "name": "shop",
    "owner": "shop_owner",
    "owner_password": "o",
    "user": "shop",
    "password": "p",
    "connection_limit": -1,
    "extensions": ["citext"],
}
GOOD = model.Inside(
    schema_owner="shop_owner",
    schema_public=frozenset(),
    schema_user=frozenset({"USAGE"}),
    default_tables=frozenset(model.TABLE_RIGHTS),
    default_sequences=frozenset(model.SEQUENCE_RIGHTS),
    relations=(model.Relation("notes", False, "shop_owner", frozenset(model.TABLE_RIGHTS)),),
    extensions=frozenset({"citext"}),
)


def statements(changes: list) -> list[str]:
    """All statements of some changes."""
    return [statement for change in changes for statement in change.statements]


def test_nothing_differs() -> None:
    server = model.Server(
        roles={"shop": model.Role(), "shop_owner": model.Role()}, databases={"shop": model.Outside("shop_owner")}
    )
    assert plan.plan_roles([SHOP], server) == []
    assert plan.plan_databases([SHOP], server) == []
    assert (
        plan.plan_outside(SHOP, model.Outside("shop_owner", frozenset(), frozenset({"CONNECT"}), model.SEARCH_PATH))
        == []
    )
    assert plan.plan_inside(SHOP, GOOD, server) == ([], [])


def test_new_roles_carry_no_password_in_clear() -> None:
    created = statements(plan.plan_roles([{**SHOP, "password": "geheim", "owner_password": "geheim2"}], model.Server()))
    assert [statement.split(" PASSWORD ")[0] for statement in created] == [
        'CREATE ROLE "shop_owner" LOGIN CONNECTION LIMIT -1',
        'CREATE ROLE "shop" LOGIN CONNECTION LIMIT -1',
    ]
    assert "geheim" not in " ".join(created)


def test_only_what_differs_of_a_role_is_named() -> None:
    role = model.Role(forbidden=("rolsuper",), connection_limit=5)
    assert statements(plan.plan_role("shop", "p", -1, role, model.Server())) == [
        'ALTER ROLE "shop" NOSUPERUSER CONNECTION LIMIT -1'
    ]
    changes = plan.plan_role("shop", "p", -1, model.Role(password_matches=False), model.Server())
    assert [change.text for change in changes] == ["Role shop: set the password"]


@pytest.mark.parametrize(
    ("version", "said"),
    [
        (150000, 'GRANT "shop_owner" TO CURRENT_USER'),
        (170000, 'GRANT "shop_owner" TO CURRENT_USER WITH INHERIT TRUE, SET TRUE'),
    ],
)
def test_a_master_user_becomes_member_of_the_owner(version: int, said: str) -> None:
    server = model.Server(superuser=False, version=version)
    assert said in statements(plan.plan_roles([SHOP], server))
    server.roles = {"shop": model.Role(), "shop_owner": model.Role(held=True)}
    assert plan.plan_roles([SHOP], server) == []


def test_excess_rights_are_taken_back() -> None:
    outside = model.Outside("shop_owner", frozenset(), frozenset({"CONNECT", "CREATE"}), model.SEARCH_PATH)
    assert statements(plan.plan_outside(SHOP, outside)) == [
        'REVOKE ALL ON DATABASE "shop" FROM "shop"',
        'GRANT CONNECT ON DATABASE "shop" TO "shop"',
    ]
    relation = model.Relation('odd"name', False, "shop_owner", frozenset({*model.TABLE_RIGHTS, "TRUNCATE"}))
    changes, _ = plan.plan_inside(SHOP, model.Inside(**{**vars(GOOD), "relations": (relation,)}), model.Server())
    assert statements(changes)[0] == 'REVOKE ALL ON TABLE public."odd""name" FROM "shop"'


def test_a_fresh_database_gets_everything() -> None:
    changes, notes = plan.plan_inside(SHOP, model.Inside(), model.Server())
    said = "; ".join(statements(changes))
    for part in (
        'ALTER SCHEMA public OWNER TO "shop_owner"',
        "REVOKE ALL ON SCHEMA public FROM PUBLIC",
        'GRANT USAGE ON SCHEMA public TO "shop"',
        'GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO "shop"',
        'GRANT USAGE, SELECT, UPDATE ON SEQUENCES TO "shop"',
        'CREATE EXTENSION "citext"',
    ):
        assert part in said
    assert notes == []


def test_relations_of_others_are_noted() -> None:
    relation = model.Relation("old", False, "shop", frozenset())
    changes, notes = plan.plan_inside(SHOP, model.Inside(**{**vars(GOOD), "relations": (relation,)}), model.Server())
    assert changes == []
    assert "public.old belongs to shop" in notes[0]


def test_unknown_extensions() -> None:
    assert plan.missing_extensions(SHOP, model.Inside()) == []
    assert plan.missing_extensions(SHOP, model.Inside(available_extensions=frozenset({"pg_trgm"}))) == ["citext"]


def test_another_login_gets_the_rights_of_the_application_role() -> None:
    one = {**SHOP, "login": "shop_b"}
    server = model.Server(version=170000, roles={"shop": model.Role(), "shop_owner": model.Role()})
    found = statements(plan.plan_roles([one], server))
    assert found[0].startswith('CREATE ROLE "shop_b" LOGIN CONNECTION LIMIT -1 PASSWORD')
    assert found[1:] == ['GRANT "shop" TO "shop_b" WITH INHERIT TRUE, SET TRUE']
    server.roles["shop_b"] = model.Role(member_of=frozenset({"shop"}))
    assert plan.plan_roles([one], server) == []
    assert statements(plan.plan_roles([one], server, retire=True)) == ['ALTER ROLE "shop" NOLOGIN']
    # The next turn.
    server.roles["shop"] = model.Role(login=False, password_matches=False)
    assert statements(plan.plan_roles([SHOP], server))[0] == 'ALTER ROLE "shop" LOGIN'


def test_logins_by_token_are_roles_of_their_own() -> None:
    server = model.Server(superuser=False, version=170000, roles={"shop": model.Role(), "shop_owner": model.Role()})
    found = statements(plan.plan_roles([SHOP], server, "iam"))
    assert 'GRANT rds_iam TO "shop_iam"' in found
    assert 'GRANT rds_iam TO "shop_owner_iam"' in found
    assert "ALTER ROLE \"shop_owner_iam\" SET role = 'shop_owner'" in found
    # The master user is a member of the owner: it must not become one of rds_iam.
    assert not any('TO "shop_owner"' in one or 'rds_iam TO "shop"' in one for one in found)
    assert not any("PASSWORD" in one for one in found)
    for base in ("shop", "shop_owner"):
        acts_as = "shop_owner" if base == "shop_owner" else None
        server.roles[f"{base}_iam"] = model.Role(iam=True, member_of=frozenset({base, "rds_iam"}), acts_as=acts_as)
    assert plan.plan_roles([SHOP], server, "iam") == []
    assert statements(plan.plan_roles([SHOP], server, "iam", retire=True)) == [
        'ALTER ROLE "shop_owner" NOLOGIN', 'ALTER ROLE "shop" NOLOGIN',
    ]  # fmt: skip
