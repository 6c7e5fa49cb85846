"""An EC2 Instance Connect Endpoint on this machine: TLS, WebSocket, the signature of its address, and a TCP connection behind it."""

from __future__ import annotations

import datetime
import hashlib
import hmac
import ipaddress
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, RejectConnection, RejectData, Request

from lab.kinds.aws import control

SERVICE = "ec2-instance-connect"


@dataclass
class ConnectEndpoint:
    """It.

    Attributes:
        name: under which it listens, with the port.
        authority: the file of the authority of its certificate.
        target: where it connects to, whatever address it was asked for.
        refuses: status and body of an answer that it gives to everybody.
        hangs_up: whether it ends each connection without an answer.
        closes: code and reason with which it closes each tunnel at once.
        asked: the parameters of each tunnel that was asked for.
        signatures: of each, whether it was the right one.
    """

    name: str
    authority: Path
    target: tuple[str, int]
    refuses: tuple[int, dict[str, str]] | None = None
    closes: tuple[int, str] | None = None
    hangs_up: bool = False
    asked: list[dict[str, str]] = field(default_factory=list)
    signatures: list[bool] = field(default_factory=list)


def signature(host: str, path: str, query: dict[str, str], secret: str) -> str:
    """What the signature of an address has to be, as AWS documents it (version 4, in the query)."""
    date, region = query["X-Amz-Date"], query["X-Amz-Credential"].split("/")[2]
    signed = {key: value for key, value in query.items() if key != "X-Amz-Signature"}
    words = "&".join(f"{quote(key, safe='-_.~')}={quote(value, safe='-_.~')}" for key, value in sorted(signed.items()))
    empty = hashlib.sha256(b"").hexdigest()
    request = "\n".join(["GET", path, words, f"host:{host}", "", "host", empty])
    scope = f"{date[:8]}/{region}/{SERVICE}/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", date, scope, hashlib.sha256(request.encode()).hexdigest()])
    key = f"AWS4{secret}".encode()
    for part in (date[:8], region, SERVICE, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def certificate(place: Path) -> tuple[Path, Path]:
    """A certificate for localhost and its key, in files."""
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")]), datetime.datetime.now(datetime.UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.IPv4Address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    shown, private = place / "connect.crt", place / "connect.key"
    shown.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    form = serialization.PrivateFormat.PKCS8
    private.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    return shown, private


@contextmanager
def running(place: Path, target: tuple[str, int]) -> Iterator[ConnectEndpoint]:
    """One that listens, with its files in a directory."""
    shown, private = certificate(place)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(shown, private)
    listener = socket.create_server(("127.0.0.1", 0))
    one = ConnectEndpoint(f"localhost:{listener.getsockname()[1]}", shown, target)

    def accept() -> None:
        with suppress(OSError):
            while True:
                plain, _ = listener.accept()
                threading.Thread(target=_serve, args=(one, context, plain), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    yield one
    listener.close()


def _serve(one: ConnectEndpoint, context: ssl.SSLContext, plain: socket.socket) -> None:
    with suppress(OSError), context.wrap_socket(plain, server_side=True) as client:
        protocol = WSConnection(ConnectionType.SERVER)
        request = None
        while request is None:
            protocol.receive_data(client.recv(65536) or None)
            request = next((event for event in protocol.events() if isinstance(event, Request)), None)
        refused = _judge(one, request)
        if one.hangs_up:
            return
        if refused:
            body = json.dumps(refused[1]).encode()
            headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
            client.sendall(protocol.send(RejectConnection(status_code=refused[0], headers=headers, has_body=True)))
            client.sendall(protocol.send(RejectData(data=body)))
            return
        client.sendall(protocol.send(AcceptConnection()))
        if one.closes:
            client.sendall(protocol.send(CloseConnection(*one.closes)))
            client.recv(65536)
            return
        with socket.create_connection(one.target, 10) as host:
            host.settimeout(None)
            # Both use the same TLS connection, one at a time.
            lock = threading.Lock()
            threading.Thread(target=_back, args=(host, client, protocol, lock), daemon=True).start()
            _forth(host, client, protocol, lock)


def _judge(one: ConnectEndpoint, request: Any) -> tuple[int, dict[str, str]] | None:
    """What is wrong with a request."""
    at = urlsplit(request.target)
    query = dict(parse_qsl(at.query))
    one.asked.append(query)
    right = at.path == "/openTunnel" and query.get("X-Amz-Signature") == signature(
        one.name, at.path, query, control.SECRET_KEY
    )
    one.signatures.append(right)
    if one.refuses:
        return one.refuses
    if not right:
        return 403, {"ErrorCode": "SignatureDoesNotMatch", "Message": "The request signature does not match."}
    return None


def _forth(host: socket.socket, client: ssl.SSLSocket, protocol: WSConnection, lock: threading.Lock) -> None:
    client.settimeout(0.05)
    while True:
        data = None
        with suppress(TimeoutError), lock:
            data = client.recv(65536)
        if data is None:
            continue
        if not data:
            return
        protocol.receive_data(data)
        for event in protocol.events():
            if isinstance(event, BytesMessage):
                host.sendall(event.data)
            elif isinstance(event, CloseConnection):
                with lock:
                    client.sendall(protocol.send(event.response()))
                return


def _back(host: socket.socket, client: ssl.SSLSocket, protocol: WSConnection, lock: threading.Lock) -> None:
    with suppress(OSError):
        while data := host.recv(16384):
            with lock:
                client.settimeout(30)
                client.sendall(protocol.send(BytesMessage(data)))
                client.settimeout(0.05)
        with lock:
            client.sendall(protocol.send(CloseConnection(1000)))
