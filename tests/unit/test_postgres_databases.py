"""What the module postgres_databases finds to be different, without a server."""

from __future__ import annotations

import base64
import hmac
from pathlib import Path

import pytest
from ansible_collections.django_ec2.site.plugins.module_utils import postgres_login as login
from ansible_collections.django_ec2.site.plugins.modules import postgres_databases as module

SHOP = {
    "name": "shop",
    "owner": "shop_owner",
    "owner_password": "o",
    "user": "shop",
    "password": "p",
    "connection_limit": -1,
    "extensions": ["citext"],
}
GOOD = module.Inside(
    schema_owner="shop_owner",
    schema_public=frozenset(),
    schema_user=frozenset({"USAGE"}),
    default_tables=frozenset(module.TABLE_RIGHTS),
    default_sequences=frozenset(module.SEQUENCE_RIGHTS),
    relations=(module.Relation("notes", False, "shop_owner", frozenset(module.TABLE_RIGHTS)),),
    extensions=frozenset({"citext"}),
)


def statements(changes: list) -> list[str]:
    """All statements of some changes."""
    return [statement for change in changes for statement in change.statements]


def test_verifier_is_the_one_of_the_standard() -> None:
    # The exchange of RFC 7677: from the stored server key follows the signature that it shows.
    verifier = module.scram_verifier("pencil", base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ=="), 4096)
    nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    said = f"n=user,r=rOprNGfwEbeRWgbNEkqO,r={nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r={nonce}"
    key = base64.b64decode(verifier.rsplit(":", 1)[1])
    assert (
        base64.b64encode(hmac.digest(key, said.encode(), "sha256")) == b"6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
    )
    assert module.verifier_matches(verifier, "pencil")
    assert not module.verifier_matches(verifier, "pen")


@pytest.mark.parametrize("stored", [None, "", "md5abcdef", "SCRAM-SHA-256$broken", "SCRAM-SHA-256$x:y$z:q"])
def test_other_forms_never_match(stored: str | None) -> None:
    assert not module.verifier_matches(stored, "pencil")


def test_nothing_differs() -> None:
    server = module.Server(
        roles={"shop": module.Role(), "shop_owner": module.Role()}, databases={"shop": module.Outside("shop_owner")}
    )
    assert module.plan_roles([SHOP], server) == []
    assert module.plan_databases([SHOP], server) == []
    assert (
        module.plan_outside(SHOP, module.Outside("shop_owner", frozenset(), frozenset({"CONNECT"}), module.SEARCH_PATH))
        == []
    )
    assert module.plan_inside(SHOP, GOOD, server) == ([], [])


def test_new_roles_carry_no_password_in_clear() -> None:
    created = statements(
        module.plan_roles([{**SHOP, "password": "geheim", "owner_password": "geheim2"}], module.Server())
    )
    assert [statement.split(" PASSWORD ")[0] for statement in created] == [
        'CREATE ROLE "shop_owner" LOGIN CONNECTION LIMIT -1',
        'CREATE ROLE "shop" LOGIN CONNECTION LIMIT -1',
    ]
    assert "geheim" not in " ".join(created)


def test_only_what_differs_of_a_role_is_named() -> None:
    role = module.Role(forbidden=("rolsuper",), connection_limit=5)
    assert statements(module.plan_role("shop", "p", -1, role, module.Server())) == [
        'ALTER ROLE "shop" NOSUPERUSER CONNECTION LIMIT -1'
    ]
    changes = module.plan_role("shop", "p", -1, module.Role(password_matches=False), module.Server())
    assert [change.text for change in changes] == ["Role shop: set the password"]


@pytest.mark.parametrize(
    ("version", "said"),
    [
        (150000, 'GRANT "shop_owner" TO CURRENT_USER'),
        (170000, 'GRANT "shop_owner" TO CURRENT_USER WITH INHERIT TRUE, SET TRUE'),
    ],
)
def test_a_master_user_becomes_member_of_the_owner(version: int, said: str) -> None:
    server = module.Server(superuser=False, version=version)
    assert said in statements(module.plan_roles([SHOP], server))
    server.roles = {"shop": module.Role(), "shop_owner": module.Role(held=True)}
    assert module.plan_roles([SHOP], server) == []


def test_excess_rights_are_taken_back() -> None:
    outside = module.Outside("shop_owner", frozenset(), frozenset({"CONNECT", "CREATE"}), module.SEARCH_PATH)
    assert statements(module.plan_outside(SHOP, outside)) == [
        'REVOKE ALL ON DATABASE "shop" FROM "shop"',
        'GRANT CONNECT ON DATABASE "shop" TO "shop"',
    ]
    relation = module.Relation('odd"name', False, "shop_owner", frozenset({*module.TABLE_RIGHTS, "TRUNCATE"}))
    changes, _ = module.plan_inside(SHOP, module.Inside(**{**vars(GOOD), "relations": (relation,)}), module.Server())
    assert statements(changes)[0] == 'REVOKE ALL ON TABLE public."odd""name" FROM "shop"'


def test_a_fresh_database_gets_everything() -> None:
    changes, notes = module.plan_inside(SHOP, module.Inside(), module.Server())
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
    relation = module.Relation("old", False, "shop", frozenset())
    changes, notes = module.plan_inside(
        SHOP, module.Inside(**{**vars(GOOD), "relations": (relation,)}), module.Server()
    )
    assert changes == []
    assert "public.old belongs to shop" in notes[0]


def test_unknown_extensions() -> None:
    assert module.missing_extensions(SHOP, module.Inside()) == []
    assert module.missing_extensions(SHOP, module.Inside(available_extensions=frozenset({"pg_trgm"}))) == ["citext"]


def test_socket_of_a_server_whose_port_changes(tmp_path: Path) -> None:
    assert login.socket_port(5432, str(tmp_path)) == 5432
    (tmp_path / ".s.PGSQL.5433").touch()
    (tmp_path / ".s.PGSQL.5433.lock").touch()
    assert login.socket_port(5432, str(tmp_path)) == 5433
    (tmp_path / ".s.PGSQL.5434").touch()
    assert login.socket_port(5432, str(tmp_path)) == 5432


def test_another_login_gets_the_rights_of_the_application_role() -> None:
    one = {**SHOP, "login": "shop_b"}
    server = module.Server(version=170000, roles={"shop": module.Role(), "shop_owner": module.Role()})
    found = statements(module.plan_roles([one], server))
    assert found[0].startswith('CREATE ROLE "shop_b" LOGIN CONNECTION LIMIT -1 PASSWORD')
    assert found[1:] == ['GRANT "shop" TO "shop_b" WITH INHERIT TRUE, SET TRUE']
    server.roles["shop_b"] = module.Role(member_of=frozenset({"shop"}))
    assert module.plan_roles([one], server) == []
    assert statements(module.plan_roles([one], server, retire=True)) == ['ALTER ROLE "shop" NOLOGIN']
    # The next turn.
    server.roles["shop"] = module.Role(login=False, password_matches=False)
    assert statements(module.plan_roles([SHOP], server))[0] == 'ALTER ROLE "shop" LOGIN'


def test_logins_by_token_are_roles_of_their_own() -> None:
    server = module.Server(superuser=False, version=170000, roles={"shop": module.Role(), "shop_owner": module.Role()})
    found = statements(module.plan_roles([SHOP], server, "iam"))
    assert 'GRANT rds_iam TO "shop_iam"' in found
    assert 'GRANT rds_iam TO "shop_owner_iam"' in found
    assert "ALTER ROLE \"shop_owner_iam\" SET role = 'shop_owner'" in found
    # The master user is a member of the owner: it must not become one of rds_iam.
    assert not any('TO "shop_owner"' in one or 'rds_iam TO "shop"' in one for one in found)
    assert not any("PASSWORD" in one for one in found)
    for base in ("shop", "shop_owner"):
        acts_as = "shop_owner" if base == "shop_owner" else None
        server.roles[f"{base}_iam"] = module.Role(iam=True, member_of=frozenset({base, "rds_iam"}), acts_as=acts_as)
    assert module.plan_roles([SHOP], server, "iam") == []
    assert statements(module.plan_roles([SHOP], server, "iam", retire=True)) == [
        'ALTER ROLE "shop_owner" NOLOGIN', 'ALTER ROLE "shop" NOLOGIN',
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        ("SSL error: certificate verify failed", "run playbooks/rds_ca_bundle.yml"),
        (
            'server certificate for "a" (and 1 other name) does not match host name "db"',
            "Give the endpoint as RDS shows it",
        ),
        ('no pg_hba.conf entry for host "10.0.0.1", user "x", database "y", no encryption', "sslmode=verify-full"),
        ('FATAL:  password authentication failed for user "x"', "docs/secrets.md"),
        ('FATAL:  PAM authentication failed for user "x"', "logs in by a token"),
        ("FATAL:  sorry, too many clients already", "larger instance class"),
        ("FATAL:  remaining connection slots are reserved for roles", "larger instance class"),
        ("timeout expired", "security group"),
        ("Connection refused", "port 5432"),
    ],
)
def test_a_refusal_by_a_remote_server_names_the_remedy(said: str, remedy: str) -> None:
    given = {"host": "db", "port": 5432, "user": "x", "ca_file": "/ca.pem"}
    assert remedy in login.explain(said, given)
    assert login.explain(said, {**given, "host": None}) == said
