"""Outgoing mail: the login is proven with a release's own settings, and what can't work is refused before."""

from __future__ import annotations

import base64
import json
import os
import socketserver
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.django_ec2.site.plugins.module_utils.release.inside import BOOTSTRAP
from ansible_collections.django_ec2.site.plugins.modules import release_mail
from ansible_collections.django_ec2.site.plugins.plugin_utils.applications.environment import application_environment
from ansible_collections.django_ec2.site.plugins.plugin_utils.applications.mail import mail_question, mail_values
from ansible_collections.django_ec2.site.plugins.plugin_utils.applications.secrets import application_secrets_problems

from tests.conftest import ROOT, RunModule
from tests.unit.applications.entries import endpoints, resolved

PROGRAM = (ROOT / "roles/release/files/programs/mail.py").read_text()
PASSWORD = "pass word/1"
MAIL = {"host": "localhost", "tls": "none", "user": "shop@x", "password": PASSWORD, "sender": "shop@example.org"}


class Server(socketserver.StreamRequestHandler):
    """An SMTP server that knows one login, and nothing of mails."""

    starttls: ssl.SSLContext | None = None
    tls: ssl.SSLContext | None = None

    def handle(self) -> None:
        encrypted = self.encrypt(self.tls) if self.tls else False
        self.wfile.write(b"220 mail.test\r\n")
        # TLS changes what lines are read from.
        while line := self.rfile.readline():
            word = line.split()[0].upper()
            if word == b"EHLO":
                # As real servers do: a login is offered with TLS alone.
                asks_first = self.starttls and not encrypted
                self.wfile.write(b"250-mail.test\r\n250 " + (b"STARTTLS" if asks_first else b"AUTH PLAIN") + b"\r\n")
            elif word == b"STARTTLS" and self.starttls:
                self.wfile.write(b"220 go on\r\n")
                encrypted = self.encrypt(self.starttls)
                if not encrypted:
                    return
            elif word == b"AUTH" and self.starttls and not encrypted:
                self.wfile.write(b"538 encryption required\r\n")
            elif word == b"AUTH":
                good = base64.b64decode(line.split()[2]) == f"\0shop@x\0{PASSWORD}".encode()
                self.wfile.write(b"235 in\r\n" if good else b"535 wrong password\r\n")
            elif word == b"QUIT":
                self.wfile.write(b"221 bye\r\n")
                return
            else:
                self.wfile.write(b"502 no mail is sent here\r\n")

    def encrypt(self, context: ssl.SSLContext) -> bool:
        """Go on by TLS, where the other end takes the certificate."""
        try:
            self.request = context.wrap_socket(self.request, server_side=True)
        except OSError:
            return False
        self.rfile, self.wfile = self.request.makefile("rb"), self.request.makefile("wb", buffering=0)
        return True


@contextmanager
def serving(**contexts: ssl.SSLContext) -> Iterator[int]:
    """A mail server; its port."""
    handler = type("Handler", (Server,), contexts)
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


@pytest.fixture
def port() -> Iterator[int]:
    """The port of a mail server without TLS."""
    with serving() as number:
        yield number


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, ssl.SSLContext]:
    """A certificate of localhost, which is its own authority, and what a server does with it."""
    pem, key = tmp_path / "mail.pem", tmp_path / "mail.key"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    words = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "2",
        *subject,
    ]
    subprocess.run([*words, "-keyout", key, "-out", pem], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, key)
    return pem, context


