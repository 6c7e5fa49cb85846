# SPDX-License-Identifier: MIT
"""The VPC with all that is in it."""

from __future__ import annotations

from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.aws_terminate.scope import Scope, Step, Thing, tags_of


def _networks(scope: Scope) -> list[str]:
    return [one["VpcId"] for one in scope.pages("ec2", "describe_vpcs", "Vpcs", Filters=scope.filters())]


def _within(scope: Scope, operation: str, key: str, id_key: str, kind: str) -> list[Thing]:
    """Things of the environment's networks: whatever is in them has to go before they can."""
    networks = _networks(scope)
    if not networks:
        return []
    filters = [{"Name": "vpc-id", "Values": networks}]
    return [_thing(kind, one, id_key) for one in scope.pages("ec2", operation, key, Filters=filters)]


def _thing(kind: str, one: dict[str, Any], id_key: str) -> Thing:
    return Thing(kind, one[id_key], one.get("GroupName") or tags_of(one.get("Tags", [])).get("Name", one[id_key]))


def _nat_gateways(scope: Scope, ids: list[str] | None = None) -> list[dict[str, Any]]:
    words: dict[str, Any] = (
        {"NatGatewayIds": ids} if ids else {"Filter": [{"Name": "vpc-id", "Values": _networks(scope)}]}
    )
    if not ids and not words["Filter"][0]["Values"]:
        return []
    return list(scope.pages("ec2", "describe_nat_gateways", "NatGateways", **words))


def find_nat_gateways(scope: Scope) -> list[Thing]:
    """NAT gateways that are not deleted."""
    alive = [one for one in _nat_gateways(scope) if one["State"] in ("pending", "available", "deleting")]
    return [_thing("NAT gateway", one, "NatGatewayId") for one in alive]


def remove_nat_gateways(scope: Scope, things: list[Thing]) -> None:
    """With their addresses."""
    client, ids = scope.client("ec2"), [one.id for one in things]
    addresses = [
        address["AllocationId"]
        for one in _nat_gateways(scope, ids)
        for address in one.get("NatGatewayAddresses", [])
        if "AllocationId" in address
    ]
    for one in ids:
        client.delete_nat_gateway(NatGatewayId=one)
    scope.wait("ec2", "nat_gateway_deleted", NatGatewayIds=ids)
    for one in addresses:
        client.release_address(AllocationId=one)


def find_flow_logs(scope: Scope) -> list[Thing]:
    """Flow logs, which may outlive their VPC."""
    return [
        _thing("flow log", one, "FlowLogId")
        for one in scope.pages("ec2", "describe_flow_logs", "FlowLogs", Filters=scope.filters())
    ]


def remove_flow_logs(scope: Scope, things: list[Thing]) -> None:
    """What they have written stays in the bucket."""
    scope.client("ec2").delete_flow_logs(FlowLogIds=[one.id for one in things])


def _endpoints(scope: Scope) -> list[dict[str, Any]]:
    networks = _networks(scope)
    filters = [{"Name": "vpc-id", "Values": networks}]
    operation, key = "describe_instance_connect_endpoints", "InstanceConnectEndpoints"
    listed = scope.pages("ec2", operation, key, Filters=filters) if networks else []
    return [one for one in listed if one["State"] != "delete-complete"]


def find_endpoints(scope: Scope) -> list[Thing]:
    """Instance Connect Endpoints."""
    return [_thing("endpoint", one, "InstanceConnectEndpointId") for one in _endpoints(scope)]


def remove_endpoints(scope: Scope, things: list[Thing]) -> None:
    """Their subnet and their security group are held until they are gone.

    Raises:
        StillThere: one did not go in time.
    """
    client, ours = scope.client("ec2"), {one.id for one in things}
    for one in _endpoints(scope):
        if one["InstanceConnectEndpointId"] in ours and one["State"] != "delete-in-progress":
            client.delete_instance_connect_endpoint(InstanceConnectEndpointId=one["InstanceConnectEndpointId"])
    scope.until_gone("endpoint", lambda: ours & {one["InstanceConnectEndpointId"] for one in _endpoints(scope)})


