"""Certificates by ACME: what the controller refuses and says, and what the program on the host decides."""

from __future__ import annotations

import datetime
import importlib
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from ansible_collections.django_ec2.site.plugins.plugin_utils import acme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

ROOT = Path(__file__).resolve().parents[2]
DAY, NOW = 86400, 1_800_000_000.0
MODULES = ("settings", "examine", "state", "client")


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, ModuleType]]:
    """The modules of the host's program, which lie beside each other there."""
    monkeypatch.syspath_prepend(str(ROOT / "roles/acme/files/acme_certificates"))
    yield {name: importlib.import_module(name) for name in MODULES}
    for name in MODULES:
        sys.modules.pop(name, None)


def site(*domains: str, **more: Any) -> dict[str, Any]:
    return {"name": "shop", "domains": list(domains), **more}


def asked(*domains: str, **settings: Any) -> list[str]:
    given = {"directory": "https://acme-v02.api.letsencrypt.org/directory", **settings}
    return acme.problems(acme.certificates([site(*domains)], "acme"), given)


# --- on the controller ---

HTTP = {"name": "http", "from": ["world"], "to": "web", "port": 80}


@pytest.mark.parametrize(
    ("domains", "settings", "said"),
    [
        (["192.0.2.7"], {}, "is an address"),
        (["2001:db8::5"], {}, "is an address"),
        (["shop.local"], {}, "private name"),
        (["shop.internal"], {}, "private name"),
        (["shop"], {}, "private name"),
        (["board.localhost"], {}, "private name"),
        (["shop.home.arpa"], {}, "private name"),
        (["my_shop.example.net"], {}, "no name that the public DNS knows"),
        (["shop.example.net"], {"http_port": 8080}, "Set nginx_http_port: 80"),
        (["shop.example.net"], {"visitors": ["10.0.0.0/8"]}, "port 80 is closed to everybody but 10.0.0.0/8"),
        (
            ["shop.example.net"],
            {"flows": []},
            "Add to network_extra_flows {name: acme, from: [world], to: web, port: 80}",
        ),
        (["shop.example.net"], {"flows": [{**HTTP, "from": ["10.0.0.0/8"]}]}, "no flow of network_flows opens port 80"),
        (["shop.example.net"], {"flows": [{**HTTP, "when": False}]}, "no flow of network_flows opens port 80"),
        (["shop.example.net"], {"email": "nobody"}, "is no address of e-mail"),
        (["shop.example.net"], {"email": "a b@company.com"}, "is no address of e-mail"),
        (["shop.example.net"], {"email": "ops@example.org"}, "Let's Encrypt refuses"),
        (["shop.example.net"], {"directory": "http://ca.company.com"}, "no https:// URL"),
        (["shop.example.net"], {"directory_ca_file": "/nowhere.pem"}, "is no file"),
        (["shop.example.net"], {"hosts": 6}, "End TLS at the load balancer"),
        (["*.shop.example.net"], {}, "Set acme_dns: route53"),
        (["*.shop.example.net"], {"dns": "hook", "dns_hook": "/nowhere"}, "is no file on this controller"),
        ([f"n{number}.example.net" for number in range(101)], {}, "a certificate has 100 at most"),
    ],
)
def test_what_no_authority_would_sign_is_refused_with_the_remedy(domains: list[str], settings: dict, said: str) -> None:
    found = asked(*domains, **settings)
    assert len(found) == 1
    assert said in found[0]
    assert "docs/certificates.md" in found[0]


def test_what_an_authority_would_sign_is_not_refused() -> None:
    assert (
        asked(
            "shop.example.net",
            "www.shop.example.net",
            email="ops@company.com",
            http_port=80,
            hosts=5,
            visitors=["world"],
            flows=[HTTP, {"name": "search", "from": ["web"], "to": "search", "port": 9200}, "nonsense"],
        )
        == []
    )
    assert asked("*.shop.example.net", dns="route53", http_port=8080) == [], "DNS needs no port"
    assert acme.problems([], {"email": "nobody", "http_port": 1}) == [], "nobody asks"


