# SPDX-License-Identifier: MIT
"""What the account holds, in the words of the loop: read from moto's objects while the gate's lock is held."""

from __future__ import annotations

import base64
import contextlib
import datetime
import ipaddress
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from moto.backends import get_backend

from lab.kinds.aws.endpoint import databases

ACCOUNT = "123456789012"
CREDENTIAL_HOURS = 6
# Who publishes Debian's AMIs, and what they are called.
DEBIAN = "136693071363"
AMIS = {
    f"debian-{version}-{machine}-20261101-1": architecture
    for version in ("12", "13")
    for machine, architecture in (("amd64", "x86_64"), ("arm64", "arm64"))
}
SUITES = {"debian-12": "bookworm", "debian-13": "trixie"}
# moto's description of an interface that comes with an instance.
PRIMARY = "Primary network interface"


@dataclass(frozen=True)
class Instance:
    """An instance of EC2.

    Attributes:
        id: as in ``i-0123456789abcdef0``.
        name: its tag `Name`, or its ID.
        state: as EC2 writes it.
        address: the private one, which its host has.
        public_address: or "".
        key: the public key of its key pair, or "".
        user_data: what it was started with.
        facts: what the metadata service answers, by path.
        role: of its instance profile, or "".
        imds_v1: whether the metadata service answers without a session.
    """

    id: str
    name: str
    state: str
    address: str
    public_address: str = ""
    key: str = ""
    user_data: bytes = b""
    facts: dict[str, str] = field(default_factory=dict)
    role: str = ""
    imds_v1: bool = False


@dataclass(frozen=True)
class Target:
    """What a balancer sends requests to: an address and a port."""

    id: str
    address: str
    port: int


@dataclass(frozen=True)
class Group:
    """A target group that a listener forwards to."""

    arn: str
    path: str
    codes: str
    interval: int
    rise: int
    fall: int
    drain_seconds: int
    targets: tuple[Target, ...]


@dataclass(frozen=True)
class Listener:
    """A port of a balancer: forwards to a group, or redirects to HTTPS (no group)."""

    port: int
    tls: bool
    group: str = ""


@dataclass(frozen=True)
class Balancer:
    """An Application Load Balancer; ``certificate`` is that of its listeners with TLS and its key, or ""."""

    name: str
    dns_name: str
    certificate: str
    listeners: tuple[Listener, ...]
    groups: tuple[Group, ...]


@dataclass(frozen=True)
class Database:
    """An instance of RDS.

    Attributes:
        resource: what stays when it is renamed, as in ``db-ABCDEFGHIJKL``.
        name: its identifier.
        wanted: what its host has to be (`lab.kinds.aws.endpoint.databases.wanted`).
        applied: what it was made; None where there is no host yet.
        failed: whether it has none because it could not be made.
        origin: what its data begin with: ``kind`` (new, copy, point, follow) and where that is.
        description: what its host is told besides.
        parameters: those that hold after its next start.
        password: the master user's, or "" for the one that its data have.
    """

    resource: str
    name: str
    wanted: dict[str, Any]
    applied: dict[str, Any] | None
    failed: bool
    origin: dict[str, str]
    description: dict[str, Any]
    parameters: dict[str, str]
    password: str


@dataclass(frozen=True)
class Snapshot:
    """A snapshot of RDS; ``directory`` is where its data lie, ``state`` is creating, available or failed."""

    resource: str
    directory: str
    state: str


