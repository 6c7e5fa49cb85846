"""Where the database of an application is, for all who need to know it."""

from __future__ import annotations

from urllib.parse import parse_qs, unquote, urlsplit

from ansible_collections.django_ec2.site.plugins.plugin_utils.applications.endpoints import (
    database_authority,
    database_endpoints,
    database_url,
)
from ansible_collections.django_ec2.site.plugins.plugin_utils.applications.resolve import resolve_applications

from .entries import SERVER, STRONG, endpoints, entry, resolved

ENDPOINT = {**SERVER, "scheme": "postgresql", "user": "shop", "password": "x", "name": "shop"}


def test_each_application_has_three_endpoints() -> None:
    found = database_endpoints(resolve_applications({"shop": entry(), "blog": entry()}), SERVER)
    assert list(found) == ["blog", "shop"]
    common = {
        **SERVER,
        "scheme": "postgresql",
        "name": "shop",
        "authentication": "password",
        "options": {},
        "token_environment": {},
    }
    assert found["shop"] == {
        "application": {**common, "user": "shop", "password": STRONG},
        "owner": {**common, "user": "shop_owner", "password": STRONG[::-1]},
        "replica": {**common, "user": "shop", "password": STRONG},
    }
    assert found["blog"]["owner"]["user"] == "blog_owner"


def test_a_unix_socket_asks_for_no_certificate() -> None:
    found = endpoints(resolved(), host="/var/run/postgresql", options={"connect_timeout": 3})
    for one in found.values():
        assert (one["host"], one["sslmode"], one["ca_file"]) == ("/var/run/postgresql", "", "")
        assert one["options"] == {"connect_timeout": 3}
    # A replica on another host is asked for one all the same.
    replica = endpoints(resolved(), host="/var/run/postgresql", replica_host="db2")["replica"]
    assert (replica["sslmode"], replica["ca_file"]) == ("verify-full", "/etc/ssl/database/ca.pem")


def test_an_address_of_the_database_needs_no_lookup() -> None:
    found = endpoints(resolved(), address="10.0.0.5")
    assert {one["options"]["hostaddr"] for one in found.values()} == {"10.0.0.5"}
    # The name is still there, for the certificate.
    assert database_url(found["owner"]).endswith("&hostaddr=10.0.0.5") and "@db1:5432/" in database_url(found["owner"])
    found = endpoints(resolved(), address="10.0.0.5", replica_host="ro")
    assert "hostaddr" not in found["replica"]["options"]
    for other in ({"address": "db1.internal"}, {"address": "10.0.0.5", "host": "/var/run/postgresql"}):
        assert "hostaddr" not in endpoints(resolved(), **other)["application"]["options"]


STANDBYS = [{"name": "db2", "address": "10.0.0.6"}]


def test_a_client_that_knows_the_standbys_finds_the_new_primary_by_itself() -> None:
    options = {"target_session_attrs": "read-write"}
    found = endpoints(resolved(), address="10.0.0.5", options=options, standbys=STANDBYS)
    for kind in ("application", "owner"):
        assert found[kind]["host"] == "db1,db2"
        assert found[kind]["options"] == {**options, "hostaddr": "10.0.0.5,10.0.0.6"}
    url = database_url(found["application"])
    assert "@db1,db2:5432/shop?" in url and "hostaddr=10.0.0.5%2C10.0.0.6" in url
    # Names alone are looked up, all of them.
    assert "hostaddr" not in endpoints(resolved(), standbys=STANDBYS)["application"]["options"]
    assert endpoints(resolved(), host="/run/x", standbys=STANDBYS)["application"]["host"] == "/run/x"


def test_readers_are_led_to_a_standby_and_to_the_primary_while_it_is_away() -> None:
    found = endpoints(resolved(), address="10.0.0.5", standbys=STANDBYS, replica_host="db2")["replica"]
    assert (found["host"], found["options"]) == (
        "db2,db1", {"target_session_attrs": "any", "hostaddr": "10.0.0.6,10.0.0.5"},
    )  # fmt: skip
    # A replica of somebody else's is no standby of ours.
    assert endpoints(resolved(), address="10.0.0.5", standbys=STANDBYS, replica_host="ro")["replica"]["host"] == "ro"