def find_security_groups(scope: Scope) -> list[Thing]:
    """All but the one that a VPC always has."""
    found = _within(scope, "describe_security_groups", "SecurityGroups", "GroupId", "security group")
    return [one for one in found if one.name != "default"]


def remove_security_groups(scope: Scope, things: list[Thing]) -> None:
    """They name each other in their rules: all rules go before the first group."""
    client = scope.client("ec2")
    for one in client.describe_security_groups(GroupIds=[thing.id for thing in things])["SecurityGroups"]:
        if one["IpPermissions"]:
            client.revoke_security_group_ingress(GroupId=one["GroupId"], IpPermissions=one["IpPermissions"])
    for thing in things:
        client.delete_security_group(GroupId=thing.id)


def find_gateways(scope: Scope) -> list[Thing]:
    """Internet gateways."""
    networks = _networks(scope)
    filters = [{"Name": "attachment.vpc-id", "Values": networks}]
    listed = scope.pages("ec2", "describe_internet_gateways", "InternetGateways", Filters=filters) if networks else []
    return [_thing("internet gateway", one, "InternetGatewayId") for one in listed]


def remove_gateways(scope: Scope, things: list[Thing]) -> None:
    """Detached first."""
    client = scope.client("ec2")
    for one in client.describe_internet_gateways(InternetGatewayIds=[thing.id for thing in things])["InternetGateways"]:
        for attached in one["Attachments"]:
            client.detach_internet_gateway(InternetGatewayId=one["InternetGatewayId"], VpcId=attached["VpcId"])
        client.delete_internet_gateway(InternetGatewayId=one["InternetGatewayId"])


def find_subnets(scope: Scope) -> list[Thing]:
    """Subnets."""
    return _within(scope, "describe_subnets", "Subnets", "SubnetId", "subnet")


def remove_subnets(scope: Scope, things: list[Thing]) -> None:
    """After whatever has an address in them."""
    for one in things:
        scope.client("ec2").delete_subnet(SubnetId=one.id)


def _main(table: dict[str, Any]) -> bool:
    return any(one.get("Main") for one in table.get("Associations", []))


def find_route_tables(scope: Scope) -> list[Thing]:
    """All but the one that a VPC always has."""
    networks = _networks(scope)
    filters = [{"Name": "vpc-id", "Values": networks}]
    listed = scope.pages("ec2", "describe_route_tables", "RouteTables", Filters=filters) if networks else []
    return [_thing("route table", one, "RouteTableId") for one in listed if not _main(one)]


def remove_route_tables(scope: Scope, things: list[Thing]) -> None:
    """With what is left of their associations."""
    client = scope.client("ec2")
    for one in client.describe_route_tables(RouteTableIds=[thing.id for thing in things])["RouteTables"]:
        for associated in one["Associations"]:
            client.disassociate_route_table(AssociationId=associated["RouteTableAssociationId"])
        client.delete_route_table(RouteTableId=one["RouteTableId"])


def find_networks(scope: Scope) -> list[Thing]:
    """VPCs."""
    return [Thing("VPC", one, scope.name) for one in _networks(scope)]


def remove_networks(scope: Scope, things: list[Thing]) -> None:
    """Last: all else is in them."""
    for one in things:
        scope.client("ec2").delete_vpc(VpcId=one.id)


# Route tables hold on to subnets by associations, and to gateways by routes.
STEPS = (
    Step(find_flow_logs, remove_flow_logs),
    Step(find_endpoints, remove_endpoints),
    Step(find_nat_gateways, remove_nat_gateways),
    Step(find_security_groups, remove_security_groups),
    Step(find_route_tables, remove_route_tables),
    Step(find_gateways, remove_gateways),
    Step(find_subnets, remove_subnets),
    Step(find_networks, remove_networks),
)
