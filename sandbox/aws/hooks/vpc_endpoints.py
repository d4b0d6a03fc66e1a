"""VPC endpoints: ministack makes any that it is asked for, without the interfaces and routes that EC2 makes with them.

Refusals have the codes of the EC2 API reference ("Error codes") and EC2's words where a public report quotes them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from ministack.services import ec2

from sandbox.aws.errors import ApiError
from sandbox.aws.hooking import Hook
from sandbox.aws.query_protocol import EC2, Params, Response, is_true, parse

Endpoint = dict[str, Any]

GATEWAY, INTERFACE = "Gateway", "Interface"

_OFFERED = {
    **dict.fromkeys(("dynamodb", "s3"), (GATEWAY, INTERFACE)),
    **dict.fromkeys(
        ("autoscaling", "ec2", "ecr.api", "ecr.dkr", "eks", "eks-auth", "email-smtp", "logs", "sts"), (INTERFACE,)
    ),
}
"""Services with their types ("AWS services that integrate with AWS PrivateLink" of the PrivateLink guide)."""

_ZONES_WITHOUT = {"email-smtp": "a"}
"""Last letters of the zones without a service (terraform-aws-modules/terraform-aws-vpc#462)."""

_FULL_ACCESS = {
    "Version": "2008-10-17",
    "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}],
}
"""The policy of an endpoint for which none is given."""

_SERVICE_FILTERS = ("service-name", "service-type")


def describe_services(params: Params) -> Params:
    """DescribeVpcEndpointServices by name, and by the filters that the AWS provider sends."""
    names = params.get("ServiceName", [])
    for name in names:
        _service(name)
    wanted = {each["Name"]: each.get("Value", []) for each in params.get("Filter", [])}
    if unknown := wanted.keys() - set(_SERVICE_FILTERS):
        raise ApiError("InvalidFilter", f"The filter '{min(unknown)}' is invalid")
    found = [
        _details(service, kind)
        for service, kinds in _OFFERED.items()
        for kind in kinds
        if (not names or _name(service) in names)
        and _name(service) in wanted.get("service-name", [_name(service)])
        and kind in wanted.get("service-type", [kind])
    ]
    return {"serviceNameSet": sorted({each["serviceName"] for each in found}), "serviceDetailSet": found}


def _name(service: str) -> str:
    return f"com.amazonaws.{ec2.get_region()}.{service}"


def _service(name: str) -> str:
    """The service of a name that AWS offers (words: awslabs/landing-zone-accelerator-on-aws#1010)."""
    for service in _OFFERED:
        if _name(service) == name:
            return service
    raise ApiError("InvalidServiceName", f"The Vpc Endpoint Service '{name}' does not exist")


def _zones(service: str) -> list[str]:
    return [f"{ec2.get_region()}{letter}" for letter in "abc" if letter not in _ZONES_WITHOUT.get(service, "")]


def _private_name(service: str) -> str:
    return f"{'.'.join(reversed(service.split('.')))}.{ec2.get_region()}.amazonaws.com"


def _details(service: str, kind: str) -> Params:
    return {
        "serviceName": _name(service),
        "serviceId": f"vpce-svc-{service.encode().hex():0<17.17}",
        "serviceType": [{"serviceType": kind}],
        "availabilityZoneSet": _zones(service),
        "owner": "amazon",
        "baseEndpointDnsNameSet": [f"{service}.{ec2.get_region()}.vpce.amazonaws.com"],
        "privateDnsName": _private_name(service) if kind == INTERFACE else None,
        "vpcEndpointPolicySupported": True,
        "acceptanceRequired": False,
        "managesVpcEndpoints": False,
        "supportedIpAddressTypeSet": ["ipv4"],
    }


def create(params: Params) -> Params:
    """CreateVpcEndpoint."""
    vpc, service = params.get("VpcId", ""), _service(params.get("ServiceName", ""))
    if vpc not in ec2._vpcs:
        raise ApiError("InvalidVpcId.NotFound", f"The Vpc Id {vpc} does not exist")
    kind = params.get("VpcEndpointType", GATEWAY)
    if kind not in _OFFERED[service]:
        raise ApiError(
            "InvalidParameter", f"The VPC endpoint service {_name(service)} does not support the type {kind}"
        )
    endpoint: Endpoint = {
        "VpcEndpointId": f"vpce-{ec2.new_uuid().replace('-', '')[:17]}",
        "VpcEndpointType": kind,
        "VpcId": vpc,
        "ServiceName": _name(service),
        "State": "available",
        "OwnerId": ec2.get_account_id(),
        "PrivateDnsEnabled": is_true(params, "PrivateDnsEnabled"),
        "RouteTableIds": [],
        "SubnetIds": [],
        "Groups": [],
        "Interfaces": {},
    }
    _check_private_dns(endpoint, service)
    added = {name: params.get(f"{name}Id", []) for name in ("RouteTable", "Subnet", "SecurityGroup")}
    if kind == INTERFACE and added["Subnet"] and not added["SecurityGroup"]:
        added["SecurityGroup"] = [ec2._vpcs[vpc]["DefaultSecurityGroupId"]]
    _change(endpoint, added, {})
    ec2._vpc_endpoints[endpoint["VpcEndpointId"]] = endpoint
    tags = [each.get("Tag", []) for each in params.get("TagSpecification", [])]
    ec2._tags[endpoint["VpcEndpointId"]] = [tag for each in tags for tag in each]
    return {"vpcEndpoint": _view(endpoint)}


def _check_private_dns(endpoint: Endpoint, service: str) -> None:
    if not endpoint["PrivateDnsEnabled"]:
        return
    vpc = ec2._vpcs[endpoint["VpcId"]]
    if endpoint["VpcEndpointType"] == GATEWAY:
        raise ApiError("InvalidParameter", "Private DNS can only be enabled for interface endpoints")
    if not (vpc.get("EnableDnsSupport", True) and vpc.get("EnableDnsHostnames", False)):
        raise ApiError(
            "InvalidParameter",
            "Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC attributes set to true "
            f"for {endpoint['VpcId']}",
        )
    same = [each for each in _of(VpcId=endpoint["VpcId"], ServiceName=endpoint["ServiceName"]) if each is not endpoint]
    if any(each["PrivateDnsEnabled"] for each in same):
        raise ApiError(
            "InvalidParameter",
            f"private-dns-enabled cannot be set because there is already a conflicting DNS domain for "
            f"{_private_name(service)} in the VPC {endpoint['VpcId']}",
        )


def _of(**members: str) -> Iterator[Endpoint]:
    return (each for each in ec2._vpc_endpoints.values() if members.items() <= each.items())


def _change(endpoint: Endpoint, added: Mapping[str, list[str]], removed: Mapping[str, list[str]]) -> None:
    """Check every addition, then add and remove route tables, subnets and security groups."""
    tables, subnets, groups = (added.get(name, []) for name in ("RouteTable", "Subnet", "SecurityGroup"))
    if endpoint["VpcEndpointType"] == GATEWAY and (subnets or groups):
        raise ApiError("InvalidParameter", "Subnets and security groups belong to interface endpoints")
    if endpoint["VpcEndpointType"] == INTERFACE and tables:
        raise ApiError("InvalidParameter", "Route tables belong to gateway endpoints")
    left = [one for one in endpoint["SubnetIds"] if one not in removed.get("Subnet", [])]
    _check_inside(endpoint, ec2._route_tables, "InvalidRouteTableId.NotFound", tables)
    _check_inside(endpoint, ec2._security_groups, "InvalidSecurityGroupId.NotFound", groups)
    _check_inside(endpoint, ec2._subnets, "InvalidSubnetId.NotFound", subnets)
    _check_zones(endpoint, [*left, *subnets], subnets)
    for table in tables:
        _add_route(endpoint, table)
    for table in removed.get("RouteTable", []):
        _remove_route(endpoint, table)
    gone = removed.get("SecurityGroup", [])
    endpoint["Groups"] = [*(one for one in endpoint["Groups"] if one not in gone), *groups]
    for subnet in subnets:
        endpoint["Interfaces"][subnet] = _interface(endpoint, subnet)
    for subnet in removed.get("Subnet", []):
        ec2._network_interfaces.pop(endpoint["Interfaces"].pop(subnet, ""), None)
    endpoint["SubnetIds"] = [*left, *subnets]


def _check_inside(endpoint: Endpoint, things: Mapping[str, Any], code: str, ids: Iterable[str]) -> None:
    for one in ids:
        if one not in things:
            raise ApiError(code, f"The ID '{one}' does not exist")
        if things[one]["VpcId"] != endpoint["VpcId"]:
            raise ApiError("InvalidParameter", f"{one} does not belong to VPC {endpoint['VpcId']}")


def _check_zones(endpoint: Endpoint, subnets: list[str], added: list[str]) -> None:
    """One subnet a zone, and only zones that have the service.

    Words: terraform-aws-modules/terraform-aws-vpc#583 and #785.
    """
    zones = [ec2._subnets[one]["AvailabilityZone"] for one in subnets]
    for subnet in added:
        zone = ec2._subnets[subnet]["AvailabilityZone"]
        if zone not in _zones(_service(endpoint["ServiceName"])):
            raise ApiError(
                "InvalidParameter",
                f"The VPC endpoint service {endpoint['ServiceName']} does not support the availability zone of the "
                f"subnet: {subnet}.",
            )
        if zones.count(zone) > 1:
            raise ApiError(
                "DuplicateSubnetsInSameZone",
                f"Found another VPC endpoint subnet in the availability zone of {subnet}. VPC endpoint subnets should "
                "be in different availability zones supported by the VPC endpoint service.",
            )


def _add_route(endpoint: Endpoint, table: str) -> None:
    (prefixes,) = (
        each["PrefixListId"]
        for each in ec2._get_aws_managed_prefix_lists()
        if each["PrefixListName"] == endpoint["ServiceName"]
    )
    routes = ec2._route_tables[table]["Routes"]
    if any(route.get("DestinationPrefixListId") == prefixes for route in routes):
        raise ApiError(
            "RouteAlreadyExists",
            f"route table {table} already has a route with destination-prefix-list-id {prefixes}",
        )
    target = {"DestinationPrefixListId": prefixes, "GatewayId": endpoint["VpcEndpointId"]}
    routes.append({**target, "State": "active", "Origin": "CreateRoute"})
    endpoint["RouteTableIds"].append(table)


def _remove_route(endpoint: Endpoint, table: str) -> None:
    endpoint["RouteTableIds"].remove(table)
    if table in ec2._route_tables:
        kept = [
            each for each in ec2._route_tables[table]["Routes"] if each.get("GatewayId") != endpoint["VpcEndpointId"]
        ]
        ec2._route_tables[table]["Routes"] = kept


def _interface(endpoint: Endpoint, subnet: str) -> str:
    """Make the network interface of an endpoint in a subnet; return its ID."""
    before = set(ec2._network_interfaces)
    ec2._create_network_interface({"SubnetId": subnet})
    (made,) = set(ec2._network_interfaces) - before
    groups = [{"GroupId": one, "GroupName": ec2._security_groups[one]["GroupName"]} for one in endpoint["Groups"]]
    ec2._network_interfaces[made] |= {
        "Description": f"VPC Endpoint Interface {endpoint['VpcEndpointId']}",
        "Status": "in-use",
        "InterfaceType": "vpc_endpoint",
        "Groups": groups,
    }
    return str(made)


def _find(endpoint_id: str) -> Endpoint:
    if endpoint_id not in ec2._vpc_endpoints:
        raise ApiError("InvalidVpcEndpointId.NotFound", f"The Vpc Endpoint Id '{endpoint_id}' does not exist")
    found: Endpoint = ec2._vpc_endpoints[endpoint_id]
    return found


def _view(endpoint: Endpoint) -> Params:
    interface = endpoint["VpcEndpointType"] == INTERFACE
    service = endpoint["ServiceName"].split(".", 3)[-1]
    host = f"{endpoint['VpcEndpointId']}.{service}.{ec2.get_region()}.vpce.amazonaws.com"
    return {
        "vpcEndpointId": endpoint["VpcEndpointId"],
        "vpcEndpointType": endpoint["VpcEndpointType"],
        "vpcId": endpoint["VpcId"],
        "serviceName": endpoint["ServiceName"],
        "state": endpoint["State"],
        "policyDocument": json.dumps(_FULL_ACCESS),
        "routeTableIdSet": endpoint["RouteTableIds"],
        "subnetIdSet": endpoint["SubnetIds"],
        "groupSet": [
            {"groupId": one, "groupName": ec2._security_groups[one]["GroupName"]} for one in endpoint["Groups"]
        ],
        "ipAddressType": "ipv4",
        "dnsOptions": {"dnsRecordIpType": "ipv4" if interface else "service-defined"},
        "privateDnsEnabled": endpoint["PrivateDnsEnabled"],
        "requesterManaged": False,
        "networkInterfaceIdSet": list(endpoint["Interfaces"].values()),
        "dnsEntrySet": [{"dnsName": host}] if interface else [],
        "ownerId": endpoint["OwnerId"],
        "tagSet": [{"key": tag["Key"], "value": tag["Value"]} for tag in ec2._tags.get(endpoint["VpcEndpointId"], [])],
    }


def describe(params: Params) -> Params:
    """DescribeVpcEndpoints by ID, or all."""
    if params.get("Filter"):
        raise ApiError("InvalidFilter", "The sandbox's AWS has no filters of DescribeVpcEndpoints")
    ids = params.get("VpcEndpointId", [])
    found = [_find(one) for one in ids] if ids else list(ec2._vpc_endpoints.values())
    return {"vpcEndpointSet": [_view(each) for each in found]}


def modify(params: Params) -> Params:
    """ModifyVpcEndpoint."""
    endpoint = _find(params.get("VpcEndpointId", ""))
    if "PrivateDnsEnabled" in params:
        changed = {**endpoint, "PrivateDnsEnabled": is_true(params, "PrivateDnsEnabled")}
        _check_private_dns(changed, _service(endpoint["ServiceName"]))
    names = ("RouteTable", "Subnet", "SecurityGroup")
    added, removed = ({name: params.get(f"{verb}{name}Id", []) for name in names} for verb in ("Add", "Remove"))
    _change(endpoint, added, removed)
    if "PrivateDnsEnabled" in params:
        endpoint["PrivateDnsEnabled"] = is_true(params, "PrivateDnsEnabled")
    return {"return": True}


def delete(params: Params) -> Params:
    """DeleteVpcEndpoints: what cannot be deleted is named in the answer, which is no error by itself."""
    unsuccessful = []
    for one in params.get("VpcEndpointId", []):
        try:
            endpoint = _find(one)
        except ApiError as error:
            unsuccessful.append({"resourceId": one, "error": {"code": error.code, "message": error.message}})
            continue
        _change(endpoint, {}, {"RouteTable": list(endpoint["RouteTableIds"]), "Subnet": list(endpoint["SubnetIds"])})
        del ec2._vpc_endpoints[one]
        ec2._tags.pop(one, None)
    return {"unsuccessful": unsuccessful}


def _unless_used(member: str, word: str, original: Any, raw: Mapping[str, Any]) -> Response:
    """Refuse to delete what an endpoint uses, which ministack would delete under it."""
    one = parse(raw).get(member)
    for endpoint in ec2._vpc_endpoints.values():
        if one in (endpoint["VpcId"], *endpoint["SubnetIds"], *endpoint["Groups"]):
            raise ApiError("DependencyViolation", f"The {word} '{one}' has dependencies and cannot be deleted.")
    response: Response = original(raw)
    return response


HOOKS: tuple[Hook, ...] = (
    EC2.answer("CreateVpcEndpoint", create),
    EC2.answer("DeleteVpcEndpoints", delete),
    EC2.answer("DescribeVpcEndpoints", describe),
    EC2.answer("DescribeVpcEndpointServices", describe_services),
    EC2.answer("ModifyVpcEndpoint", modify),
    EC2.wrap("DeleteSecurityGroup", partial(_unless_used, "GroupId", "security group")),
    EC2.wrap("DeleteSubnet", partial(_unless_used, "SubnetId", "subnet")),
    EC2.wrap("DeleteVpc", partial(_unless_used, "VpcId", "vpc")),
)
