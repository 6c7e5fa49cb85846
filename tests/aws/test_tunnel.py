"""tools/ec2_tunnel.py, the ProxyCommand of ssh, against an endpoint that checks its signature and leads to a host."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from lab.kinds.aws import control
from tests.aws import connect_endpoint
from tests.aws.connect_endpoint import ConnectEndpoint
from tests.aws.policies import compare
from tests.aws.rehearsal import ROOT, Endpoint

TAGS = {"Project": "shop", "Environment": "production"}
ADDRESS, PORT = "10.20.128.7", "22"
SECONDS = 120
Tool = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """An account with an Instance Connect Endpoint."""
    home = tmp_path_factory.mktemp("lab") / "aws"
    found = Endpoint(home, control.start_at(home))
    ec2 = found.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.20.128.0/20")["Subnet"]["SubnetId"]
    tags = [{"Key": key, "Value": value} for key, value in TAGS.items()]
    ec2.create_instance_connect_endpoint(
        SubnetId=subnet, TagSpecifications=[{"ResourceType": "instance-connect-endpoint", "Tags": tags}]
    )
    yield found
    control.stop(home)


@pytest.fixture
def host() -> Iterator[tuple[str, int]]:
    """A host that says a line, as sshd does, and gives back what it hears."""
    listener = socket.create_server(("127.0.0.1", 0))

    def talk(client: socket.socket) -> None:
        with suppress(OSError), client:
            client.sendall(b"SSH-2.0-here\r\n")
            while data := client.recv(65536):
                client.sendall(data)

    def accept() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=talk, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    yield listener.getsockname()
    listener.close()


@pytest.fixture
def endpoint(account: Endpoint, host: tuple[str, int], tmp_path: Path) -> Iterator[ConnectEndpoint]:
    """What listens at the name that the account says."""
    with connect_endpoint.running(tmp_path, host) as one:
        (account.home / "instance-connect").write_text(one.name)
        yield one


@pytest.fixture
def tool(account: Endpoint, endpoint: ConnectEndpoint) -> Iterator[Tool]:
    """Starts the tool as ssh would."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*words: str, tags: dict[str, str] = TAGS, address: str = ADDRESS, **variables: str) -> Any:
        given = [part for key, value in tags.items() for part in ("--tag", f"{key}={value}")]
        own = {**account.environment(), "AWS_CA_BUNDLE": str(endpoint.authority), "NO_PROXY": "127.0.0.1,localhost"}
        command = [
            sys.executable,
            str(ROOT / "tools/ec2_tunnel.py"),
            "--region",
            "eu-central-1",
            *given,
            *words,
            address,
            PORT,
        ]
        environment = {key: value for key, value in {**own, **variables}.items() if value}
        started.append(
            subprocess.Popen(
                command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
            )
        )
        return started[-1]

    yield start
    for one in started:
        one.kill()
        one.communicate()


def refused(process: subprocess.Popen[bytes]) -> str:
    """What it says of an end that is none of its own; nothing may come to ssh as if from a host."""
    said, told = process.communicate(timeout=SECONDS)
    assert (process.returncode, said) == (1, b""), told
    lines = told.decode().splitlines()
    assert len(lines) == 1, told.decode()
    assert lines[0].startswith("ec2_tunnel: ")
    return lines[0]


def read(process: subprocess.Popen[bytes], number: int) -> bytes:
    found = b""
    assert process.stdout
    while len(found) < number:
        part = os.read(process.stdout.fileno(), number - len(found))
        assert part, f"{process.communicate()} after {len(found)} bytes"
        found += part
    return found


def test_bytes_go_both_ways_over_an_address_that_is_signed(
    account: Endpoint, endpoint: ConnectEndpoint, tool: Tool
) -> None:
    begun = len(account.calls())
    process = tool()
    assert process.stdin
    assert read(process, 14) == b"SSH-2.0-here\r\n"
    data = secrets.token_bytes(2_000_000)
    writer = threading.Thread(target=lambda: (process.stdin.write(data), process.stdin.flush()))  # type: ignore[union-attr]
    writer.start()
    assert read(process, len(data)) == data
    writer.join()
    said, told = process.communicate(timeout=SECONDS)
    assert (process.returncode, said, told) == (0, b"", b"")
    assert endpoint.signatures == [True]
    (asked,) = endpoint.asked
    described = account.client("ec2").describe_instance_connect_endpoints()["InstanceConnectEndpoints"][0]
    assert {key: value for key, value in asked.items() if not key.startswith("X-Amz-")} == {
        "instanceConnectEndpointId": described["InstanceConnectEndpointId"],
        "privateIpAddress": ADDRESS,
        "remotePort": PORT,
        "maxTunnelDuration": "3600",
    }
    assert (asked["X-Amz-Expires"], asked["X-Amz-SignedHeaders"]) == ("60", "host")
    compare("ec2_tunnel", account.calls()[begun : begun + 1], {"ec2-instance-connect:OpenTunnel": "the address itself"})


