"""Route tables and which subnets they serve.

Imitates terraform-provider-aws internal/service/ec2/vpc_route_table.go, vpc_route_table_association.go,
vpc_route_table_data_source.go and vpc_route_tables_data_source.go, as of v6 (the base of pulumi-aws 7.51).
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pulumi_aws as aws

from sandbox.providers.aws.api_shapes import from_api
from sandbox.providers.aws.ec2.common import (
    Ec2Resource,
    asked_filters,
    delete_when_unused,
    list_answer,
    tag_specifications,
)
from sandbox.providers.aws.function import Function
from sandbox.providers.aws.resource import Properties
from sandbox.providers.aws.session import Cloud, found
from sandbox.providers.aws.tags import from_pairs
from sandbox.providers.aws.validators import cidr
from sandbox.providers.rpc import ProviderError, State
from sandbox.providers.schema import ListOf

_NO_TABLE = "InvalidRouteTableID.NotFound"
_NO_ASSOCIATION = "InvalidAssociationID.NotFound"

_DESTINATIONS = {
    "cidrBlock": "DestinationCidrBlock",
    "ipv6CidrBlock": "DestinationIpv6CidrBlock",
    "destinationPrefixListId": "DestinationPrefixListId",
}
_TARGETS = {
    "gatewayId": "GatewayId",
    "natGatewayId": "NatGatewayId",
    "networkInterfaceId": "NetworkInterfaceId",
    "transitGatewayId": "TransitGatewayId",
    "vpcEndpointId": "VpcEndpointId",
    "vpcPeeringConnectionId": "VpcPeeringConnectionId",
}


class RouteTable(Ec2Resource):
    """``aws.ec2.RouteTable`` with its routes. ID: ``rtb-...``."""

    resource = aws.ec2.RouteTable
    computed = frozenset({"propagatingVgws", "routes"})
    replaces = frozenset({"vpcId"})
    validators = MappingProxyType({"routes.cidrBlock": cidr, "routes.ipv6CidrBlock": cidr})
    unsupported = frozenset({"propagatingVgws"})

    def create(self, cloud: Cloud, inputs: Properties) -> str:
        """Makes the table, without routes."""
        answer = cloud.ec2.create_route_table(
            VpcId=inputs["vpcId"], TagSpecifications=tag_specifications("route-table", inputs["tags"])
        )
        return answer["RouteTable"]["RouteTableId"]

    def complete(self, cloud: Cloud, resource_id: str, inputs: Properties) -> None:
        """Adds the routes."""
        self._set_routes(cloud, resource_id, [], inputs.get("routes") or [])

    def read(self, cloud: Cloud, old: State) -> dict[str, Any] | None:
        """The table, without the routes that AWS made itself."""
        answer = found(lambda: cloud.ec2.describe_route_tables(RouteTableIds=[old.id]), _NO_TABLE)
        if not answer or not answer["RouteTables"]:
            return None
        table = answer["RouteTables"][0]
        routes = self.arguments().fields["routes"]
        assert isinstance(routes, ListOf)
        return {
            "arn": cloud.arn("ec2", f"route-table/{old.id}"),
            "ownerId": table.get("OwnerId"),
            "propagatingVgws": [each["GatewayId"] for each in table.get("PropagatingVgws") or []],
            "routes": [
                from_api(each, routes.item, _DESTINATIONS)
                for each in table.get("Routes") or []
                if each.get("Origin") == "CreateRoute"
            ],
            "tags": from_pairs(table.get("Tags")),
            "vpcId": table["VpcId"],
        }

    def update(self, cloud: Cloud, old: State, inputs: Properties, changed: frozenset[str]) -> None:
        """Adds, replaces and removes routes."""
        self._set_routes(cloud, old.id, old.outputs.get("routes") or [], inputs.get("routes") or [])

    def delete(self, cloud: Cloud, old: State) -> None:
        """Removes the table and its associations."""
        answer = found(lambda: cloud.ec2.describe_route_tables(RouteTableIds=[old.id]), _NO_TABLE)
        for table in answer["RouteTables"] if answer else []:
            for association in table.get("Associations") or []:
                association_id = association["RouteTableAssociationId"]
                cloud.ec2.disassociate_route_table(AssociationId=association_id)
        delete_when_unused(
            cloud, lambda: cloud.ec2.delete_route_table(RouteTableId=old.id), f"route table {old.id}", _NO_TABLE
        )

    @staticmethod
    def _set_routes(cloud: Cloud, table: str, present: list[Any], wanted: list[Any]) -> None:
        before = {_destination(each): _target(each) for each in present}
        after = {_destination(each): _target(each) for each in wanted}
        for destination, target in after.items():
            request: dict[str, Any] = {"RouteTableId": table, **dict([destination, target])}
            if destination not in before:
                cloud.ec2.create_route(**request)
            elif before[destination] != target:
                cloud.ec2.replace_route(**request)
        for member, value in before.keys() - after.keys():
            gone: dict[str, Any] = {"RouteTableId": table, member: value}
            found(functools.partial(cloud.ec2.delete_route, **gone), "InvalidRoute.NotFound")


def _destination(route: Mapping[str, Any]) -> tuple[str, str]:
    return _only(route, _DESTINATIONS, "destination")


def _target(route: Mapping[str, Any]) -> tuple[str, str]:
    return _only(route, _TARGETS, "target")


def _only(route: Mapping[str, Any], members: Mapping[str, str], what: str) -> tuple[str, str]:
    given = [(member, route[name]) for name, member in members.items() if route.get(name)]
    if len(given) != 1:
        raise ProviderError(f"a route needs exactly one {what} of {', '.join(members)}; it has {len(given)}")
    return given[0]


class RouteTableAssociation(Ec2Resource):
    """``aws.ec2.RouteTableAssociation``. ID: ``rtbassoc-...``; an import takes ``<subnet or gateway>/<table>``."""

    resource = aws.ec2.RouteTableAssociation
    replaces = frozenset({"gatewayId", "subnetId"})

    def create(self, cloud: Cloud, inputs: Properties) -> str:
        """Lets the table serve the subnet or gateway."""
        request: dict[str, Any] = {"RouteTableId": inputs["routeTableId"]}
        optional = {"gatewayId": "GatewayId", "subnetId": "SubnetId"}
        request |= {member: inputs[name] for name, member in optional.items() if inputs.get(name)}
        return cloud.ec2.associate_route_table(**request)["AssociationId"]

    def read(self, cloud: Cloud, old: State) -> dict[str, Any] | None:
        """The association, by its two halves: its own ID changes when another table takes over."""
        served, table = self._halves(old)
        answer = found(lambda: cloud.ec2.describe_route_tables(RouteTableIds=[table]), _NO_TABLE)
        for each in answer["RouteTables"] if answer else []:
            for association in each.get("Associations") or []:
                if served in (association.get("SubnetId"), association.get("GatewayId")):
                    return {
                        "gatewayId": association.get("GatewayId"),
                        "id": association["RouteTableAssociationId"],
                        "routeTableId": table,
                        "subnetId": association.get("SubnetId"),
                    }
        return None

    def update(self, cloud: Cloud, old: State, inputs: Properties, changed: frozenset[str]) -> None:
        """Lets another table take over."""
        live = self.read(cloud, old)
        if live is None:
            raise ProviderError(f"route table association {old.id} does not exist any more; run `pulumi refresh`")
        cloud.ec2.replace_route_table_association(AssociationId=live["id"], RouteTableId=inputs["routeTableId"])

    def delete(self, cloud: Cloud, old: State) -> None:
        """Ends the association."""
        live = self.read(cloud, old)
        if live:
            found(lambda: cloud.ec2.disassociate_route_table(AssociationId=live["id"]), _NO_ASSOCIATION)

    @staticmethod
    def _halves(old: State) -> tuple[str, str]:
        if old.outputs.get("routeTableId"):
            return old.outputs.get("subnetId") or old.outputs.get("gatewayId") or "", old.outputs["routeTableId"]
        served, _, table = old.id.partition("/")
        if not table:
            raise ProviderError(f"the ID {old.id!r} is not of the form <subnet or gateway ID>/<route table ID>")
        return served, table


# Names of a route and of an association as the data source gives them, and EC2's for the same.
_ROUTE_MEMBERS = {
    "carrierGatewayId": "CarrierGatewayId",
    "cidrBlock": "DestinationCidrBlock",
    "coreNetworkArn": "CoreNetworkArn",
    "destinationPrefixListId": "DestinationPrefixListId",
    "egressOnlyGatewayId": "EgressOnlyInternetGatewayId",
    "gatewayId": "GatewayId",
    "instanceId": "InstanceId",
    "ipv6CidrBlock": "DestinationIpv6CidrBlock",
    "localGatewayId": "LocalGatewayId",
    "natGatewayId": "NatGatewayId",
    "networkInterfaceId": "NetworkInterfaceId",
    "odbNetworkArn": "OdbNetworkArn",
    "transitGatewayId": "TransitGatewayId",
    "vpcPeeringConnectionId": "VpcPeeringConnectionId",
}
_ASSOCIATION_MEMBERS = {
    "gatewayId": "GatewayId",
    "routeTableAssociationId": "RouteTableAssociationId",
    "routeTableId": "RouteTableId",
    "subnetId": "SubnetId",
}
_TABLE_FILTERS = {
    "gatewayId": "association.gateway-id",
    "routeTableId": "route-table-id",
    "subnetId": "association.subnet-id",
    "vpcId": "vpc-id",
}


def get_route_table(cloud: Cloud, args: Properties) -> Properties:
    """``aws.ec2.get_route_table``: exactly one table.

    As ``dataSourceRouteTableRead`` of vpc_route_table_data_source.go. A subnet without a separate association is
    not found by ``subnetId``: the VPC's main table serves it, which only the filter ``association.main`` finds.
    """
    filters = [{"Name": name, "Values": [args[key]]} for key, name in _TABLE_FILTERS.items() if args.get(key)]
    filters += asked_filters(args)
    if not filters:
        raise ProviderError("one of route_table_id, vpc_id, subnet_id, gateway_id, filters, or tags must be assigned")
    tables = _tables(cloud, filters)
    if not tables:
        raise ProviderError("query returned no results. Please change your search criteria and try again")
    if len(tables) > 1:
        raise ProviderError(
            "multiple Route Tables matched; use additional constraints to reduce matches to a single Route Table"
        )
    [table] = tables
    return {
        "arn": cloud.arn("ec2", f"route-table/{table['RouteTableId']}"),
        "associations": [
            {**_members(each, _ASSOCIATION_MEMBERS), "main": each.get("Main", False)}
            for each in table.get("Associations") or []
        ],
        "filters": args.get("filters"),
        "gatewayId": args.get("gatewayId"),
        "id": table["RouteTableId"],
        "ownerId": table.get("OwnerId"),
        "region": cloud.region,
        "routeTableId": table["RouteTableId"],
        "routes": [_data_source_route(each) for each in table.get("Routes") or [] if not _hidden(each)],
        "subnetId": args.get("subnetId"),
        "tags": from_pairs(table.get("Tags")),
        "vpcId": table["VpcId"],
    }


def get_route_tables(cloud: Cloud, args: Properties) -> Properties:
    """``aws.ec2.get_route_tables``: the IDs of all tables that fit; none is no error.

    As ``dataSourceRouteTablesRead`` of vpc_route_tables_data_source.go.
    """
    vpc = [{"Name": "vpc-id", "Values": [args["vpcId"]]}] if args.get("vpcId") else []
    ids = [table["RouteTableId"] for table in _tables(cloud, [*vpc, *asked_filters(args)])]
    return {**list_answer(cloud, args), "ids": ids, "vpcId": args.get("vpcId")}


def _tables(cloud: Cloud, filters: list[Any]) -> list[Any]:
    pages = cloud.ec2.get_paginator("describe_route_tables").paginate(Filters=filters)
    return [table for page in pages for table in page["RouteTables"]]


def _hidden(route: Mapping[str, Any]) -> bool:
    """Whether ``dataSourceRoutesRead`` leaves a route out: the local one, and those that AWS itself adds."""
    gateway = route.get("GatewayId") or ""
    to_endpoint = route.get("DestinationPrefixListId") and gateway.startswith("vpce-")
    return gateway == "local" or route.get("Origin") == "EnableVgwRoutePropagation" or bool(to_endpoint)


def _data_source_route(route: Mapping[str, Any]) -> dict[str, Any]:
    values = _members(route, _ROUTE_MEMBERS)
    to_endpoint = values["gatewayId"].startswith("vpce-")
    return {
        **values,
        "gatewayId": "" if to_endpoint else values["gatewayId"],
        "vpcEndpointId": values["gatewayId"] if to_endpoint else "",
    }


def _members(answer: Mapping[str, Any], members: Mapping[str, str]) -> dict[str, Any]:
    """Members by the data source's names. What is absent is an empty string, as in Terraform's nested blocks."""
    return {name: answer.get(member) or "" for name, member in members.items()}


FUNCTIONS = [
    Function("aws:ec2/getRouteTable:getRouteTable", aws.ec2.get_route_table, get_route_table),
    Function("aws:ec2/getRouteTables:getRouteTables", aws.ec2.get_route_tables, get_route_tables),
]
