"""What differs between a server and the databases it should have, without a server."""

from __future__ import annotations

import pytest
from ansible_collections.django_ec2.site.plugins.module_utils.postgres import foreign, model, plan

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
    given = {**SHOP, "password": "geheim", "owner_password": "geheim2"}
    created = [one for one in statements(plan.plan_roles([given], model.Server())) if not one.startswith("COMMENT")]
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


def test_settings_that_no_file_decides_are_noted_with_the_place() -> None:
    (note,) = plan.outranked_settings(model.Server(outranked=[("max_connections", "command line")]))
    assert note.startswith(
        "max_connections of the configuration files has no effect: the server's command line (pg_ctl_options"
    )


def test_unknown_extensions() -> None:
    assert plan.missing_extensions(SHOP, model.Inside()) == []
    assert plan.missing_extensions(SHOP, model.Inside(available_extensions=frozenset({"pg_trgm"}))) == ["citext"]


def test_another_login_gets_the_rights_of_the_application_role() -> None:
    one = {**SHOP, "login": "shop_b"}
    server = model.Server(version=170000, roles={"shop": model.Role(), "shop_owner": model.Role()})
    found = statements(plan.plan_roles([one], server))
    assert found[0].startswith('CREATE ROLE "shop_b" LOGIN CONNECTION LIMIT -1 PASSWORD')
    assert found[1] == f"COMMENT ON ROLE \"shop_b\" IS '{model.MARK}'"
    assert found[2:] == ['GRANT "shop" TO "shop_b" WITH INHERIT TRUE, SET TRUE']
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


# --- Memberships ---


def with_role(name: str, *granted: tuple[str, str], version: int = 170000) -> model.Server:
    """A server of the shop on which one role was granted others."""
    role = model.Role(member_of=frozenset(one for one, _grantor in granted), granted=granted)
    return model.Server(version=version, roles={"shop": model.Role(), "shop_owner": model.Role(), name: role})


@pytest.mark.parametrize("name", ["shop", "shop_b", "shop_iam"])
def test_a_membership_that_voids_the_least_rights_is_revoked(name: str) -> None:
    own = () if name == "shop" else (("shop", "postgres"),)
    server = with_role(name, ("shop_owner", "dba"), *own)
    assert statements(plan.plan_memberships(SHOP, server)) == [
        f'REVOKE "shop_owner" FROM "{name}" GRANTED BY "dba" CASCADE'
    ]
    server = with_role(name, ("shop_owner", "dba"), *own, version=150000)
    assert statements(plan.plan_memberships(SHOP, server)) == [f'REVOKE "shop_owner" FROM "{name}" CASCADE']


def test_a_membership_that_the_login_may_not_revoke_is_told_with_who_may() -> None:
    role = model.Role(
        member_of=frozenset({"shop_owner", "pg_monitor"}),
        granted=(("shop_owner", "dba"), ("pg_monitor", "master")),
        kept=(("shop_owner", "dba"),),
    )
    server = model.Server(version=170000, user="master", superuser=False, roles={"shop": role})
    assert statements(plan.plan_memberships(SHOP, server)) == [
        'REVOKE "pg_monitor" FROM "shop" GRANTED BY "master" CASCADE'
    ]
    assert plan.kept_memberships(SHOP, server) == [
        "The role shop has the rights of shop_owner, granted by dba, which void its least rights, and master may not revoke what dba "
        'granted. Run as dba: REVOKE "shop_owner" FROM "shop" GRANTED BY "dba" CASCADE;'
    ]


def test_the_memberships_of_the_owner_and_its_login_are_looked_at() -> None:
    server = with_role("shop_owner", ("pg_write_all_data", "postgres"))
    assert 'REVOKE "pg_write_all_data" FROM "shop_owner"' in statements(plan.plan_roles([SHOP], server))[0]
    server = with_role("shop_owner_iam", ("shop_owner", "postgres"), ("rds_iam", "postgres"))
    assert plan.plan_memberships(SHOP, server) == []


def test_memberships_that_are_wanted_are_granted_and_kept() -> None:
    one = {**SHOP, "memberships": ["pg_monitor"]}
    assert statements(plan.plan_memberships(one, with_role("shop"))) == ['GRANT "pg_monitor" TO "shop"']
    assert plan.plan_memberships(one, with_role("shop", ("pg_monitor", "dba"))) == []


# --- What was not made here ---


def test_what_this_repository_made_is_known_by_its_mark() -> None:
    roles = {name: model.Role(marked=True) for name in ("shop", "shop_owner", "shop_b")}
    assert foreign.foreign([SHOP], model.Server(roles=roles)) == [], "a first run that was cut before the database"
    moved = {"shop": model.Outside("postgres", marked=True)}
    assert foreign.foreign([SHOP], model.Server(roles=roles, databases=moved)) == [], "its owner is put right"


def test_what_is_older_than_the_mark_is_known_by_its_relations() -> None:
    server = model.Server(
        roles={
            "shop": model.Role(), "shop_owner": model.Role(), "shop_b": model.Role(member_of=frozenset({"shop"})),
            "shop_iam": model.Role(iam=True, member_of=frozenset({"shop", "rds_iam"})),
            "shop_owner_iam": model.Role(iam=True, member_of=frozenset({"shop_owner", "rds_iam"})),
        },
        databases={"shop": model.Outside("shop_owner", user=frozenset({"CONNECT"}))},
    )  # fmt: skip
    assert foreign.foreign([SHOP], server) == []


@pytest.mark.parametrize("name", ["shop", "shop_owner", "shop_b", "shop_iam", "shop_owner_iam"])
def test_a_role_of_somebody_else_is_not_taken_over(name: str) -> None:
    (problem,) = foreign.foreign([SHOP], model.Server(roles={name: model.Role()}))
    assert problem.startswith(f"The role {name} is there already, and was not made by this repository.")
    assert "database.owner" in problem if "owner" in name else "database.user" in problem
    assert f"COMMENT ON ROLE \"{name}\" IS '{model.MARK}';" in problem


def test_a_database_of_somebody_else_is_not_taken_over() -> None:
    (problem,) = foreign.foreign([SHOP], model.Server(databases={"shop": model.Outside("erp")}))
    assert "The database shop is there already, belongs to erp" in problem
    assert f"COMMENT ON DATABASE \"shop\" IS '{model.MARK}';" in problem
    database = {"shop": model.Outside("shop_owner")}
    (problem,) = foreign.foreign([SHOP], model.Server(databases=database, roles={"shop": model.Role()}))
    assert "The role shop" in problem, "a role without a right on the application's database"


def test_the_role_that_makes_the_others_is_no_application() -> None:
    server = model.Server(user="shop", roles={"shop": model.Role(marked=True)})
    assert foreign.foreign([SHOP], server) == [
        "The role shop is the one that makes databases and roles. Write another database.user for the application."
    ]