def test_a_proxy_of_the_network_leads_there(endpoint: ConnectEndpoint, tool: Tool) -> None:
    asked: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def pump(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)

    def serve() -> None:
        client, _ = listener.accept()
        asked.append(client.recv(65536))
        name, port = endpoint.name.split(":")
        there = socket.create_connection((name, int(port)))
        client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        threading.Thread(target=pump, args=(there, client), daemon=True).start()
        pump(client, there)

    threading.Thread(target=serve, daemon=True).start()
    proxy = f"http://me:secret@127.0.0.1:{listener.getsockname()[1]}"
    process = tool(HTTPS_PROXY=proxy, https_proxy=proxy, NO_PROXY="127.0.0.1", no_proxy="127.0.0.1")
    assert read(process, 14) == b"SSH-2.0-here\r\n"
    process.communicate(timeout=SECONDS)
    listener.close()
    assert asked[0].startswith(f"CONNECT {endpoint.name} HTTP/1.1\r\n".encode())
    assert b"Proxy-Authorization: Basic bWU6c2VjcmV0" in asked[0]


@pytest.mark.parametrize(
    ("status", "code", "message", "said"),
    [
        (403, "AccessDeniedException", "User is not authorized", "docs/policies/ec2_tunnel.json has the rights"),
        (403, "ExpiredTokenException", "The token has expired", "AWS does not take the credentials"),
        (400, "ServiceQuotaExceededException", "Maximum of 20 connections", "takes 20 connections at once"),
        (429, "", "slow down", "takes 20 connections at once"),
        (500, "InternalError", "", "AWS itself failed"),
    ],
)
def test_why_the_endpoint_refuses_is_told_with_what_to_do(
    endpoint: ConnectEndpoint, tool: Tool, status: int, code: str, message: str, said: str
) -> None:
    endpoint.refuses = (status, {"ErrorCode": code, "Message": message})
    told = refused(tool())
    assert said in told
    assert f"HTTP {status}" in told


def test_a_host_that_the_endpoint_does_not_reach(endpoint: ConnectEndpoint, tool: Tool) -> None:
    endpoint.closes = (1011, "Unable to connect to target")
    told = refused(tool())
    assert f"the tunnel to {ADDRESS}:22 (1011, Unable to connect to target)" in told
    assert "its security group may not let the endpoint in" in told


def test_an_endpoint_that_hangs_up(endpoint: ConnectEndpoint, tool: Tool) -> None:
    endpoint.hangs_up = True
    assert "localhost was not reached" in refused(tool())


def test_a_wrong_secret_is_told(endpoint: ConnectEndpoint, tool: Tool) -> None:
    told = refused(tool(AWS_SECRET_ACCESS_KEY="another"))
    assert "AWS does not take the credentials: give others by AWS_PROFILE" in told
    assert endpoint.signatures == [False]


def test_an_authority_that_nobody_knows_ends_it(endpoint: ConnectEndpoint, tool: Tool) -> None:
    told = refused(tool(AWS_CA_BUNDLE=""))
    assert "was not reached" in told
    assert "certificate verify failed" in told
    assert endpoint.asked == []


def test_what_ec2_says_is_told_with_what_to_do(account: Endpoint, endpoint: ConnectEndpoint, tool: Tool) -> None:
    told = refused(tool(tags={"Environment": "staging"}))
    assert "No EC2 Instance Connect Endpoint in eu-central-1 has the tags Environment=staging" in told
    assert "playbooks/aws_provision.yml makes it" in told
    account.fault(action="DescribeInstanceConnectEndpoints", code="UnauthorizedOperation", status=403, message="no")
    assert "docs/policies/ec2_tunnel.json has the rights" in refused(tool())
    told = refused(tool(AWS_ACCESS_KEY_ID="AKIANOBODYKNOWSTHIS0"))
    assert "AWS does not take the credentials" in told
    told = refused(tool(AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="", HOME="/nonexistent"))
    assert "There are no credentials of AWS: set AWS_PROFILE" in told
    assert endpoint.asked == []


def test_a_name_in_place_of_an_address_is_refused(tool: Tool) -> None:
    process = tool(address="web1")
    _, told = process.communicate(timeout=SECONDS)
    assert process.returncode == 2
    assert b"'web1' is no address: an endpoint takes the private one" in told
