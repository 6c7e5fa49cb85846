# SPDX-License-Identifier: MIT
"""What moto's answers lack for this product, put right in the pinned moto's own classes.

Each function names what AWS does. `tests/aws` has a test for each, so that a newer moto that brings one itself is noticed.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Any

from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models import EC2Backend
from moto.ec2.models.instances import Instance
from moto.ec2.responses.general import General
from moto.ec2.utils import Base64EncodedString
from moto.elbv2.models import ELBv2Backend, FakeLoadBalancer, FakeTargetGroup
from moto.iam.access_control import IAMPolicyStatement, PermissionResult
from moto.rds.exceptions import DBParameterGroupNotFoundError
from moto.rds.models import DBInstance, RDSBackend

from lab.kinds.aws.endpoint import autoscaling, databases, defaults, files
from lab.kinds.aws.haproxy import DRAINING

PENDING, RUNNING, SHUTTING_DOWN, TERMINATED, STOPPING, STOPPED = (
    ("pending", 0), ("running", 16), ("shutting-down", 32), ("terminated", 48), ("stopping", 64), ("stopped", 80),
)  # fmt: skip
NOT_YET = ("initial", "Elb.RegistrationInProgress", "Target registration is in progress")
NOT_IN_USE = ("unused", "Target.NotInUse", "Target group is not configured to receive traffic from the load balancer")
MINIMUM_GP3_IOPS, MINIMUM_GP3_THROUGHPUT, LARGE_GIB = 3000, 125, 400


def always() -> None:
    """What moto has to be told whether or not hosts stand behind it."""
    _storage_of_gp3()
    _unknown_parameter_groups()
    _loopback_counts_as_tls()
    _launched_with_each_start()
    _flow_logs_in_directories()
    defaults.put()
    databases.put()
    autoscaling.put()
    files.put()


def with_hosts(
    network: ipaddress.IPv4Network,
    console: Callable[[str], str],
    health: Callable[[str, str], Any],
    known: Callable[[str], list[str]],
) -> None:
    """What follows from hosts that need time to boot.

    Args:
        network: the lab's; a VPC is inside it, as an instance's address is its host's.
        console: what the console of an instance showed.
        health: the state of a target, its reason and description, by the group's ARN and the
            target's ID; None where no balancer has asked it.
        known: by the group's ARN, the targets that a balancer knows, those on their way out too.
    """
    _instances_take_time()
    _images_take_time()
    _networks_inside(network)
    _console(console)
    _target_health(health)
    _targets_that_leave(known)
    _balancers_take_time()
    databases.with_hosts()
    autoscaling.with_hosts()


def set_state(instance: Any, state: tuple[str, int]) -> None:
    """Put an instance into a state."""
    instance._state.name, instance._state.code = state


def _storage_of_gp3() -> None:
    """gp3 answers with its IOPS and throughput, the least where none were asked for; moto keeps the throughput of io1 alone."""
    plain = DBInstance.storage_throughput

    def throughput(self: Any) -> int | None:
        if self.storage_type == "gp3":
            return self.__dict__.get("_lab_throughput") or (
                4 * MINIMUM_GP3_THROUGHPUT if int(self.allocated_storage) >= LARGE_GIB else MINIMUM_GP3_THROUGHPUT
            )
        return plain.fget(self)  # type: ignore[misc]

    def remember(self: Any, value: int | None) -> None:
        self.__dict__["_lab_throughput"] = value
        plain.fset(self, value)  # type: ignore[misc]

    def iops(self: Any) -> int | None:
        # It is asked for while an instance is made, before it has a type.
        if asked := self.__dict__.get("_lab_iops"):
            return int(asked)
        if getattr(self, "storage_type", None) != "gp3":
            return None
        return 4 * MINIMUM_GP3_IOPS if int(self.allocated_storage) >= LARGE_GIB else MINIMUM_GP3_IOPS

    def remember_iops(self: Any, value: int | None) -> None:
        self.__dict__["_lab_iops"] = value

    DBInstance.storage_throughput = property(throughput, remember)
    DBInstance.iops = property(iops, remember_iops)


def _unknown_parameter_groups() -> None:
    """Who asks for a parameter group that isn't there is told so; moto answers with an empty list."""
    plain = RDSBackend.describe_db_parameter_groups

    def describe(self: Any, db_parameter_group_kwargs: dict[str, Any]) -> Any:
        name = db_parameter_group_kwargs.get("db_parameter_group_name")
        found = plain(self, db_parameter_group_kwargs)
        if name and not found:
            raise DBParameterGroupNotFoundError(name)
        return found

    RDSBackend.describe_db_parameter_groups = describe


def _launched_with_each_start() -> None:
    """The time of the launch is that of the last start."""
    plain = Instance.start

    def start(self: Any) -> Any:
        if self.state == "stopped":
            self.launch_time = utcnow()
        return plain(self)

    Instance.start = start