def test_a_replica_is_asked_for_reads_alone() -> None:
    options = {"connect_timeout": 3, "target_session_attrs": "read-write"}
    found = endpoints(resolved(), options=options, replica_host="ro")
    assert (found["application"]["host"], found["replica"]["host"]) == ("db1", "ro")
    assert found["application"]["options"] == options
    assert found["replica"]["options"] == {**options, "target_session_attrs": "any"}
    found = endpoints(resolved(), options=options)
    assert found["replica"] == found["application"]


def test_a_login_by_token_has_a_role_of_its_own_and_no_password() -> None:
    found = endpoints(resolved(), authentication="iam", token_environment={"AWS_ACCESS_KEY_ID": "AKIA"})
    assert [(one["user"], one["password"]) for one in found.values()] == [
        ("shop_iam", ""), ("shop_owner_iam", ""), ("shop_iam", ""),
    ]  # fmt: skip
    assert all(one["token_environment"] == {"AWS_ACCESS_KEY_ID": "AKIA"} for one in found.values())
    # By password nobody signs anything.
    assert endpoints(resolved(), token_environment={"A": "B"})["application"]["token_environment"] == {}


def test_the_other_login_is_used_when_it_is_its_turn() -> None:
    database = {"password": STRONG, "owner_password": STRONG[::-1], "login": "shop_b"}
    assert endpoints(resolved(database=database))["application"]["user"] == "shop_b"


def test_a_database_url_survives_every_character() -> None:
    password = "p@ss:w/o#r?d% &é"
    url = urlsplit(database_url({**ENDPOINT, "password": password}))
    assert (url.scheme, url.hostname, url.port, url.path) == ("postgresql", "db1", 5432, "/shop")
    assert unquote(url.password or "") == password
    assert parse_qs(url.query) == {"sslmode": ["verify-full"], "sslrootcert": ["/etc/ssl/database/ca.pem"]}


def test_a_database_url_names_a_socket_directory_or_an_ipv6_address() -> None:
    directory = {**ENDPOINT, "host": "/run/postgresql", "user": "a", "password": "b", "name": "c"}
    assert database_url(directory) == "postgresql://a:b@%2Frun%2Fpostgresql:5432/c"
    assert urlsplit(database_url({**ENDPOINT, "host": "2001:db8::5"})).hostname == "2001:db8::5"


def test_the_authority_is_placed_where_the_endpoints_look_for_it() -> None:
    found = database_endpoints([resolved()], SERVER)
    assert database_authority(found, "PEM") == {
        "directories": [{"path": "/etc/ssl/database"}],
        "files": [{"path": "/etc/ssl/database/ca.pem", "content": "PEM"}],
    }
    nothing = {"directories": [], "files": []}
    assert database_authority(found, "") == nothing
    assert database_authority(database_endpoints([resolved()], {**SERVER, "host": "/run/postgresql"}), "PEM") == nothing


def test_a_further_database_has_the_same_three_endpoints() -> None:
    more = {"analytics": {"password": "x", "owner_password": "y", "name": "facts"}}
    found = endpoints(resolved(databases=more), authentication="iam")["databases"]["analytics"]
    assert [(found[kind]["name"], found[kind]["user"]) for kind in ("application", "owner", "replica")] == [
        ("facts", "shop_analytics_iam"), ("facts", "shop_analytics_owner_iam"), ("facts", "shop_analytics_iam"),
    ]  # fmt: skip
    assert database_authority({"shop": endpoints(resolved(databases=more))}, "PEM")["directories"]


def test_the_order_of_options_makes_no_other_url() -> None:
    """AWX hands mappings over in the order of their keys: an application would start anew for each run from elsewhere."""
    options = {"tcp_user_timeout": 5000, "connect_timeout": 3}
    urls = {
        database_url({**ENDPOINT, "options": dict(order)}) for order in (options.items(), reversed(options.items()))
    }
    assert len(urls) == 1
    assert urls.pop().endswith("&connect_timeout=3&tcp_user_timeout=5000")