def test_a_sites_own_provider_wins_and_auto_looks_at_all_names() -> None:
    assert acme.provider(site("shop.example.net"), "project_ca") == "project_ca"
    assert acme.provider(site("shop.example.net", certificate_provider="acme"), "project_ca") == "acme"
    assert acme.provider(site("shop.example.net", certificate_provider="files"), "acme") == "files"
    assert acme.provider(site("shop.example.net"), "auto") == "acme"
    assert acme.provider(site("shop.example.net", "shop.lan"), "auto") == "project_ca"
    assert acme.provider(site("shop.example.net", redirect_domains=["shop"]), "auto") == "project_ca"
    assert acme.provider(site("shop.example.net", certificate_provider="acme"), "none") == "none"


def test_a_wildcard_is_proved_by_dns_and_names_are_lower_case_once() -> None:
    found = acme.certificates(
        [site("Shop.example.net", redirect_domains=["shop.example.net", "*.example.net"])], "acme"
    )
    assert found == [{"name": "shop", "domains": ["shop.example.net", "*.example.net"], "challenge": "dns"}]


SEED = {"certificates": [{"name": "shop", "domains": ["shop.example.net"], "challenge": "http"}], "listen": ["443 ssl"]}
GOOD = {
    "path": "/x",
    "domains": ["shop.example.net"],
    "directory": "https://ca",
    "not_before": NOW,
    "not_after": NOW + 64 * DAY,
}


@pytest.mark.parametrize(
    ("change", "later", "due"),
    [
        ({}, 42 * DAY, False),
        ({}, 43 * DAY, True),
        ({"domains": ["other.example.net"]}, 0, True),
        ({"directory": "https://staging"}, 0, True),
        ({"failure": {"kind": "validation"}}, 0, True),
        ({"failure": {"kind": "rate_limit", "retry_after": NOW + DAY}, "not_after": NOW + DAY}, 0, False),
        ({"failure": {"kind": "rate_limit", "retry_after": NOW + DAY}}, 2 * DAY, True),
    ],
)  # fmt: skip
def test_a_host_is_asked_only_where_its_facts_say_that_something_is_due(change: dict, later: float, due: bool) -> None:
    state = {"seeded": SEED, "certificates": {"shop": {**GOOD, **change}}}
    assert acme.due(state, SEED, "https://ca", NOW + later) is due
    assert acme.due({}, SEED, "https://ca", NOW)
    assert acme.due({**state, "reload_owed": True}, SEED, "https://ca", NOW + later)


def test_a_run_warns_from_14_days_before_the_end_and_says_before_that_what_failed() -> None:
    failure = {"kind": "unreachable", "message": "the authority is away."}

    def host(**change: Any) -> list[dict]:
        return [
            {"inventory_hostname": "web1", "ansible_local": {"acme": {"certificates": {"shop": {**GOOD, **change}}}}}
        ]

    assert acme.notes(host(), NOW) == []
    said = acme.notes(host(failure=failure), NOW)
    assert len(said) == 1
    assert "goes on" in said[0]
    assert "the authority is away." in said[0]
    assert not said[0].startswith("WARNING")
    assert acme.notes(host(), NOW + 49.9 * DAY) == []
    assert acme.notes(host(failure=failure), NOW + 50.1 * DAY)[0].startswith(
        "WARNING: web1: the certificate of shop ends on"
    )
    # What the run itself has found out counts more than what the facts said before it.
    assert acme.notes([{**host(failure=failure)[0], "acme_known": {"certificates": {"shop": GOOD}}}], NOW) == []


def test_a_name_without_a_certificate_is_said_with_the_reason() -> None:
    wanted = [{"name": "shop", "domains": ["shop.example.net", "new.example.net"], "challenge": "http"}]
    state = {"certificates": {"shop": {**GOOD, "failure": {"message": "NXDOMAIN."}}}}
    (said,) = acme.without(state, wanted, "web1")
    assert said.startswith("web1 has no certificate for new.example.net of shop: NXDOMAIN.")
    covered = {"certificates": {"shop": {**GOOD, "domains": ["*.example.net"]}}}
    assert acme.without(covered, wanted, "web1") == []


# --- on the host ---


