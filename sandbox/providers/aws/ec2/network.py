"""VPCs and subnets.

Imitates terraform-provider-aws internal/service/ec2/vpc_.go, vpc_subnet.go, vpc_subnet_data_source.go and
vpc_subnets_data_source.go, as of v6 (the base of pulumi-aws 7.51).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pulumi_aws as aws

from sandbox.providers.aws.ec2.common import Ec2Resource, asked_filters, listed
from sandbox.providers.aws.function import Function
from sandbox.providers.aws.resource import Properties
from sandbox.providers.aws.session import Cloud
from sandbox.providers.aws.validators import cidr
from sandbox.providers.rpc import ProviderError, State

_DNS = {"enableDnsSupport": "EnableDnsSupport", "enableDnsHostnames": "EnableDnsHostnames"}
_ON_LAUNCH = {
    "assignIpv6AddressOnCreation": "AssignIpv6AddressOnCreation",
    "mapPublicIpOnLaunch": "MapPublicIpOnLaunch",
}


class Vpc(Ec2Resource):
    """``aws.ec2.Vpc``. ID: ``vpc-...``."""

    resource = aws.ec2.Vpc
    thing, kind, gone = "Vpc", "vpc", ("InvalidVpcID.NotFound",)
    supported = frozenset(
        {
            "assignGeneratedIpv6CidrBlock",
            "cidrBlock",
            "enableDnsHostnames",
            "enableDnsSupport",
            "instanceTenancy",
            "tags",
        }
    )
    defaults = MappingProxyType({"enableDnsSupport": True, "instanceTenancy": "default"})
    computed = frozenset(
        {
            "enableDnsHostnames",
            "enableNetworkAddressUsageMetrics",
            "ipv6CidrBlock",
            "ipv6CidrBlockNetworkBorderGroup",
        }
    )
    # Stricter: upstream gives and takes an IPv6 network in place, which the emulated EC2 does not.
    replaces = frozenset({"assignGeneratedIpv6CidrBlock", "cidrBlock", "instanceTenancy"})
    validators = MappingProxyType({"cidrBlock": cidr})

    def create(self, cloud: Cloud, inputs: Properties) -> str:
        """Makes the VPC."""
        if not inputs.get("cidrBlock"):
            raise ProviderError("a VPC needs a cidrBlock")
        return super().create(cloud, inputs)

    def request(self, inputs: Properties) -> dict[str, Any]:
        """The VPC; whether it has an IPv6 network of Amazon's is always sent."""
        wanted = bool(inputs.get("assignGeneratedIpv6CidrBlock"))
        return {"AmazonProvidedIpv6CidrBlock": wanted, **super().request(inputs)}

    def complete(self, cloud: Cloud, resource_id: str, inputs: Properties) -> None:
        """Sets the DNS attributes, which only an existing VPC has, one a call."""
        for name, member in _DNS.items():
            if inputs.get(name) is not None:
                self._set(cloud, resource_id, member, inputs[name])

    def outputs(self, cloud: Cloud, old: State, thing: Any) -> dict[str, Any]:
        """The VPC with the things that come with it."""
        ec2, of_vpc = cloud.ec2, {"Name": "vpc-id", "Values": [old.id]}

        def default(of_kind: Any, name: str, value: str, member: str) -> str | None:
            things = of_kind(Filters=[of_vpc, {"Name": name, "Values": [value]}])
            [(_, found)] = [pair for pair in things.items() if isinstance(pair[1], list)]
            return found[0][member] if found else None

        table = default(ec2.describe_route_tables, "association.main", "true", "RouteTableId")
        ipv6: Any = next(iter(thing.get("Ipv6CidrBlockAssociationSet") or []), {})
        return {
            "assignGeneratedIpv6CidrBlock": ipv6.get("Ipv6Pool") == "Amazon",
            "cidrBlock": thing["CidrBlock"],
            "defaultNetworkAclId": default(ec2.describe_network_acls, "default", "true", "NetworkAclId"),
            "defaultRouteTableId": table,
            "defaultSecurityGroupId": default(ec2.describe_security_groups, "group-name", "default", "GroupId"),
            "dhcpOptionsId": thing.get("DhcpOptionsId"),
            **{name: self._attribute(cloud, old.id, name, member) for name, member in _DNS.items()},
            "instanceTenancy": thing.get("InstanceTenancy", "default"),
            "ipv6AssociationId": ipv6.get("AssociationId"),
            "ipv6CidrBlock": ipv6.get("Ipv6CidrBlock"),
            "mainRouteTableId": table,
            "ownerId": thing.get("OwnerId"),
        }

    def update(self, cloud: Cloud, old: State, inputs: Properties, changed: frozenset[str]) -> None:
        """Sets the DNS attributes."""
        self.complete(cloud, old.id, {name: value for name, value in inputs.items() if name in changed})

    @staticmethod
    def _attribute(cloud: Cloud, vpc_id: str, name: Any, member: str) -> bool:
        answer: Any = cloud.ec2.describe_vpc_attribute(VpcId=vpc_id, Attribute=name)
        return bool(answer[member]["Value"])

    @staticmethod
    def _set(cloud: Cloud, vpc_id: str, member: str, value: bool) -> None:
        request: dict[str, Any] = {"VpcId": vpc_id, member: {"Value": value}}
        cloud.ec2.modify_vpc_attribute(**request)