@pytest.fixture
def inside(tmp_path: Path) -> Any:
    """Ask the program inside a release, with the module managed_settings or with settings of the project's own."""
    (tmp_path / "project.py").write_text("SECRET_KEY = 'x'\n")
    (tmp_path / "own.py").write_text(
        "import os\nSECRET_KEY = 'x'\nEMAIL_BACKEND = os.environ.get('BACKEND', 'django.core.mail.backends.smtp.EmailBackend')\n"
    )

    def ask(
        settings: str = "managed_settings", backend: str = "", trusts: Path | None = None, **mail: Any
    ) -> dict[str, Any]:
        one = resolved(settings_module="project", managed_settings=["mail"], mail={**MAIL, **mail})
        text = application_environment(one, endpoints(one), "r1")
        script = 'set -a; . ./environment; exec env PYTHONPATH="$1" DJANGO_SETTINGS_MODULE="$2" "$3" -c "$4"'
        (tmp_path / "environment").write_text(f'{text}BACKEND="{backend}"\n' if backend else text)
        paths = f"{ROOT}/roles/release/files/support:{tmp_path}"
        asked = {"program": PROGRAM, "name": "mail.py", "given": mail_question(one)}
        words = ["sh", "-c", script, "sh", paths, settings, sys.executable, BOOTSTRAP]
        env = {**os.environ, **({"SSL_CERT_FILE": str(trusts)} if trusts else {})}
        done = subprocess.run(
            words, cwd=tmp_path, env=env, input=json.dumps(asked), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return ask


def test_a_login_is_proven_without_a_mail(inside: Any, port: int) -> None:
    assert inside(port=port) == {"proven": True, "sender": "shop@example.org"}


def test_a_refused_login_and_a_server_that_is_away_are_told(inside: Any, port: int) -> None:
    refused = inside(port=port, password="other")
    assert refused["problem"] == "localhost refuses the login of shop@x: wrong password"
    away = inside(port=1)["problem"]
    assert away.startswith("localhost:1 (user 'shop@x', tls: none) can't be used: ConnectionRefusedError")


def test_a_server_without_starttls_is_no_place_for_a_password(inside: Any, port: int) -> None:
    assert "STARTTLS" in inside(port=port, tls="starttls")["problem"]


@pytest.mark.parametrize("tls", ["starttls", "tls"])
def test_a_login_is_proven_by_tls_with_a_server_that_is_verified(
    inside: Any, certificate: tuple[Path, ssl.SSLContext], tls: str
) -> None:
    pem, context = certificate
    with serving(**{tls: context}) as number:
        assert inside(port=number, tls=tls, trusts=pem)["proven"] is True
        assert "wrong password" in inside(port=number, tls=tls, trusts=pem, password="other")["problem"]
        stranger = inside(port=number, tls=tls)["problem"]
    assert stranger.startswith(
        f"localhost:{number} (user 'shop@x', tls: {tls}) can't be used: SSLCertVerificationError"
    )


def test_settings_that_send_elsewhere_are_told(inside: Any, port: int) -> None:
    problem = inside(settings="own", port=port)["problem"]
    assert "its settings send mail by localhost:25 (user '', tls: none)" in problem
    assert "managed_settings: [mail]" in problem


def test_another_backend_cannot_be_proven(inside: Any) -> None:
    answer = inside(settings="own", backend="django.core.mail.backends.console.EmailBackend")
    assert answer == {"proven": False, "backend": "django.core.mail.backends.console.EmailBackend"}


def test_managed_settings_say_sender_and_administrators(tmp_path: Path) -> None:
    one = resolved(
        settings_module="project", managed_settings=["mail", "logging"], mail={**MAIL, "admins": ["a@x.org", "b@x.org"]}
    )
    (tmp_path / "project.py").write_text("SECRET_KEY = 'x'\nLOGGING = {}\n")
    (tmp_path / "environment").write_text(application_environment(one, endpoints(one), "r1"))
    code = (
        "import managed_settings as s; print([s.EMAIL_HOST_PASSWORD, s.SERVER_EMAIL, s.ADMINS, s.EMAIL_TIMEOUT,"
        " s.LOGGING['loggers']['django']['handlers']])"
    )
    script = f'set -a; . ./environment; PYTHONPATH={ROOT}/roles/release/files/support:. exec "$0" -c "$1"'
    done = subprocess.run(
        ["sh", "-c", script, sys.executable, code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    admins = [("a@x.org", "a@x.org"), ("b@x.org", "b@x.org")]
    assert done.stdout.strip() == repr([PASSWORD, "shop@example.org", admins, 10, ["journal", "mail"]])


def test_a_url_carries_login_and_tls() -> None:
    values = mail_values(resolved(mail={**MAIL, "host": "m.test", "tls": "tls", "port": 465})["mail"])
    assert values["mail_url"] == "smtp+ssl://shop%40x:pass%20word%2F1@m.test:465"
    assert (values["mail_use_tls"], values["mail_use_ssl"]) == ("False", "True")
    assert set(mail_values({}).values()) == {""}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mail": {**MAIL, "host": "smtp.example.org"}}, "mail.tls is none, and smtp.example.org is another host"),
        ({"mail": {**MAIL, "user": ""}}, "a password and no user"),
        ({"mail": {"host": "h"}}, "mail: 'sender' is missing"),
        ({"mail": {**MAIL, "tls": "ssl"}}, "mail.tls: 'ssl' is none of starttls, tls and none"),
        ({"mail": {**MAIL, "admins": ["Ops <ops@x.org>"]}}, "is no list of mail addresses"),
        ({"managed_settings": ["mail"]}, "managed_settings has 'mail', so the entry needs mail"),
        ({"environment": {"H": "${mail_host}"}}, "asks for .*mail_host.*, so the entry needs mail"),
    ],
)
def test_what_cannot_work_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(AnsibleFilterError, match=message):
        resolved(**changes)


def test_a_login_needs_its_password() -> None:
    (problem,) = application_secrets_problems([resolved(mail={**MAIL, "password": ""})])
    assert "applications.shop.mail.password is empty" in problem


@pytest.mark.parametrize(
    ("said", "failed", "told"),
    [
        ('{"proven": true}', False, ""),
        (
            '{"proven": false, "problem": "m.test refuses the login"}',
            True,
            "shop: its mail can't be sent: m.test refuses the login",
        ),
        ('{"proven": false, "backend": "anymail.SES"}', False, "anymail.SES, so the login of its entry was not proven"),
    ],
)
def test_the_module_says_what_to_do(
    run_module: RunModule, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, failed: bool, told: str
) -> None:
    warnings: list[str] = []
    monkeypatch.setattr(release_mail.AnsibleModule, "warn", lambda _self, text: warnings.append(text))
    manage = tmp_path / "shop-manage"
    manage.write_text(f"#!/bin/sh\ncat > /dev/null\necho '{said}'\n")
    manage.chmod(0o755)
    answer = run_module(release_mail, name="shop", manage=str(manage), slot="green", question={}, program=PROGRAM)
    assert bool(answer.get("failed")) is failed
    assert told in f"{answer.get('msg', '')} {warnings}"
    assert not failed or "mail: {prove: false}" in answer["msg"]