def pair(*names: str, days: float = 64, chain: bool = True, key: Any = None) -> tuple[bytes, bytes]:
    """A certificate with its chain, and its key."""
    issuer_key, own = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.UTC)
    issuer = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, "Authority")])

    def build(subject: str, public: Any) -> x509.CertificateBuilder:
        name = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, subject)])
        builder = x509.CertificateBuilder(issuer, name, public, x509.random_serial_number())
        return builder.not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(
            now + datetime.timedelta(days=days)
        )

    authority = build("Authority", issuer_key.public_key()).add_extension(
        x509.BasicConstraints(ca=True, path_length=None), critical=True
    )
    leaf = build(names[0], own.public_key()).add_extension(
        x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False
    )
    pem = serialization.Encoding.PEM
    texts = [leaf.sign(issuer_key, hashes.SHA256()).public_bytes(pem)]
    if chain:
        texts.append(authority.sign(issuer_key, hashes.SHA256()).public_bytes(pem))
    private = (key or own).private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return b"".join(texts), private


def test_a_certificate_is_served_only_when_it_fits(program: dict[str, ModuleType]) -> None:
    def found(chain: bytes, key: bytes, *names: str, roots: str = "") -> str:
        return " ".join(program["examine"].problems(chain, key, names, roots, datetime.datetime.now().timestamp()))

    assert found(*pair("shop.example.net", "*.example.net"), "shop.example.net", "a.example.net") == ""
    assert "not for b.example.net" in found(*pair("shop.example.net"), "shop.example.net", "b.example.net")
    assert "not for a.b.example.net" in found(*pair("*.example.net"), "a.b.example.net")
    assert "key is another one" in found(*pair("a.b", key=ec.generate_private_key(ec.SECP256R1())), "a.b")
    assert "not valid now" in found(*pair("a.b", days=-0.5), "a.b")
    assert "chain is missing" in found(*pair("a.b", chain=False), "a.b")
    assert "can't be read" in found(b"-----BEGIN CERTIFICATE-----\nhalf", b"", "a.b")
    foreign = pair("a.b")[0].partition(b"-----END CERTIFICATE-----\n")[2]
    leaf, key = pair("a.b", chain=False)
    assert "does not lead to an authority" in found(leaf + foreign, key, "a.b")
    assert "does not lead to an authority" in found(*pair("a.b"), "a.b", roots="/etc/ssl/certs/ca-certificates.crt")


def test_a_third_of_any_life_is_computed_from_the_certificate(program: dict[str, ModuleType]) -> None:
    wanted = program["settings"].Wanted("shop", ("shop.example.net",), "http")
    due = program["examine"].due
    for days in (6, 64, 90):
        known = {**GOOD, "not_after": NOW + days * DAY}
        assert due(wanted, known, "https://ca", NOW + days * DAY * 0.66) is None
        assert due(wanted, known, "https://ca", NOW + days * DAY * 0.67) == "a third of its life is left"
    assert due(wanted, None, "https://ca", NOW) == "there is none"
    assert due(wanted, GOOD, "https://other", NOW) == "another authority issued it"


SAID = {
    "rate_limit": "An unexpected error occurred:\nError creating new order :: too many certificates (5) already issued for this exact "
    "set of identifiers in the last 168h0m0s, retry after 2027-03-04 05:06:07 UTC: see https://letsencrypt.org/docs/rate-limits/",
    "validation": "Certbot failed to authenticate some domains (authenticator: webroot).\n  Domain: shop.example.net\n  Type:   dns\n"
    "  Detail: DNS problem: NXDOMAIN looking up A for shop.example.net\n",
    "unreachable": "An unexpected error occurred:\nrequests.exceptions.ConnectionError: HTTPSConnectionPool(host='ca', port=443): "
    "Max retries exceeded with url: /dir (Caused by NewConnectionError: [Errno 111] Connection refused)",
    "account": "An unexpected error occurred:\nThe account is deactivated\nAsk for help at https://community.letsencrypt.org",
    "other": "An unexpected error occurred:\nThe key is too weak\nAsk for help at https://community.letsencrypt.org",
}  # fmt: skip