class Account:
    """The account in one region."""

    def __init__(self, region: str) -> None:
        self.region = region
        self._keys: set[str] = set()

    @property
    def ec2(self) -> Any:
        """moto's objects of EC2."""
        return get_backend("ec2")[ACCOUNT][self.region]

    @property
    def elb(self) -> Any:
        """moto's objects of the load balancers."""
        return get_backend("elbv2")[ACCOUNT][self.region]

    def raw(self) -> Iterator[Any]:
        """moto's instances."""
        for reservation in list(self.ec2.reservations.values()):
            yield from reservation.instances

    def end(self, reason: str, instances: Sequence[str]) -> None:
        """Make instances end while they start.

        Args:
            reason: such as ``Client.VolumeLimitExceeded: Volume limit exceeded``.
            instances: ids of those that were started again, which are stopped; without any, those that were made last are terminated.
        """
        newest = [one.id for one in list(self.ec2.reservations.values())[-1].instances]
        for one in self.raw():
            if one.id not in (instances or newest):
                continue
            if instances:
                one.stop()
            else:
                one.terminate()
            one.state_reason.code, one.state_reason.message = reason.partition(":")[0], reason

    def instances(self) -> list[Instance]:
        """All instances, those that were terminated too."""
        return [self._instance(one) for one in self.raw()]

    def _instance(self, raw: Any) -> Instance:
        tags = {tag["key"]: tag["value"] for tag in raw.get_tags()}
        pair = self.ec2.key_pairs.get(raw.key_name) if raw.key_name else None
        key = pair.material_public.decode().strip() if pair else ""
        data = raw.user_data or ""
        data = data if isinstance(data, (str, bytes)) else str(data)
        with contextlib.suppress(ValueError):
            data = base64.b64decode(data, validate=True)
        user_data = data.encode() if isinstance(data, str) else data
        role = self._role(raw)
        host = f"ip-{(raw.private_ip or '').replace('.', '-')}"
        facts = {
            "ami-id": raw.image_id or "",
            "instance-id": raw.id,
            "instance-type": raw.instance_type,
            "hostname": f"{host}.{self.region}.compute.internal",
            "local-hostname": f"{host}.{self.region}.compute.internal",
            "local-ipv4": raw.private_ip or "",
            "mac": raw.nics[0].mac_address if raw.nics else "",
            "placement/availability-zone": raw.availability_zone or "",
            "placement/region": self.region,
        }
        if raw.public_ip:
            facts["public-ipv4"] = raw.public_ip
        if key:
            facts["public-keys/"] = f"0={raw.key_name}"
            facts["public-keys/0/openssh-key"] = key
        if raw.metadata_options.instance_metadata_tags == "enabled":
            facts |= {f"tags/instance/{name}": value for name, value in tags.items()}
        return Instance(
            id=raw.id, name=tags.get("Name") or raw.id, state=raw.state, address=raw.private_ip or "",
            public_address=raw.public_ip or "", key=key, user_data=user_data, facts=facts, role=role,
            imds_v1=raw.metadata_options.http_tokens != "required",
        )  # fmt: skip

    def _role(self, raw: Any) -> str:
        """The name of the role in the instance's profile, or ""."""
        association = self.ec2.iam_instance_profile_associations.get(raw.id)
        profile = getattr(association, "iam_instance_profile", None)
        roles = getattr(profile, "roles", None) or []
        return roles[0].name if roles else ""

    def credentials(self, role: str) -> dict[str, str]:
        """Credentials of a role, for some hours, as the metadata service hands them out; the account knows them from now on."""
        sts = get_backend("sts")[ACCOUNT]["aws"]
        assumed = sts.assume_role(
            region_name=self.region, role_session_name="instance", duration=CREDENTIAL_HOURS * 3600,
            role_arn=f"arn:aws:iam::{ACCOUNT}:role/{role}", external_id="", policy="",
        )  # fmt: skip
        now = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
        form = "%Y-%m-%dT%H:%M:%SZ"
        return {
            "Code": "Success",
            "Type": "AWS-HMAC",
            "LastUpdated": now.strftime(form),
            "AccessKeyId": assumed.access_key_id,
            "SecretAccessKey": assumed.secret_access_key,
            "Token": assumed.session_token or secrets.token_urlsafe(64),
            "Expiration": (now + datetime.timedelta(hours=CREDENTIAL_HOURS)).strftime(form),
        }

    def prepare(self, access_key: str) -> None:
        """Put what every account finds: the AMIs of Debian; and note the operator's access key."""
        self._keys = {access_key}
        there = {image.name for image in self.ec2.amis.values()}
        for name, architecture in AMIS.items():
            if name not in there:
                image = self.ec2.register_image(name, f"{name}, for the rehearsal")
                image.owner_id, image.architecture, image.root_device_name, image.public = (
                    DEBIAN,
                    architecture,
                    "/dev/xvda",
                    "true",
                )
                image.virtualization_type = "hvm"

    def knows(self, access_key: str) -> bool:
        """Whether an access key is the operator's, a user's, or of a role that somebody assumed."""
        iam = get_backend("iam")[ACCOUNT]["aws"]
        sts = get_backend("sts")[ACCOUNT]["aws"]
        users = {key.access_key_id for user in iam.users.values() for key in user.access_keys}
        return access_key in self._keys | users | {role.access_key_id for role in sts.assumed_roles}

    def suite(self, image: str, otherwise: str) -> str:
        """The Debian of an AMI; one that was made of an instance has that of the instance's."""
        found = self.ec2.amis.get(image)
        made_of = next((raw for raw in self.raw() if found and raw.id == found.instance_id), None)
        if made_of is not None and made_of.image_id != image:
            return self.suite(made_of.image_id, otherwise)
        name = (found.name if found else "") or ""
        return next((suite for version, suite in SUITES.items() if version in name), otherwise)

    def images(self) -> list[tuple[str, str, str]]:
        """Id, instance and state of the AMIs that were made of instances."""
        return [(one.id, one.instance_id, one.state) for one in self.ec2.amis.values() if one.instance_id]

    def set_image_state(self, image: str, state: str) -> None:
        """An AMI whose copy is made is `available`."""
        if found := self.ec2.amis.get(image):
            found.state = state

    def release(self, name: str) -> None:
        """Give back what a terminated instance had: its addresses, and the network interfaces that were made with it."""
        for raw in self.raw():
            if raw.id == name:
                for interface in list(raw.nics.values()):
                    if interface.id in self.ec2.enis and (
                        interface.delete_on_termination or interface.description == PRIMARY
                    ):
                        interface.delete()
                for address in list(raw._private_ips):
                    raw.ec2_backend.get_subnet(raw.subnet_id).del_subnet_ip(address)
                raw._private_ips.clear()

    @property
    def rds(self) -> Any:
        """moto's objects of RDS."""
        return get_backend("rds")[ACCOUNT][self.region]

    def databases(self) -> list[Database]:
        """The instances of RDS."""
        return [self._database(one) for one in self.rds.databases.values()]

    def _database(self, raw: Any) -> Database:
        return Database(
            resource=raw.dbi_resource_id, name=raw.db_instance_identifier, wanted=databases.wanted(raw),
            applied=raw.lab_applied, failed=raw.status == databases.FAILED, origin=dict(raw.lab_origin),
            description={"port": int(raw.port), "user": raw.master_username, "database": raw.db_name or "", "region": self.region},
            parameters=databases.parameters(raw), password=databases.password(raw),
        )  # fmt: skip

    def _raw_database(self, resource: str) -> Any:
        return next((one for one in self.rds.databases.values() if one.dbi_resource_id == resource), None)

    def database_address(self, resource: str) -> str:
        """The address of an instance's host, in the first of its subnets; taken where it has none yet. "" where it is gone."""
        raw = self._raw_database(resource)
        if raw is not None and not raw.lab_address:
            subnet = raw.db_subnet_group.subnets[0]["SubnetIdentifier"]
            raw.lab_address = self.ec2.get_subnet(subnet).get_available_subnet_ip(raw)
        return "" if raw is None else str(raw.lab_address)

    def set_database(self, resource: str, applied: dict[str, Any] | None, failed: bool = False) -> None:
        """Note what an instance's host is now."""
        if raw := self._raw_database(resource):
            raw.lab_applied = applied
            if failed:
                raw.status = databases.FAILED

    def snapshots(self) -> list[Snapshot]:
        """The snapshots of RDS."""
        return [
            Snapshot(one.dbi_resource_id, databases.copy_name(one), one.status)
            for one in self.rds.database_snapshots.values()
        ]

    def set_snapshot(self, directory: str, state: str) -> None:
        """A snapshot whose copy is made is `available`, and so are copies of it."""
        for one in self.rds.database_snapshots.values():
            if databases.copy_name(one) == directory:
                one.lab_state = state

    def balancers(self) -> list[Balancer]:
        """The load balancers, with what their listeners lead to."""
        addresses = {one.id: one.address for one in self.instances()}
        found = []
        for raw in self.elb.load_balancers.values():
            listeners, groups = [], {}
            for listener in raw.listeners.values():
                actions = [action.data for action in listener.default_actions]
                arns = [arn for action in actions for arn in _forwards_to(action)]
                listeners.append(Listener(int(listener.port), listener.protocol == "HTTPS", arns[0] if arns else ""))
                groups |= {
                    arn: self._group(self.elb.target_groups[arn], addresses)
                    for arn in arns
                    if arn in self.elb.target_groups
                }
            arns = [listener.certificate for listener in raw.listeners.values() if listener.certificate]
            held = [self._certificate(arn) for arn in arns[:1]]
            found.append(Balancer(raw.name, raw.dns_name, "".join(held), tuple(listeners), tuple(groups.values())))
        return found

    def _certificate(self, arn: str) -> str:
        """A certificate of ACM and its key: PEM texts, or "" where it has none of that name."""
        bundle = get_backend("acm")[ACCOUNT][self.region]._certificates.get(arn)
        return f"{bundle.cert.decode().strip()}\n{bundle.key.decode().strip()}\n" if bundle else ""

    def balancer_address(self, name: str) -> str:
        """The address of a balancer's host, in the first of its subnets; taken where it has none yet."""
        raw = next(one for one in self.elb.load_balancers.values() if one.name == name)
        if not getattr(raw, "lab_address", ""):
            subnet = raw.subnets[0]
            subnet = self.ec2.get_subnet(subnet) if isinstance(subnet, str) else subnet
            raw.lab_address = subnet.get_available_subnet_ip(raw)
        return str(raw.lab_address)

    def free_address(self, address: str) -> None:
        """Give back what `balancer_address` took."""
        for subnets in self.ec2.subnets.values():
            for subnet in subnets.values():
                if ipaddress.ip_address(address) in subnet.cidr:
                    subnet.del_subnet_ip(address)

    def balancer_works(self, name: str) -> None:
        """A balancer whose host answers is active."""
        for raw in self.elb.load_balancers.values():
            if raw.name == name:
                raw.state = "active"

    def _group(self, raw: Any, addresses: dict[str, str]) -> Group:
        targets = [
            Target(one["Id"], addresses.get(one["Id"], one["Id"]), int(one.get("Port") or raw.port))
            for one in raw.targets.values()
        ]
        return Group(
            arn=raw.arn, path=raw.health_check_path or "/", codes=(raw.matcher or {}).get("HttpCode") or "200",
            interval=int(raw.health_check_interval_seconds), rise=int(raw.healthy_threshold_count),
            fall=int(raw.unhealthy_threshold_count),
            drain_seconds=int(raw.attributes.get("deregistration_delay.timeout_seconds", 300)), targets=tuple(targets),
        )  # fmt: skip


def _forwards_to(action: dict[str, Any]) -> list[str]:
    """The ARNs of the groups that an action forwards to; none where it redirects."""
    if action.get("Type", action.get("type")) != "forward":
        return []
    one = action.get("TargetGroupArn") or action.get("target_group_arn")
    many = (action.get("ForwardConfig") or {}).get("TargetGroups") or []
    return [one] if one else [group["TargetGroupArn"] for group in many]