class Subnet(Ec2Resource):
    """``aws.ec2.Subnet``. ID: ``subnet-...``."""

    resource = aws.ec2.Subnet
    thing, kind, gone = "Subnet", "subnet", ("InvalidSubnetID.NotFound",)
    supported = frozenset({*_ON_LAUNCH, "availabilityZone", "cidrBlock", "ipv6CidrBlock", "tags", "vpcId"})
    defaults = MappingProxyType(dict.fromkeys(_ON_LAUNCH, False))
    computed = frozenset({"availabilityZone", "availabilityZoneId", "ipv6CidrBlock"})
    # Stricter: upstream changes the IPv6 network of some subnets in place.
    replaces = frozenset({"availabilityZone", "cidrBlock", "ipv6CidrBlock", "vpcId"})
    validators = MappingProxyType({"cidrBlock": cidr, "ipv6CidrBlock": cidr})

    def complete(self, cloud: Cloud, resource_id: str, inputs: Properties) -> None:
        """Sets what only an existing subnet has, one a call."""
        self._set(cloud, resource_id, {name: True for name in _ON_LAUNCH if inputs[name]})

    def outputs(self, cloud: Cloud, old: State, thing: Any) -> dict[str, Any]:
        """The subnet."""
        ipv6: Any = next(iter(thing.get("Ipv6CidrBlockAssociationSet") or []), {})
        return {
            "availabilityZone": thing["AvailabilityZone"],
            "availabilityZoneId": thing.get("AvailabilityZoneId"),
            "cidrBlock": thing["CidrBlock"],
            "ipv6CidrBlock": ipv6.get("Ipv6CidrBlock"),
            "ipv6CidrBlockAssociationId": ipv6.get("AssociationId"),
            **{name: thing.get(member, False) for name, member in _ON_LAUNCH.items()},
            "ownerId": thing.get("OwnerId"),
            "vpcId": thing["VpcId"],
        }

    def update(self, cloud: Cloud, old: State, inputs: Properties, changed: frozenset[str]) -> None:
        """Sets which addresses instances get."""
        self._set(cloud, old.id, {name: bool(inputs[name]) for name in _ON_LAUNCH.keys() & changed})

    @staticmethod
    def _set(cloud: Cloud, subnet_id: str, values: Mapping[str, bool]) -> None:
        for name, value in values.items():
            request: dict[str, Any] = {"SubnetId": subnet_id, _ON_LAUNCH[name]: {"Value": value}}
            cloud.ec2.modify_subnet_attribute(**request)


def get_subnet(cloud: Cloud, args: Properties) -> Properties:
    """``aws.ec2.get_subnet`` by ID, as ``dataSourceSubnetRead`` of vpc_subnet_data_source.go."""
    outputs = Subnet().read(cloud, State(args["id"], {}))
    if outputs is None:
        raise ProviderError("no matching EC2 Subnet found")
    return {**outputs, "id": args["id"], "region": cloud.region}


def get_subnets(cloud: Cloud, args: Properties) -> Properties:
    """``aws.ec2.get_subnets``: the IDs of all subnets that fit; none is no error.

    As ``dataSourceSubnetsRead`` of vpc_subnets_data_source.go.
    """
    pages = cloud.ec2.get_paginator("describe_subnets").paginate(Filters=asked_filters(args))
    return listed(cloud, args, [subnet["SubnetId"] for page in pages for subnet in page["Subnets"]])


FUNCTIONS = [
    Function("aws:ec2/getSubnet:getSubnet", aws.ec2.get_subnet, get_subnet, required=frozenset({"id"})),
    Function("aws:ec2/getSubnets:getSubnets", aws.ec2.get_subnets, get_subnets, frozenset({"filters"})),
]
