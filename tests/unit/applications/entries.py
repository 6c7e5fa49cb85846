"""Entries and endpoints for the tests of every step."""

from __future__ import annotations

from typing import Any

from ansible_collections.django_ec2.site.plugins.plugin_utils.applications.endpoints import database_endpoints
from ansible_collections.django_ec2.site.plugins.plugin_utils.applications.resolve import resolve_applications

SERVER = {"host": "db1", "port": 5432, "sslmode": "verify-full", "ca_file": "/etc/ssl/database/ca.pem"}
STRONG = "kJ8sQ2vLx0PzR4tYw7Nb"


def entry(**changes: Any) -> dict[str, Any]:
    """A good entry, but for these changes."""
    return {
        "domains": ["www.example.org"],
        "source": "shop",
        "settings_module": "shop.settings",
        "wsgi_module": "shop.wsgi",
        "database": {"password": STRONG, "owner_password": STRONG[::-1]},
        **changes,
    }


def resolved(**changes: Any) -> dict[str, Any]:
    """The application ``shop``."""
    return resolve_applications({"shop": entry(**changes)})[0]


def endpoints(application: dict[str, Any], **changes: Any) -> dict[str, dict[str, Any]]:
    """Its endpoints on the usual server, but for these changes."""
    return database_endpoints([application], {**SERVER, **changes})["shop"]