def test_what_certbot_says_becomes_a_cause_and_a_remedy(program: dict[str, ModuleType]) -> None:
    wanted = program["settings"].Wanted("shop", ("shop.example.net",), "http")
    found = {kind: program["client"].failure(said, wanted, "https://ca/dir", NOW) for kind, said in SAID.items()}
    assert {kind: one["kind"] for kind, one in found.items()} == {kind: kind for kind in SAID}
    until = datetime.datetime(2027, 3, 4, 5, 6, 7, tzinfo=datetime.UTC).timestamp()
    assert found["rate_limit"]["retry_after"] == until
    assert "2027-03-04 05:06 UTC" in found["rate_limit"]["message"]
    assert "shop.example.net: DNS problem: NXDOMAIN" in found["validation"]["message"]
    assert "port 80 has to be open" in found["validation"]["message"]
    assert "The key is too weak" in found["other"]["message"]
    assert "The account is deactivated" in found["account"]["message"]


@pytest.mark.parametrize(
    "said",
    [
        "An unexpected error occurred:\nThe request specified an account that does not exist :: Account https://ca/a/1 not found.",
        "urn:ietf:params:acme:error:accountDoesNotExist :: Account not found",
        "An unexpected error occurred:\nAccount https://ca1/my-account/174758a4e387ae83 not found.",
        "An unexpected error occurred:\nAccount has been deactivated",
        'An unexpected error occurred:\nThe client lacks sufficient authorization :: Account is not valid, has status "deactivated"',
    ],
)
def test_an_account_that_the_authority_lost_is_set_aside_once(
    program: dict[str, ModuleType], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, said: str
) -> None:
    client = program["client"]
    monkeypatch.setattr(client, "ROOT", tmp_path)
    monkeypatch.setattr(client, "WEBROOT", tmp_path / "webroot")
    settings = types.SimpleNamespace(directory="https://ca.test:14000/dir")
    key = client.accounts(settings.directory) / "id/private_key.json"
    key.parent.mkdir(parents=True)
    key.write_text("earlier")
    assert key.relative_to(tmp_path).parts[:3] == ("accounts", "ca.test:14000", "dir")
    asked = []

    def certbot(*_: Any) -> Any:
        asked.append(key.exists())
        return client.failure(said, wanted, settings.directory, NOW) if len(asked) == 1 else (b"chain", b"key")

    wanted = program["settings"].Wanted("shop", ("shop.test",), "http")
    monkeypatch.setattr(client, "_ask", certbot)
    assert client.obtain(settings, wanted, NOW) == (b"chain", b"key")
    assert asked == [True, False]
    assert (tmp_path / f"accounts-lost-{int(NOW)}/id/private_key.json").read_text() == "earlier"
    # One that has none registers by itself, so the failure stays what it is.
    monkeypatch.setattr(client, "_ask", lambda *_: client.failure(said, wanted, settings.directory, NOW))
    assert client.obtain(settings, wanted, NOW)["kind"] == "account"


def test_certbot_is_asked_for_each_way_of_proof(program: dict[str, ModuleType]) -> None:
    def words(challenge: str, **change: Any) -> str:
        given = {
            "certificates": (), "directory": "https://ca/dir", "directory_ca": "", "roots": "", "email": "", "listen": (), "port": 443,
            "dns": "", "propagation": 60, "environment": {}, "raw": [], **change,
        }  # fmt: skip
        wanted = program["settings"].Wanted("shop", ("*.shop.example.net", "shop.example.net"), challenge)
        return " ".join(program["client"].words(program["settings"].Settings(**given), wanted))

    plain = words("http", email="ops@company.com")
    assert "--webroot --webroot-path /var/lib/acme-certificates/webroot" in plain
    assert "--email ops@company.com" in plain
    assert "--server https://ca/dir" in plain
    assert plain.endswith("--domain *.shop.example.net --domain shop.example.net")
    assert "--dns-route53 --preferred-challenges dns" in words("dns", dns="route53")
    assert "--manual-auth-hook /etc/acme-certificates/dns-hook add" in words("dns", dns="hook")
    assert "--register-unsafely-without-email" in words("dns", dns="hook")


def test_half_a_state_is_none(program: dict[str, ModuleType], tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_text('{"certificates": {"sh')
    state = program["state"].State.read(path)
    assert state.of("shop") is None
    state.put("shop", GOOD)
    assert program["state"].State.read(path).of("shop") == GOOD
