"""The rehearsal of AWS, with hosts: what an instance is, an hour of its life."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import secrets
import shlex
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.django_ec2.site.plugins.filter.aws import aws_tunnel_arguments
from ansible_collections.django_ec2.site.plugins.module_utils import authority as authorities

from lab.core.containers import machines
from lab.core.podman import Podman
from lab.core.settings import from_environment
from lab.kinds.aws import certificates, control
from tests.aws import connect_endpoint
from tests.aws.rehearsal import Endpoint, until
from tests.scenarios.labs import PROJECT, environment

SCENARIO = "aws"
# A web server, in which `/slow` takes its time and says that it has begun.
SERVER = """\
import http.server, pathlib, time

class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/slow":
            with open("/run/slow", "a") as begun:
                begun.write("x")
            time.sleep(6)
        self.send_response(200 if self.path != "/readyz" or pathlib.Path("/run/ready").exists() else 503)
        self.send_header("Content-Length", "6")
        self.end_headers()
        self.wfile.write(b"served")

http.server.ThreadingHTTPServer(("", 80), Answer).serve_forever()
"""
USER_DATA = "#cloud-config\n" + json.dumps(
    {
        "write_files": [{"path": "/etc/board", "content": "hello"}, {"path": "/root/server.py", "content": SERVER}],
        "runcmd": [
            ["touch", "/root/ran"], ["systemd-run", "--unit", "served", "python3", "/root/server.py"], "exit 3",
        ],
    }
)  # fmt: skip
# Asks the metadata service as boto3 does, with a session; and without one.
ASK = """\
import json, urllib.error, urllib.request as web
base = "http://169.254.169.254/latest/"
put = web.Request(base + "api/token", method="PUT", headers={"X-aws-ec2-metadata-token-ttl-seconds": "60"})
token = {"X-aws-ec2-metadata-token": web.urlopen(put).read().decode()}
get = lambda path: web.urlopen(web.Request(base + path, headers=token)).read().decode()
found = {"id": get("meta-data/instance-id"), "role": get("meta-data/iam/security-credentials/"),
         "keys": json.loads(get("meta-data/iam/security-credentials/web"))}
try:
    web.urlopen(base + "meta-data/instance-id")
except urllib.error.HTTPError as error:
    found["without"] = error.code
