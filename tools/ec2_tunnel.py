#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A way to a host in a private subnet, over an EC2 Instance Connect Endpoint: the ProxyCommand of ssh, which no bastion and no VPN needs.

    ssh -o ProxyCommand=".venv/bin/python tools/ec2_tunnel.py --region eu-central-1 --tag Project=shop --tag Environment=production %h %p" \
        admin@10.20.128.7

Bytes of standard input and output go through a WebSocket, whose address is signed with the credentials of the environment (AWS_PROFILE, or
an instance role). An endpoint takes 20 of them at once, each for an hour at most. Debian 12's awscli does not know it yet.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import ipaddress
import json
import os
import re
import ssl
import sys
import urllib.request
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlencode, urlsplit

import boto3
import botocore.auth
import botocore.awsrequest
from botocore.exceptions import BotoCoreError, ClientError
from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Ping,
    RejectConnection,
    RejectData,
    Request,
    TextMessage,
)
from wsproto.utilities import ProtocolError

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "collections"))
from ansible_collections.django_ec2.site.plugins.module_utils import aws_failures  # noqa: E402 - after its path

SERVICE, READY = "ec2-instance-connect", "create-complete"
MOST_SECONDS, SIGNED_SECONDS, CONNECT_SECONDS, LAST_SECONDS, PIECE = 3600, 60, 30, 5, 32768
ENDED_WELL = 1000
FULL = re.compile(r"limit|quota|exceed|too many|maximum", re.IGNORECASE)
TOO_MANY = (
    "An endpoint takes 20 connections at once, and ssh keeps those of Ansible open for half an hour: wait, take fewer hosts by --limit, "
    "or end what is left of earlier runs (ssh -O exit)."
)
POLICY = "docs/policies/ec2_tunnel.json has the rights that it needs."


class TunnelError(Exception):
    """There is no way to the host; the message says why, and what to do."""


def endpoint(client: Any, tags: Mapping[str, str], region: str) -> dict[str, Any]:
    """The Instance Connect Endpoint with these tags, as EC2 describes it.

    Raises:
        TunnelError: there is none that can be used.
    """
    filters = [{"Name": f"tag:{key}", "Values": [value]} for key, value in tags.items()]
    pages = client.get_paginator("describe_instance_connect_endpoints").paginate(Filters=filters)
    found = [one for page in pages for one in page["InstanceConnectEndpoints"]]
    ready = sorted((one for one in found if one["State"] == READY), key=lambda one: one["InstanceConnectEndpointId"])
    if ready:
        return dict(ready[0])
    named = ", ".join(f"{key}={value}" for key, value in tags.items())
    states = ", ".join(f"{one['InstanceConnectEndpointId']} is {one['State']}" for one in found)
    raise TunnelError(
        f"No EC2 Instance Connect Endpoint in {region} has the tags {named}{f' and is ready ({states})' if states else ''}: "
        "playbooks/aws_provision.yml makes it, with aws_network_access: endpoint."
    )


def signed(session: Any, where: Mapping[str, Any], address: str, port: int, region: str) -> str:
    """The address of the WebSocket to a port of a host, good for a minute.

    Raises:
        TunnelError: there are no credentials.
    """
    query = urlencode(
        {
            "instanceConnectEndpointId": where["InstanceConnectEndpointId"],
            "maxTunnelDuration": MOST_SECONDS,
            "privateIpAddress": address,
            "remotePort": port,
        }
    )
    credentials = session.get_credentials()
    if credentials is None:
        raise TunnelError(aws_failures.remedy("NoCredentialsError"))
    request = botocore.awsrequest.AWSRequest("GET", f"https://{where['DnsName']}/openTunnel?{query}")
    auth = botocore.auth.SigV4QueryAuth(credentials.get_frozen_credentials(), SERVICE, region, expires=SIGNED_SECONDS)
    auth.add_auth(request)
    return str(request.url)


