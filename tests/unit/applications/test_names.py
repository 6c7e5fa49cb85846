"""Whose each name is: what two applications would both take, and what belongs to the system, is refused with the remedy."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.django_ec2.site.plugins.plugin_utils.applications import names
from ansible_collections.django_ec2.site.plugins.plugin_utils.applications.resolve import resolve_applications

from .entries import STRONG, entry

PASSWORDS = {"password": STRONG, "owner_password": STRONG[::-1]}


def refused(applications: dict[str, Any]) -> str:
    with pytest.raises(AnsibleFilterError) as caught:
        resolve_applications(applications)
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "owner"),
    [
        ("root", "the operating system"),
        ("mail", "the operating system"),
        ("backup", "the operating system"),
        ("users", "the operating system"),
        ("sudo", "the operating system"),
        ("admin", "Debian's images for EC2, whose administrator logs in by it"),
        ("docker", "whose group acts as root"),
        ("postgres", "PostgreSQL"),
        ("redis", "Redis"),
        ("nginx", "the package nginx"),
        ("uwsgi", "units of every application begin with it"),
        ("systemd", "systemd"),
        ("database", "'/etc/ssl/database' belongs to the authority of the database"),
        ("rds", "the authorities of RDS"),
        ("certs", "the system's authorities"),
        ("private", "the system's keys"),
        ("pg_shop", "the server itself"),
        ("template0", "the server itself"),
        ("public", "the server itself"),
    ],
)
def test_a_name_of_the_system_is_refused_with_its_owner(name: str, owner: str) -> None:
    message = refused({name: entry()})
    assert message.startswith(f"applications.{name}: ")
    assert owner in message
    assert f"'{name}_site'" in message


@pytest.mark.parametrize("second", ["shop_b", "shop_owner", "shop_iam", "shop_owner_iam"])
def test_the_roles_of_one_application_are_no_names_for_another(second: str) -> None:
    message = refused({"shop": entry(), second: entry(domains=["b.example.org"])})
    assert message.startswith(
        f"applications.{second}: the database role '{second}' (its role) is taken by applications.shop."
    )
    assert "Give the application another name, or write database.user" in message


def test_the_second_login_of_a_rotation_is_named() -> None:
    message = refused({"shop": entry(), "shop_b": entry(domains=["b.example.org"])})
    assert "the second login of the rotation of secrets" in message


def test_a_role_that_an_entry_names_is_looked_at_as_well() -> None:
    other = entry(database={**PASSWORDS, "user": "shop"})
    message = refused({"other": other, "shop": entry(domains=["b.example.org"])})
    assert "the database role 'shop' (its role) is taken by applications.other.database.user (its role)" in message
    same = entry(database={**PASSWORDS, "owner": "shop"})
    assert "would be its role (database.user) and the owner of its tables (database.owner) at once" in refused(
        {"shop": same}
    )
    assert "belongs to the server itself" in refused({"shop": entry(database={**PASSWORDS, "owner": "rds_superuser"})})


def test_a_role_that_postgresql_would_cut_off_is_refused() -> None:
    message = refused({"shop": entry(database={**PASSWORDS, "user": "s" * 62})})
    assert "has more than 63 characters" in message
    assert "Shorten database.user" in message


def test_a_service_does_not_take_the_place_of_a_unit_of_the_system() -> None:
    message = refused({"container": entry(services={"getty": {"command": "manage.py work"}})})
    assert "the unit 'container-getty@.service' (its unit) belongs to systemd" in message
    assert "Give services.getty another name." in message


def test_the_two_logins_that_take_turns_are_one_applications_own() -> None:
    for login in ("", "shop", "shop_b"):
        (shop,) = resolve_applications({"shop": entry(database={**PASSWORDS, "login": login})})
        assert names.name_problem([shop]) is None


def test_applications_that_share_a_part_of_their_names_live_together() -> None:
    resolve_applications(
        {
            "shop": entry(services={"worker": {"command": "celery"}}, redis=True),
            "shop_worker": entry(domains=["w.example.org"], services={"worker": {"command": "celery"}}, redis=True),
            "shop_a": entry(
                domains=["a.example.org"], timers={"worker": {"command": "manage.py a", "schedule": "daily"}}
            ),
        }
    )


def test_each_name_that_follows_from_an_application_is_a_claim() -> None:
    """A formula that is not in `claims` could collide without a word."""
    (shop,) = resolve_applications(
        {
            "shop": entry(
                redis=True,
                services={"worker": {"command": "celery"}},
                timers={"report": {"command": "manage.py a", "schedule": "daily"}},
            )
        }
    )
    assert {(claim.kind, claim.name) for claim in names.claims(shop)} == {
        ("account", "shop"),
        ("path", "/srv/shop"),
        ("path", "/usr/local/sbin/shop-manage"),
        ("path", "/etc/ssl/shop"),
        ("path", "/run/uwsgi-shop"),
        ("path", "/run/shop-worker"),
        ("unit", "uwsgi-shop@.service"),
        ("unit", "shop-worker@.service"),
        ("unit", "shop-timer-report.timer"),
        ("user of Redis", "shop"),
        ("database", "shop"),
        ("database", "shop_scratch"),
        ("database role", "shop"),
        ("database role", "shop_b"),
        ("database role", "shop_iam"),
        ("database role", "shop_owner"),
        ("database role", "shop_owner_iam"),
    }


def test_a_further_database_takes_names_of_its_own() -> None:
    databases = {"b": PASSWORDS}
    message = refused({"shop": entry(databases=databases)})
    assert "database role 'shop_b'" in message, "the second login of the rotation is the first database's"
    assert resolve_applications({"shop": entry(databases={"b": {**PASSWORDS, "user": "shop_more"}})})
    message = refused({"shop": entry(databases={"facts": PASSWORDS}), "shop_facts": entry(domains=["b.example.org"])})
    assert "'shop_facts'" in message
