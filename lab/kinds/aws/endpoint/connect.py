# SPDX-License-Identifier: MIT
"""EC2 Instance Connect Endpoints, of which moto has none.

Nobody listens behind their names. What a test has listen is at the name in the file `instance-connect` of the endpoint's directory.
"""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.responses.general import General
from moto.ec2.utils import EC2_PREFIX_TO_RESOURCE, EC2_RESOURCE_TO_PREFIX

KIND, PREFIX = "instance-connect-endpoint", "eice"
READY = "create-complete"
NAME_FILE = "instance-connect"
DNS_NAME = "{id}.lab.ec2-instance-connect-endpoint.{region}.amazonaws.com"


def put(home: Path) -> None:
    """Put all of it in place.

    Args:
        home: the endpoint's directory.
    """

    def named(self: Any) -> ActionResult:
        file = home / NAME_FILE
        return _describe(self, file.read_text().strip() if file.exists() else "")

    # moto asks these what a tag is a tag of.
    EC2_RESOURCE_TO_PREFIX[KIND], EC2_PREFIX_TO_RESOURCE[PREFIX] = PREFIX, KIND
    General.create_instance_connect_endpoint = _create
    General.describe_instance_connect_endpoints = named
    General.modify_instance_connect_endpoint = _modify
    General.delete_instance_connect_endpoint = _delete


def _all(response: Any) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = response.ec2_backend.__dict__.setdefault("lab_connect_endpoints", {})
    return found


def _one(response: Any) -> dict[str, Any]:
    name = response._get_param("InstanceConnectEndpointId")
    if name not in _all(response):
        raise EC2ClientError("InvalidInstanceConnectEndpointId.NotFound", f"There is no endpoint {name}")
    return _all(response)[name]


def _shown(response: Any, one: dict[str, Any]) -> dict[str, Any]:
    tags = response.ec2_backend.describe_tags({"resource-id": [one["InstanceConnectEndpointId"]]})
    return {**one, "Tags": [{"Key": tag["key"], "Value": tag["value"]} for tag in tags]}


def _create(self: Any) -> ActionResult:
    """A VPC has one at most."""
    subnet = self.ec2_backend.get_subnet(self._get_param("SubnetId"))
    if any(one["VpcId"] == subnet.vpc_id for one in _all(self).values()):
        raise EC2ClientError("InstanceConnectEndpointLimitExceeded", f"{subnet.vpc_id} has an endpoint")
    name = f"{PREFIX}-{secrets.token_hex(9)[:17]}"
    made = _all(self)[name] = {
        "InstanceConnectEndpointId": name,
        "InstanceConnectEndpointArn": f"arn:aws:ec2:{self.region}:{self.current_account}:instance-connect-endpoint/{name}",
        "OwnerId": self.current_account,
        "State": READY,
        "DnsName": DNS_NAME.format(id=name, region=self.region),
        "VpcId": subnet.vpc_id,
        "SubnetId": subnet.id,
        "AvailabilityZone": subnet.availability_zone,
        "CreatedAt": utcnow(),
        "PreserveClientIp": str(self._get_param("PreserveClientIp")).lower() == "true",
        "SecurityGroupIds": list(self._get_param("SecurityGroupIds") or []),
    }
    for given in self._get_param("TagSpecifications") or []:
        self.ec2_backend.create_tags([name], {tag["Key"]: tag["Value"] for tag in given["Tags"]})
    return ActionResult({"InstanceConnectEndpoint": _shown(self, made)})


def _describe(self: Any, name: str) -> ActionResult:
    """By VPC, state and tags; with another DNS name, where one is given."""
    asked = {one["Name"]: one["Values"] for one in self._get_param("Filters") or []}
    found = [_shown(self, one) | ({"DnsName": name} if name else {}) for one in _all(self).values()]
    for key, values in asked.items():
        if key.startswith("tag:"):
            wanted = [(key.removeprefix("tag:"), value) for value in values]
            found = [one for one in found if any((tag["Key"], tag["Value"]) in wanted for tag in one["Tags"])]
        else:
            word = {"vpc-id": "VpcId", "state": "State", "subnet-id": "SubnetId"}[key]
            found = [one for one in found if one[word] in values]
    return ActionResult({"InstanceConnectEndpoints": found})


def _modify(self: Any) -> ActionResult:
    """Other security groups."""
    _one(self)["SecurityGroupIds"] = list(self._get_param("SecurityGroupIds") or [])
    return ActionResult({"Return": True})


def _delete(self: Any) -> ActionResult:
    gone = _all(self).pop(_one(self)["InstanceConnectEndpointId"])
    return ActionResult({"InstanceConnectEndpoint": {**gone, "State": "delete-complete"}})