def refusal(status: int, body: bytes) -> str:
    """What it means that the endpoint did not open a tunnel."""
    try:
        said = json.loads(body)
        code = str(said.get("ErrorCode") or said.get("code") or said.get("__type") or "")
        message = str(said.get("Message") or said.get("message") or "")
    except (ValueError, AttributeError):
        code, message = "", body.decode(errors="replace").strip()
    words = ": ".join(one for one in (code, message) if one) or "no reason given"
    remedy = aws_failures.remedy(code)
    if code.rpartition(".")[2] in aws_failures.DENIED:
        remedy = f"The credentials lack the right to open a tunnel: {POLICY}"
    elif status == 429 or FULL.search(f"{code} {message}"):
        remedy = TOO_MANY
    return f"The endpoint opened no tunnel (HTTP {status}, {words}). {remedy}".strip()


def closed(code: int, reason: str, address: str, port: int) -> str:
    """What it means that the endpoint closed a tunnel; empty where it just ended."""
    if code in (ENDED_WELL, 1005):
        return ""
    return (
        f"The endpoint closed the tunnel to {address}:{port} ({code}, {reason or 'no reason given'}): the host may be stopped, its "
        "security group may not let the endpoint in (playbooks/aws_provision.yml --check shows it), or the hour of the tunnel is over."
    )


async def connect(url: str, context: ssl.SSLContext) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection with TLS, over the proxy that the environment names."""
    at = urlsplit(url)
    host, port = str(at.hostname), at.port or 443
    proxy = urllib.request.getproxies().get("https")
    if not proxy or urllib.request.proxy_bypass(f"{host}:{port}"):
        return await asyncio.open_connection(host, port, ssl=context, server_hostname=host)
    via = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    reader, writer = await asyncio.open_connection(via.hostname, via.port or 80)
    lines = [f"CONNECT {host}:{port} HTTP/1.1", f"Host: {host}:{port}"]
    if via.username:
        import base64  # noqa: PLC0415 - rarely

        login = f"{unquote(via.username)}:{unquote(via.password or '')}".encode()
        lines.append(f"Proxy-Authorization: Basic {base64.b64encode(login).decode()}")
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
    answer = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n", 1)[0].decode(errors="replace")
    if not re.match(r"HTTP/1\.[01] 200", answer):
        raise TunnelError(f"The proxy {via.hostname}:{via.port or 80} does not lead to {host}: {answer}")
    await writer.start_tls(context, server_hostname=host)
    return reader, writer


class Tunnel:
    """A WebSocket with a host behind it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer, self.protocol = reader, writer, WSConnection(ConnectionType.CLIENT)

    async def _events(self) -> AsyncIterator[Any]:
        """What the endpoint says, one after the other: its farewell may come with its first answer."""
        data: bytes | None = b"begin"
        while data:
            for event in self.protocol.events():
                yield event
            data = await self.reader.read(PIECE)
            self.protocol.receive_data(data or None)
        for event in self.protocol.events():
            yield event
        raise ConnectionResetError("it hung up")

    async def open(self, url: str) -> None:
        """Ask for it.

        Raises:
            TunnelError: the endpoint refuses.
        """
        at = urlsplit(url)
        self.writer.write(self.protocol.send(Request(host=at.netloc, target=f"{at.path}?{at.query}")))
        status, body = 502, b""
        async for event in self._events():
            if isinstance(event, AcceptConnection):
                return
            if isinstance(event, RejectConnection):
                status = event.status_code
                if event.has_body:
                    continue
            elif isinstance(event, RejectData):
                body += bytes(event.data)
                if not event.body_finished:
                    continue
            raise TunnelError(refusal(status, body))

    async def send_from(self, source: asyncio.StreamReader) -> None:
        """Hand on what ssh says, until it ends."""
        while data := await source.read(PIECE):
            self.writer.write(self.protocol.send(BytesMessage(data)))
            await self.writer.drain()
        self.writer.write(self.protocol.send(CloseConnection(ENDED_WELL)))
        await self.writer.drain()

    async def receive_into(self, target: int) -> tuple[int, str]:
        """Hand on what the host says, until the endpoint closes the tunnel: its code and reason."""
        async for event in self._events():
            if isinstance(event, BytesMessage):
                write(target, bytes(event.data))
            elif isinstance(event, Ping):
                self.writer.write(self.protocol.send(event.response()))
            elif isinstance(event, CloseConnection):
                return int(event.code), event.reason or ""
            elif isinstance(event, TextMessage):
                break
        return 1003, "it sent text"


