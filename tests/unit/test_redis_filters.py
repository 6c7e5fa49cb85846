"""The filters of the role redis: users, their rights, and where an application finds its database."""

from __future__ import annotations

import hashlib
from types import ModuleType
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from ansible_collections.django_ec2.site.plugins.filter import redis as filter_redis

SECRETS = {
    "redis_admin_password": "a" * 20,
    "applications": {"shop": {"redis_password": "shop's p@ss/word"}, "blog": {"redis_password": "b" * 20}},
}
APPLICATIONS = {"shop": {"redis": True}, "blog": {"redis": True}, "board": {"redis": False}, "wiki": {}}
SHOP = {"name": "shop", "password": "shop's p@ss/word", "database": 7}
NETWORK = {"host": "redis1", "port": 6379, "ca_file": "/etc/ssl/redis/ca.pem", "socket": ""}


@pytest.fixture
def redis() -> ModuleType:
    return filter_redis


def test_only_applications_that_ask_for_redis_become_users(redis: ModuleType) -> None:
    assert redis.redis_applications(APPLICATIONS) == ["blog", "shop"]
    assert redis.redis_secrets_names(APPLICATIONS) == {"blog": ["redis_password"], "shop": ["redis_password"]}
    assert [one["name"] for one in redis.redis_users(APPLICATIONS, SECRETS)] == ["blog", "shop"]
    assert redis.redis_users({}, SECRETS) == []


def test_a_database_follows_from_the_name_alone(redis: ModuleType) -> None:
    (alone,) = redis.redis_users({"shop": {"redis": True}}, SECRETS)
    among = next(one for one in redis.redis_users(APPLICATIONS, SECRETS) if one["name"] == "shop")
    assert alone == among
    assert 0 < alone["database"] < redis.DATABASES
    assert redis.redis_users({"shop": {"redis": True}}, SECRETS, {"shop": 17})[0]["database"] == 17


def test_the_file_of_users_holds_no_password_in_clear(redis: ModuleType) -> None:
    text = redis.redis_acl([SHOP], "admin-password")
    assert "p@ss" not in text
    assert "admin-password" not in text
    assert f"#{hashlib.sha256(SHOP['password'].encode()).hexdigest()}" in text
    default, admin, shop = text.splitlines()
    assert default.startswith("user default off ")
    assert admin.endswith("~* &* +@all")
    assert shop.startswith("user shop on ")
    assert " -select " in shop
    assert shop.endswith(" +select|7")


def test_rights_are_those_of_the_entry(redis: ModuleType) -> None:
    one = {**SHOP, "keys": ["shop:*", "asgi:*"], "channels": ["news.*"], "commands": ["+keys", "-@scripting"]}
    line = redis.redis_acl([one], "x").splitlines()[-1]
    assert " ~shop:* ~asgi:* &news.* " in line
    assert line.endswith(" +select|7 +keys -@scripting")


@pytest.mark.parametrize(
    ("connection", "start"),
    [
        (NETWORK, "rediss://shop:"),
        ({**NETWORK, "ca_file": ""}, "redis://shop:"),
        ({**NETWORK, "host": "2001:db8::5"}, "rediss://shop:"),
    ],
)
def test_a_url_survives_every_character(redis: ModuleType, connection: dict[str, Any], start: str) -> None:
    text = redis.redis_url(SHOP, connection)
    assert text.startswith(start)
    url = urlsplit(text)
    assert (url.hostname, url.port, url.path) == (connection["host"], 6379, "/7")
    assert unquote(url.password or "") == SHOP["password"]
    expected = (
        {"ssl_cert_reqs": ["required"], "ssl_ca_certs": ["/etc/ssl/redis/ca.pem"]} if connection["ca_file"] else {}
    )
    assert parse_qs(url.query) == expected


def test_a_url_may_name_a_socket(redis: ModuleType) -> None:
    url = urlsplit(redis.redis_url(SHOP, {"socket": "/run/redis/redis-server.sock"}))
    assert (url.scheme, url.path, url.query) == ("unix", "/run/redis/redis-server.sock", "db=7")
    assert redis.redis_urls([SHOP], NETWORK) == {"shop": redis.redis_url(SHOP, NETWORK)}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "yes"),
        (False, "no"),
        ("", '""'),
        (6379, "6379"),
        (["127.0.0.1", "-::1"], "127.0.0.1 -::1"),
        ([3600, 1], "3600 1"),
        ("TLSv1.2 TLSv1.3", '"TLSv1.2 TLSv1.3"'),
        ('a "b" \\c', '"a \\"b\\" \\\\c"'),
    ],
)
def test_values_are_written_as_redis_reads_them(redis: ModuleType, value: Any, text: str) -> None:
    assert redis.redis_value(value) == text


@pytest.mark.parametrize(
    ("user", "words"),
    [
        ({"name": "admin"}, "neither 'admin' nor 'default'"),
        ({"name": "My-Shop"}, "small letters"),
        ({"password": ""}, "password is missing"),
        ({"password": "häß"}, "not printable ASCII"),
        ({"database": 1024}, "is not between 1 and 1023"),
        ({"keys": ["a b"]}, "keys has 'a b'"),
        ({"channels": ['a"']}, "channels has"),
        ({"commands": ["keys"]}, "as in '+keys'"),
        ({"commands": ["+keys ~*"]}, "commands has"),
    ],
)
def test_users_that_cannot_work_are_told_with_the_remedy(redis: ModuleType, user: dict[str, Any], words: str) -> None:
    (problem,) = redis.redis_problems([{**SHOP, **user}], {}, "x" * 20)
    assert words in problem
    assert SHOP["password"] not in problem


def test_settings_that_are_the_roles_own_are_told(redis: ModuleType) -> None:
    problems = redis.redis_problems([], {"port": 1, "aclfile": "x", "Max Clients": 1, "maxclients": 5}, "x" * 20)
    assert [problem.split(":")[1].split(" ")[1] for problem in problems] == ["port", "aclfile", "'Max"]
    assert "Set redis_port instead" in problems[0]
    assert redis.redis_problems([SHOP], {}, "") != []
    assert "the database 7 is there twice" in " ".join(
        redis.redis_problems([SHOP, {**SHOP, "name": "blog"}], {}, "x" * 20)
    )


def test_what_the_inventory_lacks_is_told(redis: ModuleType) -> None:
    assert redis.redis_requirements({"board": {}}, [], {}) == []
    assert redis.redis_requirements(APPLICATIONS, ["web1"], SECRETS) == []
    (no_host,) = redis.redis_requirements(APPLICATIONS, [], SECRETS)
    assert "blog, shop asks for Redis (redis: true), and the group redis has 0 hosts" in no_host
    (no_secret,) = redis.redis_requirements(APPLICATIONS, ["web1"], {"applications": {"blog": {"redis_password": "x"}}})
    assert "secrets.applications.shop.redis_password, secrets.redis_admin_password is missing" in no_secret
    (same,) = redis.redis_requirements(APPLICATIONS, ["web1"], SECRETS, {"shop": 5, "blog": 5})
    assert "blog and shop would share Redis's database 5" in same
    assert "redis_databases: {shop: 6}" in same
