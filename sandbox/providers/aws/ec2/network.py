"""VPCs and subnets.

Imitates terraform-provider-aws internal/service/ec2/vpc_.go, vpc_subnet.go, vpc_subnet_data_source.go and
vpc_subnets_data_source.go, as of v6 (the base of pulumi-aws 7.51).
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import pulumi_aws as aws

from sandbox.providers.aws.ec2.common import (
    Ec2Resource,
    asked_filters,
    delete_when_unused,
    list_answer,
    tag_specifications,
    the_only,
)
from sandbox.providers.aws.function import Function
from sandbox.providers.aws.resource import Properties
from sandbox.providers.aws.session import Cloud, found
from sandbox.providers.aws.tags import from_pairs
from sandbox.providers.aws.validators import cidr
from sandbox.providers.rpc import ProviderError, State

_NO_VPC = "InvalidVpcID.NotFound"
_NO_SUBNET = "InvalidSubnetID.NotFound"


class Vpc(Ec2Resource):
    """``aws.ec2.Vpc``. ID: ``vpc-...``."""

    resource = aws.ec2.Vpc
    defaults = MappingProxyType({"enableDnsSupport": True, "instanceTenancy": "default"})
    computed = frozenset({"enableDnsHostnames", "enableNetworkAddressUsageMetrics"})
    replaces = frozenset({"cidrBlock", "instanceTenancy"})
    validators = MappingProxyType({"cidrBlock": cidr})
    unsupported = frozenset(
        {
            "assignGeneratedIpv6CidrBlock",
            "enableNetworkAddressUsageMetrics",
            "ipv4IpamPoolId",
            "ipv4NetmaskLength",
            "ipv6CidrBlock",
            "ipv6CidrBlockNetworkBorderGroup",
            "ipv6IpamPoolId",
            "ipv6NetmaskLength",
        }
    )

    def create(self, cloud: Cloud, inputs: Properties) -> str:
        """Makes the VPC."""
        if not inputs.get("cidrBlock"):
            raise ProviderError("a VPC needs a cidrBlock")
        answer = cloud.ec2.create_vpc(
            CidrBlock=inputs["cidrBlock"],
            InstanceTenancy=inputs["instanceTenancy"],
            TagSpecifications=tag_specifications("vpc", inputs["tags"]),
        )
        return answer["Vpc"]["VpcId"]

    def complete(self, cloud: Cloud, resource_id: str, inputs: Properties) -> None:
        """Sets the DNS attributes, which only an existing VPC has."""
        self._set_dns(cloud, resource_id, inputs)

    def read(self, cloud: Cloud, old: State) -> dict[str, Any] | None:
        """The VPC with the things that come with it."""
        answer = found(lambda: cloud.ec2.describe_vpcs(VpcIds=[old.id]), _NO_VPC)
        if not answer or not answer["Vpcs"]:
            return None
        vpc, ec2 = answer["Vpcs"][0], cloud.ec2
        of_vpc: Any = [{"Name": "vpc-id", "Values": [old.id]}]
        main = ec2.describe_route_tables(Filters=[*of_vpc, {"Name": "association.main", "Values": ["true"]}])
        default_group = ec2.describe_security_groups(Filters=[*of_vpc, {"Name": "group-name", "Values": ["default"]}])
        default_acl = ec2.describe_network_acls(Filters=[*of_vpc, {"Name": "default", "Values": ["true"]}])
        tables = [each["RouteTableId"] for each in main["RouteTables"]]
        return {
            "arn": cloud.arn("ec2", f"vpc/{old.id}"),
            "cidrBlock": vpc["CidrBlock"],
            "defaultNetworkAclId": _first([each["NetworkAclId"] for each in default_acl["NetworkAcls"]]),
            "defaultRouteTableId": _first(tables),
            "defaultSecurityGroupId": _first([each["GroupId"] for each in default_group["SecurityGroups"]]),
            "dhcpOptionsId": vpc.get("DhcpOptionsId"),
            "enableDnsHostnames": self._attribute(cloud, old.id, "enableDnsHostnames", "EnableDnsHostnames"),
            "enableDnsSupport": self._attribute(cloud, old.id, "enableDnsSupport", "EnableDnsSupport"),
            "instanceTenancy": vpc.get("InstanceTenancy", "default"),
            "mainRouteTableId": _first(tables),
            "ownerId": vpc.get("OwnerId"),
            "tags": from_pairs(vpc.get("Tags")),
        }

    def update(self, cloud: Cloud, old: State, inputs: Properties, changed: frozenset[str]) -> None:
        """Sets the DNS attributes."""
        self._set_dns(cloud, old.id, {name: value for name, value in inputs.items() if name in changed})

    def delete(self, cloud: Cloud, old: State) -> None:
        """Removes the VPC."""
        delete_when_unused(cloud, lambda: cloud.ec2.delete_vpc(VpcId=old.id), f"VPC {old.id}", _NO_VPC)

    @staticmethod
    def _attribute(cloud: Cloud, vpc_id: str, name: Any, member: str) -> bool:
        answer: Any = cloud.ec2.describe_vpc_attribute(VpcId=vpc_id, Attribute=name)
        return bool(answer[member]["Value"])

    @staticmethod
    def _set_dns(cloud: Cloud, vpc_id: str, inputs: Properties) -> None:
        if inputs.get("enableDnsSupport") is not None:
            cloud.ec2.modify_vpc_attribute(VpcId=vpc_id, EnableDnsSupport={"Value": inputs["enableDnsSupport"]})
        if inputs.get("enableDnsHostnames") is not None:
            cloud.ec2.modify_vpc_attribute(VpcId=vpc_id, EnableDnsHostnames={"Value": inputs["enableDnsHostnames"]})


class Subnet(Ec2Resource):
    """``aws.ec2.Subnet``. ID: ``subnet-...``."""

    resource = aws.ec2.Subnet
    defaults = MappingProxyType({"mapPublicIpOnLaunch": False})
    computed = frozenset({"availabilityZone", "availabilityZoneId"})
    replaces = frozenset({"availabilityZone", "availabilityZoneId", "cidrBlock", "vpcId"})
    validators = MappingProxyType({"cidrBlock": cidr})
    unsupported = frozenset(
        {
            "assignIpv6AddressOnCreation",
            "customerOwnedIpv4Pool",
            "enableDns64",
            "enableLniAtDeviceIndex",
            "enableResourceNameDnsARecordOnLaunch",
            "enableResourceNameDnsAaaaRecordOnLaunch",
            "ipv4IpamPoolId",
            "ipv4NetmaskLength",
            "ipv6CidrBlock",
            "ipv6IpamPoolId",
            "ipv6Native",
            "ipv6NetmaskLength",
            "mapCustomerOwnedIpOnLaunch",
            "outpostArn",
            "privateDnsHostnameTypeOnLaunch",
        }
    )

    def create(self, cloud: Cloud, inputs: Properties) -> str:
        """Makes the subnet."""
        request: dict[str, Any] = {
            "VpcId": inputs["vpcId"],
            "TagSpecifications": tag_specifications("subnet", inputs["tags"]),
        }
        optional = {
            "cidrBlock": "CidrBlock",
            "availabilityZone": "AvailabilityZone",
            "availabilityZoneId": "AvailabilityZoneId",
        }
        request |= {member: inputs[name] for name, member in optional.items() if inputs.get(name)}
        return cloud.ec2.create_subnet(**request)["Subnet"]["SubnetId"]

    def complete(self, cloud: Cloud, resource_id: str, inputs: Properties) -> None:
        """Sets what only an existing subnet has."""
        if inputs["mapPublicIpOnLaunch"]:
            self._map_public_ip(cloud, resource_id, True)

    def read(self, cloud: Cloud, old: State) -> dict[str, Any] | None:
        """The subnet."""
        answer = found(lambda: cloud.ec2.describe_subnets(SubnetIds=[old.id]), _NO_SUBNET)
        return _subnet(cloud, answer["Subnets"][0]) if answer and answer["Subnets"] else None

    def update(self, cloud: Cloud, old: State, inputs: Properties, changed: frozenset[str]) -> None:
        """Sets whether instances get public addresses."""
        self._map_public_ip(cloud, old.id, bool(inputs["mapPublicIpOnLaunch"]))

    def delete(self, cloud: Cloud, old: State) -> None:
        """Removes the subnet."""
        delete_when_unused(cloud, lambda: cloud.ec2.delete_subnet(SubnetId=old.id), f"subnet {old.id}", _NO_SUBNET)

    @staticmethod
    def _map_public_ip(cloud: Cloud, subnet_id: str, value: bool) -> None:
        cloud.ec2.modify_subnet_attribute(SubnetId=subnet_id, MapPublicIpOnLaunch={"Value": value})


def _subnet(cloud: Cloud, subnet: Any) -> dict[str, Any]:
    return {
        "arn": subnet.get("SubnetArn") or cloud.arn("ec2", f"subnet/{subnet['SubnetId']}"),
        "availabilityZone": subnet["AvailabilityZone"],
        "availabilityZoneId": subnet.get("AvailabilityZoneId"),
        "cidrBlock": subnet["CidrBlock"],
        "mapPublicIpOnLaunch": subnet.get("MapPublicIpOnLaunch", False),
        "ownerId": subnet.get("OwnerId"),
        "tags": from_pairs(subnet.get("Tags")),
        "vpcId": subnet["VpcId"],
    }


def _first(values: list[str]) -> str | None:
    return values[0] if values else None


def get_subnet(cloud: Cloud, args: Properties) -> Properties:
    """``aws.ec2.get_subnet``: exactly one subnet, by ID, filters, tags and properties.

    As ``dataSourceSubnetRead`` of vpc_subnet_data_source.go.
    """
    named = {
        "availabilityZone": "availabilityZone",
        "availabilityZoneId": "availabilityZoneId",
        "cidrBlock": "cidrBlock",
        "state": "state",
        "vpcId": "vpc-id",
    }
    filters: list[Any] = [{"Name": name, "Values": [args[key]]} for key, name in named.items() if args.get(key)]
    if args.get("defaultForAz") is not None:
        filters.append({"Name": "defaultForAz", "Values": [str(args["defaultForAz"]).lower()]})
    filters += asked_filters(args)
    ids = [args["id"]] if args.get("id") else []
    answer = found(lambda: cloud.ec2.describe_subnets(SubnetIds=ids, Filters=filters), _NO_SUBNET)
    subnet = the_only(answer["Subnets"] if answer else [], "EC2 Subnet")
    return {
        **_subnet(cloud, subnet),
        "availableIpAddressCount": subnet["AvailableIpAddressCount"],
        "defaultForAz": subnet["DefaultForAz"],
        "filters": args.get("filters"),
        "id": subnet["SubnetId"],
        "region": cloud.region,
        "state": subnet["State"],
    }


def get_subnets(cloud: Cloud, args: Properties) -> Properties:
    """``aws.ec2.get_subnets``: the IDs of all subnets that fit; none is no error.

    As ``dataSourceSubnetsRead`` of vpc_subnets_data_source.go.
    """
    pages = cloud.ec2.get_paginator("describe_subnets").paginate(Filters=asked_filters(args))
    ids = [subnet["SubnetId"] for page in pages for subnet in page["Subnets"]]
    return {**list_answer(cloud, args), "ids": ids}


FUNCTIONS = [
    Function("aws:ec2/getSubnet:getSubnet", aws.ec2.get_subnet, get_subnet),
    Function("aws:ec2/getSubnets:getSubnets", aws.ec2.get_subnets, get_subnets),
]
