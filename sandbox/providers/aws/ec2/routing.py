"""Route tables and which subnets they serve.

Imitates terraform-provider-aws internal/service/ec2/vpc_route_table.go, vpc_route_table_association.go,
vpc_route_table_data_source.go and vpc_route_tables_data_source.go, as of v6 (the base of pulumi-aws 7.51).
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import pulumi_aws as aws

from sandbox.providers.aws.ec2.common import Ec2Resource, asked_filters, listed
from sandbox.providers.aws.function import Function
from sandbox.providers.aws.resource import Properties, split_id
from sandbox.providers.aws.session import Cloud, found
from sandbox.providers.aws.tags import from_pairs
from sandbox.providers.aws.validators import cidr
from sandbox.providers.rpc import Failure, ProviderError, State

_TARGETS = {
    "egressOnlyGatewayId": "EgressOnlyInternetGatewayId",
    "gatewayId": "GatewayId",
    "natGatewayId": "NatGatewayId",
}
_DESTINATIONS = {"cidrBlock": "DestinationCidrBlock", "ipv6CidrBlock": "DestinationIpv6CidrBlock"}
_ROUTE = {**_DESTINATIONS, **_TARGETS}


class RouteTable(Ec2Resource):
    """``aws.ec2.RouteTable`` with its routes to gateways. ID: ``rtb-...``."""

    resource = aws.ec2.RouteTable
    thing, kind, gone = "RouteTable", "route-table", ("InvalidRouteTableID.NotFound",)
    supported = frozenset({"routes", "tags", "vpcId"})
    computed = frozenset({"propagatingVgws", "routes"})
    replaces = frozenset({"vpcId"})
    validators = MappingProxyType({"routes.cidrBlock": cidr, "routes.ipv6CidrBlock": cidr})

    def check(self, inputs: Properties) -> Iterator[Failure]:
        """A route has one network and one target (``validNestedExactlyOneOf`` of vpc_route_table.go)."""
        routes = inputs.get("routes")
        for index, route in enumerate(routes if isinstance(routes, list) else ()):
            given = {name for name, value in route.items() if value is not None}
            halves = (len(given & _DESTINATIONS.keys()), len(given & _TARGETS.keys()))
            if halves != (1, 1) or given - _ROUTE.keys():
                known = f"one of {', '.join(_DESTINATIONS)} and one of {', '.join(_TARGETS)}"
                expected = f"{known}: the sandbox's stand-in knows no others"
                yield Failure(f"routes[{index}]", f"has {', '.join(sorted(given))}, expected {expected}")

    def complete(self, cloud: Cloud, resource_id: str, inputs: Properties) -> None:
        """Adds the routes."""
        self._set_routes(cloud, resource_id, [], inputs.get("routes") or [])

    def outputs(self, cloud: Cloud, old: State, thing: Any) -> dict[str, Any]:
        """The table, without the routes that AWS and VPC endpoints made (``flattenRoutes`` of vpc_route_table.go)."""
        own = [
            each
            for each in thing.get("Routes") or []
            if each.get("Origin") == "CreateRoute" and not each.get("DestinationPrefixListId")
        ]
        return {
            "ownerId": thing.get("OwnerId"),
            "propagatingVgws": [each["GatewayId"] for each in thing.get("PropagatingVgws") or []],
            "routes": [{name: each[member] for name, member in _ROUTE.items() if each.get(member)} for each in own],
            "vpcId": thing["VpcId"],
        }

    def update(self, cloud: Cloud, old: State, inputs: Properties, changed: frozenset[str]) -> None:
        """Adds, replaces and removes routes."""
        self._set_routes(cloud, old.id, old.outputs.get("routes") or [], inputs.get("routes") or [])

    def delete(self, cloud: Cloud, old: State) -> None:
        """Removes the table and its associations."""
        for association in (self.describe(cloud, old.id) or {}).get("Associations") or []:
            cloud.ec2.disassociate_route_table(AssociationId=association["RouteTableAssociationId"])
        super().delete(cloud, old)

    @staticmethod
    def _set_routes(cloud: Cloud, table: str, present: list[Any], wanted: list[Any]) -> None:
        before = {_part(_DESTINATIONS, each): _part(_TARGETS, each) for each in present}
        after = {_part(_DESTINATIONS, each): _part(_TARGETS, each) for each in wanted}
        for destination, target in after.items():
            request: dict[str, Any] = {"RouteTableId": table, **dict((destination, target))}
            if destination not in before:
                cloud.ec2.create_route(**request)
            elif before[destination] != target:
                cloud.ec2.replace_route(**request)
        for destination in before.keys() - after.keys():
            former: dict[str, Any] = {"RouteTableId": table, **dict((destination,))}
            found(functools.partial(cloud.ec2.delete_route, **former), "InvalidRoute.NotFound")


def _part(members: Mapping[str, str], route: Mapping[str, Any]) -> tuple[str, str]:
    """The one member of a request that is the destination of a route, or its target."""
    return next((member, route[name]) for name, member in members.items() if route.get(name))


class RouteTableAssociation(Ec2Resource):
    """``aws.ec2.RouteTableAssociation`` of a subnet. ID: ``rtbassoc-...``; an import takes ``<subnet>/<table>``."""

    resource = aws.ec2.RouteTableAssociation
    thing, kind, gone = "RouteTable", "route-table", RouteTable.gone
    supported = frozenset({"routeTableId", "subnetId"})
    replaces = frozenset({"subnetId"})

    def create(self, cloud: Cloud, inputs: Properties) -> str:
        """Lets the table serve the subnet."""
        request = {"RouteTableId": inputs["routeTableId"], "SubnetId": inputs["subnetId"]}
        return cloud.ec2.associate_route_table(**request)["AssociationId"]

    def read(self, cloud: Cloud, old: State) -> dict[str, Any] | None:
        """The association, by its two halves: its own ID changes when another table takes over."""
        subnet, table = self._halves(old)
        for association in (self.describe(cloud, table) or {}).get("Associations") or []:
            if association.get("SubnetId") == subnet:
                return self.outputs(cloud, old, association) | {"routeTableId": table}
        return None

    def outputs(self, cloud: Cloud, old: State, thing: Any) -> dict[str, Any]:
        """The association, without its table."""
        return {"id": thing["RouteTableAssociationId"], "subnetId": thing["SubnetId"]}

    def update(self, cloud: Cloud, old: State, inputs: Properties, changed: frozenset[str]) -> None:
        """Lets another table take over."""
        live = self.read(cloud, old)
        if live is None:
            raise ProviderError(f"route table association {old.id} does not exist any more; run `pulumi refresh`")
        cloud.ec2.replace_route_table_association(AssociationId=live["id"], RouteTableId=inputs["routeTableId"])

    def delete(self, cloud: Cloud, old: State) -> None:
        """Ends the association."""
        if live := self.read(cloud, old):
            request = {"AssociationId": live["id"]}
            found(lambda: cloud.ec2.disassociate_route_table(**request), "InvalidAssociationID.NotFound")

    @staticmethod
    def _halves(old: State) -> tuple[str, str]:
        if old.outputs.get("routeTableId"):
            return old.outputs["subnetId"], old.outputs["routeTableId"]
        subnet, table = split_id(old.id, "/", "subnet ID", "route table ID")
        return subnet, table


def get_route_table(cloud: Cloud, args: Properties) -> Properties:
    """``aws.ec2.get_route_table`` by ID, as ``dataSourceRouteTableRead`` of vpc_route_table_data_source.go.

    Of routes and associations it has the members that the stand-in's tables can have. What is absent is an empty
    string, as in Terraform's nested blocks. The local route and those of VPC endpoints are left out
    (``dataSourceRoutesRead``).
    """
    kind, table_id = RouteTable(), args["routeTableId"]
    table = kind.describe(cloud, table_id)
    if table is None:
        raise ProviderError("query returned no results. Please change your search criteria and try again")
    routes = [
        each
        for each in table.get("Routes") or []
        if each.get("GatewayId") != "local" and not each.get("DestinationPrefixListId")
    ]
    return {
        "arn": cloud.arn("ec2", f"{kind.kind}/{table_id}"),
        "associations": [
            {"main": each.get("Main", False), "routeTableId": table_id, "subnetId": each.get("SubnetId") or ""}
            for each in table.get("Associations") or []
        ],
        "id": table_id,
        "region": cloud.region,
        "routeTableId": table_id,
        "routes": [{name: each.get(member) or "" for name, member in _ROUTE.items()} for each in routes],
        "tags": from_pairs(table.get("Tags")),
        "vpcId": table["VpcId"],
    }


def get_route_tables(cloud: Cloud, args: Properties) -> Properties:
    """``aws.ec2.get_route_tables``: the IDs of all tables that fit; none is no error.

    As ``dataSourceRouteTablesRead`` of vpc_route_tables_data_source.go.
    """
    of_vpc: list[Any] = [{"Name": "vpc-id", "Values": [args["vpcId"]]}] if args.get("vpcId") else []
    pages = cloud.ec2.get_paginator("describe_route_tables").paginate(Filters=[*of_vpc, *asked_filters(args)])
    ids = [table["RouteTableId"] for page in pages for table in page["RouteTables"]]
    return {**listed(cloud, args, ids), "vpcId": args.get("vpcId")}


FUNCTIONS = [
    Function(
        "aws:ec2/getRouteTable:getRouteTable",
        aws.ec2.get_route_table,
        get_route_table,
        required=frozenset({"routeTableId"}),
    ),
    Function(
        "aws:ec2/getRouteTables:getRouteTables",
        aws.ec2.get_route_tables,
        get_route_tables,
        frozenset({"filters", "vpcId"}),
    ),
]
