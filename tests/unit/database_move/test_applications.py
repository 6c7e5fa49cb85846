"""What the steps of a move get of the applications."""

from __future__ import annotations

from ansible_collections.django_ec2.site.plugins.plugin_utils.applications.resolve import resolve_applications
from ansible_collections.django_ec2.site.plugins.plugin_utils.database_move import (
    database_move_databases,
    database_move_logins,
)

SERVERS = {
    "self_hosted": {"host": "db1", "address": "10.0.0.5", "port": 5432, "sslmode": "verify-full", "ca_file": "/etc/ssl/database/ca.pem"},
    "rds": {"host": "shop.c1.eu-central-1.rds.amazonaws.com", "port": 5432, "sslmode": "verify-full", "ca_file": "/etc/ssl/rds/ca.pem"},
}  # fmt: skip
SHOP = {
    "domains": ["shop.example.org"], "source": ".", "settings_module": "a.settings", "wsgi_module": "a.wsgi",
    "database": {"login": "shop_b", "password": "it", "owner_password": "its"},
}  # fmt: skip


def test_databases_have_names_and_roles_and_no_password() -> None:
    (one,) = database_move_databases([{"name": "shop", "owner_password": "x", "password": "y", "login": "shop_b"}])
    assert one["owner"] == "shop_owner"
    assert {"shop", "shop_b", "shop_owner", "shop_iam"} <= set(one["roles"])
    assert "password" not in str(one)


def test_a_web_host_logs_in_to_both_sides_as_its_application() -> None:
    found = database_move_logins(resolve_applications({"shop": SHOP}), SERVERS)
    assert found["self_hosted"]["user"] == found["rds"]["user"] == "shop_b"
    assert found["self_hosted"]["options"] == {"hostaddr": "10.0.0.5"}
    assert found["rds"]["ca_file"] == "/etc/ssl/rds/ca.pem"
    assert found["rds"]["database"] == "shop"