print(json.dumps(found))
"""


class Lab:
    """A lab with an endpoint."""

    def __init__(self) -> None:
        self.settings = from_environment(environment(SCENARIO))
        self.podman = Podman(self.settings)
        self.endpoint = Endpoint(control.directory(self.settings), control.start(self.settings))
        self.ec2 = self.endpoint.client("ec2")

    def instance(self, name: str) -> dict[str, Any]:
        """What EC2 says of an instance."""
        return self.ec2.describe_instances(InstanceIds=[name])["Reservations"][0]["Instances"][0]

    def reaches(self, name: str, state: str) -> dict[str, Any]:
        """Wait until an instance is in a state."""

        def there() -> bool:
            found = self.instance(name)
            ended = found["State"]["Name"] == "terminated" != state
            assert not ended, f"{found.get('StateReason')}\n{(self.endpoint.home / 'log').read_text()[-3000:]}"
            return found["State"]["Name"] == state

        try:
            until(there)
        except AssertionError as error:
            error.add_note((self.endpoint.home / "log").read_text()[-3000:])
            raise
        return self.instance(name)

    def ssh(
        self,
        address: str,
        console: str,
        tmp_path: Path,
        command: str,
        stdin: str = "",
        more: Sequence[str] = (),
        **variables: str,
    ) -> str:
        """Run a command on a host that has the keys of its console's output, and no other."""
        keys = console.partition("-----BEGIN SSH HOST KEY KEYS-----\n")[2].partition("-----END")[0]
        known = tmp_path / "known_hosts"
        known.write_text("".join(f"{address} {line}\n" for line in keys.splitlines()))
        options = [
            "StrictHostKeyChecking=yes",
            f"UserKnownHostsFile={known}",
            "IdentitiesOnly=yes",
            "ConnectTimeout=10",
        ]
        words = [word for option in options for word in ("-o", option)]
        key = str(self.settings.directory / "id_ed25519")
        done = subprocess.run(
            ["ssh", "-F", "none", *more, *words, "-i", key, f"admin@{address}", command],
            input=stdin, capture_output=True, text=True, check=False, timeout=60, env={**os.environ, **variables},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    def has_host(self, name: str) -> bool:
        """Whether an instance has a container."""
        return self.podman.succeeds("container", "exists", f"{self.settings.name}-{name}")


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """A lab of its own, removed as an operator would."""
    down = [sys.executable, "-m", "lab", "down", "--force"]
    subprocess.run(down, cwd=PROJECT, env=environment(SCENARIO), check=True)
    made = Lab()
    yield made
    subprocess.run(down, cwd=PROJECT, env=environment(SCENARIO), check=True)
    assert not made.podman.containers(f"label=lab.name={made.settings.name}")
    assert not control.healthy(made.endpoint.home)


@pytest.mark.scenario
def test_the_life_of_an_instance(lab: Lab, tmp_path: Path) -> None:
    """Started, asked, stopped, started, terminated; the endpoint is ended and started meanwhile.

    One test: two would be handed to two workers, and there is one lab.
    """
    ec2, iam = lab.ec2, lab.endpoint.client("iam")
    network = control.config(lab.endpoint.home)["network"]  # type: ignore[index]
    first = network.rpartition(".")[0]
    with pytest.raises(Exception, match="in this rehearsal hosts have addresses of"):
        ec2.create_vpc(CidrBlock="192.168.0.0/16")
    vpc = ec2.create_vpc(CidrBlock=network)["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock=f"{first}.64/26")["Subnet"]["SubnetId"]
    ec2.modify_subnet_attribute(SubnetId=subnet, MapPublicIpOnLaunch={"Value": True})
    ec2.import_key_pair(KeyName="lab", PublicKeyMaterial=(lab.settings.directory / "id_ed25519.pub").read_bytes())
    iam.create_role(RoleName="web", AssumeRolePolicyDocument="{}")
    iam.create_instance_profile(InstanceProfileName="web")
    iam.add_role_to_instance_profile(InstanceProfileName="web", RoleName="web")
    image = ec2.describe_images(Filters=[{"Name": "name", "Values": ["debian-13-amd64-*"]}])["Images"][0]["ImageId"]
    name = ec2.run_instances(
        ImageId=image, MinCount=1, MaxCount=1, SubnetId=subnet, KeyName="lab", InstanceType="t3.small",
        PrivateIpAddress=f"{first}.77", UserData=USER_DATA, IamInstanceProfile={"Name": "web"},
        MetadataOptions={"HttpTokens": "required"},
    )["Instances"][0]["InstanceId"]  # fmt: skip
    assert lab.instance(name)["State"]["Name"] == "pending"
    running = lab.reaches(name, "running")
    assert running["PrivateIpAddress"] == f"{first}.77"
    console = ec2.get_console_output(InstanceId=name)["Output"]
    # User data ran, and a command of it that failed is in the log and no obstacle.
    assert "exit 3 ended with 3" in console

    told = lab.ssh(
        f"{first}.77", console, tmp_path, "hostname; cat /etc/board; echo; sudo ls /root; sudo touch /root/kept"
    )
    assert told.split() == [f"ip-{first.replace('.', '-')}-77", "hello", "ran", "server.py"]
    said = json.loads(lab.ssh(f"{first}.77", console, tmp_path, "python3 -", ASK))
    assert (said["id"], said["role"], said["without"]) == (name, "web", 401)
    keys = said["keys"]
    lab.endpoint.client("ec2", key=keys["AccessKeyId"], token=keys["Token"]).describe_vpcs()

    ssh_leads_over_an_endpoint(lab, subnet, f"{first}.77", console, tmp_path)
    a_balancer_serves_and_drains(lab, vpc, [subnet], name)

    ec2.stop_instances(InstanceIds=[name])
    lab.reaches(name, "stopped")
    assert not lab.podman.containers(f"name={name}", "status=running")
    control.stop(lab.endpoint.home)
    control.start(lab.settings)
    ec2.start_instances(InstanceIds=[name])
    again = lab.reaches(name, "running")
    assert again["PrivateIpAddress"] == running["PrivateIpAddress"]
    assert again["PublicIpAddress"] != running["PublicIpAddress"]
    # The same disk with the same keys; user data has run once.
    assert "kept" in lab.ssh(f"{first}.77", console, tmp_path, "sudo ls /root")

    ec2.terminate_instances(InstanceIds=[name])
    lab.reaches(name, "terminated")
    assert not lab.has_host(name)
    # Nothing of it is in the way of the next one with its address.
    interfaces = ec2.describe_network_interfaces(Filters=[{"Name": "subnet-id", "Values": [subnet]}])
    assert interfaces["NetworkInterfaces"] == []

    an_instance_whose_host_does_not_start_says_why(lab)


def ssh_leads_over_an_endpoint(lab: Lab, subnet: str, address: str, console: str, tmp_path: Path) -> None:
    """By the words that group_vars give ssh, with the host's own sshd at the end; the endpoint itself is played."""
    tags = {"Project": "lab", "Environment": "here"}
    given = [{"Key": key, "Value": value} for key, value in tags.items()]
    specification = [{"ResourceType": "instance-connect-endpoint", "Tags": given}]
    made = lab.ec2.create_instance_connect_endpoint(SubnetId=subnet, TagSpecifications=specification)
    # The tool loads boto3 before anybody answers.
    words = [*shlex.split(aws_tunnel_arguments(control.REGION, tags)), "-o", "ConnectTimeout=60"]
    # Several of ssh's windows, so that both ends wait for each other.
    text = secrets.token_hex(2_000_000)
    with connect_endpoint.running(tmp_path, (address, 22)) as endpoint:
        named = lab.endpoint.home / "instance-connect"
        named.write_text(endpoint.name)
        own = {**lab.endpoint.variables, "AWS_CA_BUNDLE": str(endpoint.authority), "NO_PROXY": "127.0.0.1,localhost"}
        told = lab.ssh(address, console, tmp_path, "tee /tmp/sent | sha256sum; cat /tmp/sent", text, words, **own)
        named.unlink()
    digest, _, back = told.partition("  -\n")
    assert (digest, back) == (hashlib.sha256(text.encode()).hexdigest(), text)
    assert [one["privateIpAddress"] for one in endpoint.asked] == [address]
    assert endpoint.signatures == [True]
    name = made["InstanceConnectEndpoint"]["InstanceConnectEndpointId"]
    lab.ec2.delete_instance_connect_endpoint(InstanceConnectEndpointId=name)


def a_balancer_serves_and_drains(lab: Lab, vpc: str, subnets: list[str], name: str) -> None:
    """A target gets requests once it is healthy, and finishes those in hand when it is taken out."""
    elb, container = lab.endpoint.client("elbv2"), f"{lab.settings.name}-{name}"
    authority = authorities.make()
    certificate, key = certificates.issue(authority["certificate"], authority["key"], ["board.localhost"])
    arn = lab.endpoint.client("acm").import_certificate(Certificate=certificate, PrivateKey=key)["CertificateArn"]
    balancer = elb.create_load_balancer(Name="board", Subnets=subnets, Scheme="internet-facing")["LoadBalancers"][0]
    group = elb.create_target_group(
        Name="board", Protocol="HTTP", Port=80, VpcId=vpc, HealthCheckPath="/readyz", HealthCheckIntervalSeconds=5,
        HealthyThresholdCount=2, UnhealthyThresholdCount=2, Matcher={"HttpCode": "200"},
    )["TargetGroups"][0]["TargetGroupArn"]  # fmt: skip
    delay = [{"Key": "deregistration_delay.timeout_seconds", "Value": "20"}]
    elb.modify_target_group_attributes(TargetGroupArn=group, Attributes=delay)
    forward = [{"Type": "forward", "TargetGroupArn": group}]
    elb.create_listener(
        LoadBalancerArn=balancer["LoadBalancerArn"], Protocol="HTTPS", Port=443, DefaultActions=forward,
        Certificates=[{"CertificateArn": arn}],
    )  # fmt: skip
    targets = [{"Id": name, "Port": 80}]
    elb.register_targets(TargetGroupArn=group, Targets=targets)

    def state() -> str:
        listed = elb.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
        return listed[0]["TargetHealth"]["State"] if listed else "gone"

    def get(path: str) -> tuple[int, bytes]:
        address = next(one for one in machines(lab.settings, lab.podman) if one.kind == "balancer").address
        trust = ssl.create_default_context(cadata=authority["certificate"])
        asked = http.client.HTTPSConnection("board.localhost", context=trust, timeout=30)
        asked.sock = trust.wrap_socket(socket.create_connection((address, 443), 30), server_hostname="board.localhost")
        asked.request("GET", path)
        answer = asked.getresponse()
        return answer.status, answer.read()

    until(lambda: state() == "unhealthy")
    assert elb.describe_load_balancers(Names=["board"])["LoadBalancers"][0]["State"]["Code"] == "active"
    assert get("/")[0] == 503
    lab.podman.script(container, "touch /run/ready")
    until(lambda: state() == "healthy")
    assert get("/") == (200, b"served")
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(get, "/slow")
        until(lambda: lab.podman.succeeds("exec", container, "test", "-s", "/run/slow"))
        elb.deregister_targets(TargetGroupArn=group, Targets=targets)
        assert state() == "draining"
        until(lambda: get("/")[0] == 503)
        assert slow.result(60) == (200, b"served")
    until(lambda: state() == "gone")
    elb.delete_load_balancer(LoadBalancerArn=balancer["LoadBalancerArn"])
    until(lambda: not any(one.kind == "balancer" for one in machines(lab.settings, lab.podman)))


def an_instance_whose_host_does_not_start_says_why(lab: Lab) -> None:
    """An address that this lab's network has not: the default VPC's."""
    name = lab.ec2.run_instances(ImageId="ami-12c6146b", MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
    ended = lab.reaches(name, "terminated")
    assert ended["StateReason"]["Code"] == "Server.InternalError"
    until(lambda: not lab.has_host(name))
