"""A site is asked as a visitor asks: by its name, over TLS that is verified."""

from __future__ import annotations

import datetime
import http.server
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.django_ec2.site.plugins.module_utils.release.site import trust, visit
from ansible_collections.django_ec2.site.plugins.plugin_utils.release.releases import site_failure, site_questions
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/readyz" else 302)
        self.send_header("Location", "/login/")
        self.end_headers()
        self.wfile.write(self.headers["Host"].encode())

    def log_message(self, *_words: object) -> None:
        pass


def certificate(directory: Path, name: str) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    own = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder().subject_name(own).issuer_name(own).public_key(key.public_key()).serial_number(1)
        .not_valid_before(now - datetime.timedelta(hours=1)).not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True).sign(key, hashes.SHA256())
    )  # fmt: skip
    plain = serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    path = directory / "both.pem"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + private)
    (directory / "certificate.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[int, str]]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate(tmp_path, "shop.example.org"))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1], (tmp_path / "certificate.pem").read_text()
    server.shutdown()
    server.server_close()


def test_the_name_is_asked_for_at_the_address(site: tuple[int, str]) -> None:
    port, authority = site
    assert visit("shop.example.org", "/readyz", trust(authority), "127.0.0.1", port) == (200, "shop.example.org")
    assert visit("shop.example.org", "/", trust(authority), "127.0.0.1", port)[0] == 302


def test_a_certificate_of_nobody_known_or_of_another_name_is_no_answer(site: tuple[int, str]) -> None:
    port, authority = site
    with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
        visit("shop.example.org", "/", trust(), "127.0.0.1", port)
    with pytest.raises(OSError, match=r"not valid for 'other.example.org'"):
        visit("other.example.org", "/", trust(authority), "127.0.0.1", port)


def test_where_nobody_listens_there_is_no_answer() -> None:
    with pytest.raises(OSError, match="refused"):
        visit("shop.example.org", "/", trust(), "127.0.0.1", 9, 1)


def test_an_application_is_asked_for_its_health_and_its_check_paths() -> None:
    entry = {
        "name": "shop", "asked_domain": "shop.example.org", "health_path": "/readyz",
        "check_paths": {"/about/": {"status": 200, "text": "us"}},
    }  # fmt: skip
    assert site_questions([entry]) == [
        {
            "name": "shop",
            "host": "shop.example.org",
            "health_path": "/readyz",
            "checks": [{"path": "/", "status": 0, "text": ""}, {"path": "/about/", "status": 200, "text": "us"}],
        }
    ]
    assert site_failure(({"key": "web1", "value": []}, "shop: / answered 502")) == "web1: shop: / answered 502"