def write(target: int, data: bytes) -> None:
    """All of it; ssh reads as fast as it can."""
    while data:
        data = data[os.write(target, data) :]


async def bridge(url: str, address: str, port: int, context: ssl.SSLContext) -> str:
    """Join standard input and output to a port of a host; why it ended, or "".

    Raises:
        TunnelError: the endpoint opened none.
    """
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            tunnel = Tunnel(*await connect(url, context))
            await tunnel.open(url)
    except TimeoutError:
        raise TunnelError(f"{urlsplit(url).hostname} did not answer within {CONNECT_SECONDS} seconds.") from None
    except (OSError, ProtocolError, asyncio.IncompleteReadError) as error:
        raise TunnelError(f"{urlsplit(url).hostname} was not reached: {error}") from error
    source = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(source), sys.stdin)
    sending = asyncio.create_task(tunnel.send_from(source))
    receiving = asyncio.create_task(tunnel.receive_into(1))
    done, _ = await asyncio.wait({sending, receiving}, return_when=asyncio.FIRST_COMPLETED)
    with contextlib.suppress(OSError, ProtocolError):
        if receiving in done:
            code, reason = receiving.result()
            return closed(code, reason, address, port)
        sending.result()
        # The endpoint's own farewell: a WebSocket that is closed carries nothing any more.
        await asyncio.wait({receiving}, timeout=LAST_SECONDS)
        return ""
    return closed(1006, "the connection broke", address, port)


def trusted() -> ssl.SSLContext:
    """Whom AWS's tools trust: AWS_CA_BUNDLE, or the system's authorities."""
    return ssl.create_default_context(cafile=os.environ.get("AWS_CA_BUNDLE") or None)


def arguments(words: Sequence[str]) -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(
        description="Join standard input and output to a port of a host behind an EC2 Instance Connect Endpoint (ssh -o ProxyCommand)."
    )
    parser.add_argument("--region", required=True, help="of AWS")
    parser.add_argument(
        "--tag", action="append", required=True, metavar="KEY=VALUE", help="of the endpoint; several times"
    )
    parser.add_argument("address", help="private address of the host: %%h")
    parser.add_argument("port", type=int, help="of its sshd: %%p")
    given = parser.parse_args(words)
    try:
        ipaddress.ip_address(given.address)
    except ValueError:
        parser.error(f"'{given.address}' is no address: an endpoint takes the private one of the instance, and no name")
    if any("=" not in tag for tag in given.tag):
        parser.error("a tag is written KEY=VALUE, as in Environment=production")
    return given


def main(words: Sequence[str]) -> int:
    """Entry point."""
    given = arguments(words)
    tags = dict(tag.split("=", 1) for tag in given.tag)
    try:
        session = boto3.Session(region_name=given.region)
        where = endpoint(session.client("ec2"), tags, given.region)
        url = signed(session, where, given.address, given.port, given.region)
        said = asyncio.run(bridge(url, given.address, given.port, trusted()))
    except TunnelError as error:
        said = str(error)
    except (BotoCoreError, ClientError) as error:
        code = error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
        remedy = POLICY if code.rpartition(".")[2] in aws_failures.DENIED else aws_failures.remedy(code)
        said = f"{error} {remedy}".strip()
    except KeyboardInterrupt:
        return 130
    if said:
        print(f"ec2_tunnel: {said}", file=sys.stderr)
    return 1 if said else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
