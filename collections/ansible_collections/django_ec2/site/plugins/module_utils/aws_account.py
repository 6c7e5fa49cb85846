# SPDX-License-Identifier: MIT
"""What an account has and may have, as far as an environment's settings depend on it. Reads, and changes nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils import aws_failures

# Without botocore, AnsibleAWSModule says so.
with contextlib.suppress(ImportError):
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError

# Service and code in Service Quotas.
QUOTAS = {
    "vcpus": ("ec2", "L-1216C47A"),
    "addresses": ("ec2", "L-0263D0A3"),
    "networks": ("vpc", "L-F678F1CE"),
    "balancers": ("elasticloadbalancing", "L-53DA6B97"),
    "databases": ("rds", "L-7B6409FD"),
}
# Families whose vCPUs count as standard ones.
STANDARD = "acdhimrtz"
# An answer that a credential without the right gets, or an endpoint that does not know the call.
UNKNOWN = (403, 404, 501)
UNASKABLE = (*aws_failures.DENIED, "NoSuchResourceException", "UnknownOperation")


class Account:
    """Asks the account; what could not be asked is listed in ``unasked``, and missing in the answers."""

    def __init__(self, client: Callable[[str], Any]) -> None:
        self._client = client
        self.unasked: list[str] = []

    def identity(self) -> dict[str, str]:
        """Number and partition of the account. Whoever may ask nothing may ask this."""
        caller = self._client("sts").get_caller_identity()
        return {"account": caller["Account"], "partition": caller["Arn"].split(":")[1]}

    def _ask(self, what: str, question: Callable[[], Any]) -> Any:
        try:
            return question()
        except ResponseParserError:
            self.unasked.append(what)
        except ClientError as error:
            refused = error.response["Error"]["Code"] in UNASKABLE
            if not refused and error.response["ResponseMetadata"]["HTTPStatusCode"] not in UNKNOWN:
                raise
            self.unasked.append(what)
        return None

    def _pages(self, service: str, operation: str, key: str, **words: Any) -> Iterator[Any]:
        for page in self._client(service).get_paginator(operation).paginate(**words):
            yield from page[key]

    def read(
        self,
        tags: Mapping[str, str],
        types: Iterable[str],
        database: str,
        version: str,
        image: str = "",
        group: str = "",
    ) -> dict[str, Any]:
        """All of it.

        Args:
            tags: of everything that belongs to the environment.
            types: of instances that it is to have.
            database: identifier of its instance of RDS; empty without one.
            version: of PostgreSQL there.
            image: id of the image that instances of an auto-scaling group start from; empty without one.
            group: name of that group; empty without one.
        """
        filters = [{"Name": f"tag:{key}", "Values": [value]} for key, value in tags.items()]
        networks = list(self._pages("ec2", "describe_vpcs", "Vpcs"))
        own = [one for one in networks if tags.items() <= _tags(one).items()]
        answers = {
            "zones": self._ask("zones", self._zones),
            "networks": [
                {"cidr": one["CidrBlock"], "name": _tags(one).get("Name", one["VpcId"])}
                for one in networks
                if one not in own and not one.get("IsDefault")
            ],
            "network_is_there": bool(own),
            "instance_types": self._ask("instance types", lambda: self._instance_types(sorted(set(types)))),
            "disks": self._disks(filters),
            "vcpus": {_tags(one).get("Name", ""): _vcpus(one) for one in self._instances(filters)},
            "hosted_zones": self._ask("hosted zones", self._hosted_zones),
        }
        if database:
            answers |= {
                "database": self._database(database),
                "engine_versions": self._ask("versions of PostgreSQL", self._engine_versions),
                "database_classes": self._ask("classes of RDS", lambda: self._classes(version)),
                "parameters": self._ask("parameters of PostgreSQL", lambda: self._parameters(version)),
            }
        if image:
            answers["image"] = self._ask("images", lambda: self._image(image))
        if group:
            of_group = [{"Name": "tag:aws:autoscaling:groupName", "Values": [group]}]
            answers["autoscaled_vcpus"] = sum(_vcpus(one) for one in self._instances(of_group))
        answers |= {"quotas": self._quotas(), "used": self._used(networks, bool(database))}
        return {key: value for key, value in answers.items() if value is not None}

    def _zones(self) -> list[str]:
        found = self._client("ec2").describe_availability_zones()["AvailabilityZones"]
        return sorted(one["ZoneName"] for one in found if one["State"] == "available")

    def _instance_types(self, types: list[str]) -> dict[str, dict[str, Any]]:
        # A filter, and not the ids: one that is unknown would fail the whole call without the others.
        found = self._pages(
            "ec2", "describe_instance_types", "InstanceTypes", Filters=[{"Name": "instance-type", "Values": types}]
        )
        return {
            one["InstanceType"]: {
                "vcpus": one["VCpuInfo"]["DefaultVCpus"],
                "memory_mb": one["MemoryInfo"]["SizeInMiB"],
                "architectures": one["ProcessorInfo"]["SupportedArchitectures"],
            }
            for one in found
            if one["InstanceType"] in types
        }

    def _instances(self, filters: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        alive = {"Name": "instance-state-name", "Values": ["pending", "running", "stopping", "stopped"]}
        for reservation in self._pages("ec2", "describe_instances", "Reservations", Filters=[*filters, alive]):
            yield from reservation["Instances"]

    def _disks(self, filters: list[dict[str, Any]]) -> dict[str, int]:
        """GiB of the root volume, by the name of the host."""
        volumes = {}
        for one in self._instances(filters):
            devices = [device for device in one.get("BlockDeviceMappings", []) if "Ebs" in device]
            # The only one is the root, by whatever name.
            root = [device for device in devices if device["DeviceName"] == one.get("RootDeviceName")] or devices
            if len(root) == 1:
                volumes[root[0]["Ebs"]["VolumeId"]] = _tags(one).get("Name", "")
        if not volumes:
            return {}
        found = self._pages("ec2", "describe_volumes", "Volumes", VolumeIds=sorted(volumes))
        return {volumes[one["VolumeId"]]: one["Size"] for one in found}

    def _image(self, image: str) -> dict[str, str]:
        """The tags of an image of this account; none where it is not there."""
        filters = [{"Name": "image-id", "Values": [image]}]
        found = self._client("ec2").describe_images(Owners=["self"], Filters=filters)["Images"]
        return _tags(found[0]) if found else {}

    def _hosted_zones(self) -> list[str]:
        found = self._pages("route53", "list_hosted_zones", "HostedZones")
        return sorted(one["Name"].rstrip(".") for one in found if not one.get("Config", {}).get("PrivateZone"))

    def _database(self, identifier: str) -> dict[str, Any] | None:
        for one in self._pages("rds", "describe_db_instances", "DBInstances"):
            if one["DBInstanceIdentifier"] == identifier:
                return {"storage_gb": one["AllocatedStorage"], "engine_version": one.get("EngineVersion", "0")}
        return None

    def _engine_versions(self) -> list[str] | None:
        found = self._pages("rds", "describe_db_engine_versions", "DBEngineVersions", Engine="postgres")
        return sorted(one["EngineVersion"] for one in found) or None

    def _classes(self, version: str) -> list[str] | None:
        words = {"Engine": "postgres"} | ({"EngineVersion": version} if "." in version else {})
        found = self._pages("rds", "describe_orderable_db_instance_options", "OrderableDBInstanceOptions", **words)
        return sorted({one["DBInstanceClass"] for one in found}) or None

    def _parameters(self, version: str) -> list[str] | None:
        family = f"postgres{version.partition('.')[0]}"
        pages = (
            self._client("rds")
            .get_paginator("describe_engine_default_parameters")
            .paginate(DBParameterGroupFamily=family)
        )
        return sorted(one["ParameterName"] for page in pages for one in page["EngineDefaults"]["Parameters"]) or None

    def _quotas(self) -> dict[str, float]:
        found = {}
        for name, (service, code) in QUOTAS.items():
            client = self._client("service-quotas")
            answer = self._ask(
                f"the quota of {name}",
                lambda c=client, s=service, q=code: c.get_service_quota(ServiceCode=s, QuotaCode=q),
            )
            if answer:
                found[name] = answer["Quota"]["Value"]
        return found

    def _balancers(self) -> int:
        found = self._pages("elbv2", "describe_load_balancers", "LoadBalancers")
        return sum(1 for one in found if one["Type"] == "application")

    def _used(self, networks: list[Any], database: bool) -> dict[str, int]:
        standard = [
            one
            for one in self._instances([])
            if one["InstanceType"][0] in STANDARD and one["State"]["Name"] != "stopped"
        ]
        balancers = self._ask("the balancers", self._balancers)
        return {
            "vcpus": sum(map(_vcpus, standard)),
            "addresses": len(self._client("ec2").describe_addresses()["Addresses"]),
            "networks": len(networks),
            "balancers": balancers or 0,
            **(
                {"databases": len(list(self._pages("rds", "describe_db_instances", "DBInstances")))} if database else {}
            ),
        }


def _vcpus(instance: Mapping[str, Any]) -> int:
    options = instance.get("CpuOptions", {})
    return int(options.get("CoreCount", 1)) * int(options.get("ThreadsPerCore", 2))


def _tags(one: Mapping[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in one.get("Tags", [])}


def explain(error: Exception) -> str:
    """What stopped the first question, and what to do about it."""
    return f"{aws_failures.remedy_of(error) or 'AWS refused a question of the account.'} ({error})"


ERRORS = (BotoCoreError, ClientError) if "ClientError" in globals() else ()