def _loopback_counts_as_tls() -> None:
    """Who is denied for coming without TLS does not come from this machine itself; moto denies, whatever the condition of a denial."""
    plain = IAMPolicyStatement.is_action_permitted

    def is_action_permitted(self: Any, *words: Any, **named: Any) -> PermissionResult:
        condition = self._statement.get("Condition", {}).get("Bool", {})
        if self._statement["Effect"] == "Deny" and condition == {"aws:SecureTransport": "false"}:
            return PermissionResult.NEUTRAL
        return plain(self, *words, **named)

    IAMPolicyStatement.is_action_permitted = is_action_permitted


def _flow_logs_in_directories() -> None:
    """Flow logs may go into a directory of a bucket; moto takes its name for a part of the bucket's."""
    plain = EC2Backend.create_flow_logs

    def create(self: Any, *words: Any, log_destination: str | None = None, **named: Any) -> Any:
        bucket = (log_destination or "").partition("/")[0] or log_destination
        made, unsuccessful = plain(self, *words, log_destination=bucket, **named)
        for one in made:
            one.log_destination = log_destination
        return made, unsuccessful

    EC2Backend.create_flow_logs = create


def _instances_take_time() -> None:
    """Started, stopped and terminated are states that come after `pending`, `stopping` and `shutting-down`: the loop sets them."""
    made, start, stop, terminate = Instance.__init__, Instance.start, Instance.stop, Instance.terminate

    def make(self: Any, *words: Any, **named: Any) -> None:
        made(self, *words, **named)
        set_state(self, PENDING)

    def on_the_way(plain: Any, unless: tuple[str, ...], state: tuple[str, int]) -> Any:
        def change(self: Any) -> Any:
            before = self.state
            keep = (self.state, self.state_code)
            previous = plain(self)
            set_state(self, keep if before in unless else state)
            return previous

        return change

    Instance.__init__ = make
    Instance.start = on_the_way(start, ("running", "pending"), PENDING)
    Instance.stop = on_the_way(stop, ("stopped", "stopping"), STOPPING)
    Instance.terminate = on_the_way(terminate, ("terminated", "shutting-down"), SHUTTING_DOWN)
    # Python asks for it at any time, from a thread that may hold no lock; addresses are given back on termination.
    del Instance.__del__


def _images_take_time() -> None:
    """An image of an instance is `pending` until the loop has copied its host."""
    plain = EC2Backend.create_image

    def create_image(self: Any, *words: Any, **named: Any) -> Any:
        made = plain(self, *words, **named)
        made.state = "pending"
        return made

    EC2Backend.create_image = create_image


def _networks_inside(network: ipaddress.IPv4Network) -> None:
    """A VPC whose addresses no host of this lab could have is refused when it is made."""
    plain = EC2Backend.create_vpc

    def create_vpc(self: Any, cidr_block: str, *words: Any, is_default: bool = False, **named: Any) -> Any:
        asked = ipaddress.ip_network(cidr_block or "0.0.0.0/0", strict=False)
        if not is_default and not asked.subnet_of(network):
            raise EC2ClientError(
                "InvalidVpc.Range",
                f"{cidr_block}: in this rehearsal hosts have addresses of {network}, and a VPC is inside it",
            )
        return plain(self, cidr_block, *words, is_default=is_default, **named)

    EC2Backend.create_vpc = create_vpc


def _console(console: Callable[[str], str]) -> None:
    """The console's output is that of the host, with the keys of its SSH server."""

    def get_console_output(self: Any) -> ActionResult:
        instance = self.ec2_backend.get_instance(self._get_param("InstanceId"))
        output = Base64EncodedString.from_raw_string(console(instance.id))
        return ActionResult({"InstanceId": instance.id, "Timestamp": utcnow(), "Output": output})

    General.get_console_output = get_console_output


def _target_health(health: Callable[[str, str], Any]) -> None:
    """A target is as healthy as the balancer in front of it found it."""
    plain = FakeTargetGroup.health_for

    def health_for(self: Any, target: dict[str, Any], ec2_backend: Any) -> Any:
        status = plain(self, target, ec2_backend)
        asked = health(self.arn, target["Id"])
        found = asked or (NOT_YET if self.load_balancer_arns else NOT_IN_USE)
        if asked and target["Id"] not in self.targets:
            found = DRAINING
        if status.status == "healthy" or found[0] == "draining":
            status.status, status.reason, status.description = found
        return status

    FakeTargetGroup.health_for = health_for


def _targets_that_leave(known: Callable[[str], list[str]]) -> None:
    """A target that was deregistered is shown until its delay is over; moto forgets it at once."""
    plain = ELBv2Backend.describe_target_health

    def describe(self: Any, target_group_arn: str, targets: list[dict[str, Any]]) -> list[Any]:
        group = self.target_groups.get(target_group_arn)
        if not targets and group:
            gone = [one for one in known(target_group_arn) if one not in group.targets]
            targets = [*group.targets.values(), *({"Id": one, "Port": group.port} for one in gone)]
        return list(plain(self, target_group_arn, targets)) if targets or not group else []

    ELBv2Backend.describe_target_health = describe


def _balancers_take_time() -> None:
    """A balancer is `provisioning` until its host answers; moto makes it active when somebody asks."""

    def activate(self: Any) -> None:
        del self

    FakeLoadBalancer.activate = activate
