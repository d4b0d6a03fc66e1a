"""IPv6 networks of VPCs and subnets, and the routes to them: ministack has none.

Refusals have the codes of the EC2 API reference ("Error codes").
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from ministack.services import ec2

from sandbox.aws.errors import ApiError
from sandbox.aws.hooking import Hook, wrap
from sandbox.aws.query_protocol import EC2, Params, Response, is_true, parse, render

_BLOCK = "Ipv6CidrBlock"
_ASSIGN = "AssignIpv6AddressOnCreation"
_TARGETS = {"GatewayId": ec2._internet_gateways, "EgressOnlyInternetGatewayId": ec2._egress_igws}


def create_vpc(original: Any, raw: Mapping[str, Any]) -> Response:
    """CreateVpc, with a network of Amazon's if it is asked for."""
    before = set(ec2._vpcs)
    response: Response = original(raw)
    if response[0] != 200 or not is_true(parse(raw), "AmazonProvidedIpv6CidrBlock"):
        return response
    (made,) = set(ec2._vpcs) - before
    vpc = ec2._vpcs[made]
    vpc[_BLOCK] = str(ipaddress.IPv6Network(f"2600:1f18:{made[-8:-4]}:{made[-4:-2]}00::/56"))
    _add_local_route(vpc["MainRouteTableId"])
    answer: Response = ec2._xml(200, "CreateVpcResponse", ec2._vpc_fields_xml(vpc, tag="vpc"))
    return answer


def _add_local_route(table: str) -> None:
    record = ec2._route_tables[table]
    if block := ec2._vpcs.get(record["VpcId"], {}).get(_BLOCK):
        local = {"DestinationIpv6CidrBlock": block, "GatewayId": "local"}
        record["Routes"].append({**local, "State": "active", "Origin": "CreateRouteTable"})


def create_route_table(original: Any, raw: Mapping[str, Any]) -> Response:
    """CreateRouteTable, with the local route of the VPC's IPv6 network."""
    before = set(ec2._route_tables)
    response: Response = original(raw)
    for made in set(ec2._route_tables) - before:
        _add_local_route(made)
    return response


def create_subnet(original: Any, raw: Mapping[str, Any]) -> Response:
    """CreateSubnet, with a part of the VPC's IPv6 network if one is asked for."""
    params = parse(raw)
    block = params.get(_BLOCK)
    if block:
        _check_block(params.get("VpcId", ""), block)
    before = set(ec2._subnets)
    response: Response = original(raw)
    if not block or response[0] != 200:
        return response
    (made,) = set(ec2._subnets) - before
    ec2._subnets[made][_BLOCK] = block
    answer: Response = ec2._xml(200, "CreateSubnetResponse", ec2._subnet_fields_xml(ec2._subnets[made], tag="subnet"))
    return answer


def _check_block(vpc: str, block: str) -> None:
    """A /64 of the VPC's network that no other subnet has ("IP addressing" of the VPC user guide)."""
    try:
        wanted = ipaddress.IPv6Network(block)
    except ValueError as error:
        raise ApiError("InvalidParameterValue", f"Value ({block}) for parameter ipv6CidrBlock is invalid") from error
    whole = ec2._vpcs.get(vpc, {}).get(_BLOCK)
    if wanted.prefixlen != 64 or not whole or not wanted.subnet_of(ipaddress.IPv6Network(whole)):
        raise ApiError("InvalidSubnet.Range", f"The CIDR '{block}' is invalid.")
    if any(each["VpcId"] == vpc and each.get(_BLOCK) == block for each in ec2._subnets.values()):
        raise ApiError("InvalidSubnet.Conflict", f"The CIDR '{block}' conflicts with another subnet")


def modify_subnet_attribute(original: Any, raw: Mapping[str, Any]) -> Response:
    """ModifySubnetAttribute; one attribute a call, as on AWS."""
    wanted = parse(raw).get(_ASSIGN)
    subnet = ec2._subnets.get(parse(raw).get("SubnetId"))
    if not wanted or subnet is None:
        response: Response = original(raw)
        return response
    if is_true(wanted, "Value") and _BLOCK not in subnet:
        raise ApiError("InvalidParameterValue", f"Subnet {subnet['SubnetId']} has no IPv6 CIDR block to assign from")
    subnet[_ASSIGN] = is_true(wanted, "Value")
    answer: Response = ec2._xml(200, "ModifySubnetAttributeResponse", "<return>true</return>")
    return answer


def vpc_fields(original: Any, vpc: Mapping[str, Any], tag: str = "item") -> str:
    """A VPC with its IPv6 network."""
    associated = {"ipv6CidrBlock": vpc.get(_BLOCK), "ipv6CidrBlockState": {"state": "associated"}, "ipv6Pool": "Amazon"}
    return _with(original(vpc, tag=tag), vpc, {"associationId": f"vpc-cidr-assoc-{vpc['VpcId'][4:]}", **associated})


def subnet_fields(original: Any, subnet: Mapping[str, Any], tag: str = "item") -> str:
    """A subnet with its part of the IPv6 network."""
    name = "assignIpv6AddressOnCreation"
    text = original(subnet, tag=tag)
    if subnet.get(_ASSIGN):
        text = text.replace(f"<{name}>false</{name}>", f"<{name}>true</{name}>")
    associated = {"ipv6CidrBlock": subnet.get(_BLOCK), "ipv6CidrBlockState": {"state": "associated"}}
    return _with(text, subnet, {"associationId": f"subnet-cidr-assoc-{subnet['SubnetId'][7:]}", **associated})


def _with(text: str, thing: Mapping[str, Any], association: Params) -> str:
    """The XML of a thing with the association before its closing tag, if it has an IPv6 network."""
    if _BLOCK not in thing:
        return text
    inside, _, name = text.rpartition("</")
    return f"{inside}{render({'ipv6CidrBlockAssociationSet': [association]}, 'item')}</{name}"


def create_route(params: Params, destination: str) -> None:
    """CreateRoute to an IPv6 network."""
    routes = _routes(params)
    if any(each.get("DestinationIpv6CidrBlock") == destination for each in routes):
        raise ApiError("RouteAlreadyExists", f"The route identified by {destination} already exists.")
    routes.append(
        {"DestinationIpv6CidrBlock": destination, **_target(params), "State": "active", "Origin": "CreateRoute"}
    )


def delete_route(params: Params, destination: str) -> None:
    """DeleteRoute to an IPv6 network."""
    routes = _routes(params)
    kept = [each for each in routes if each.get("DestinationIpv6CidrBlock") != destination]
    if len(kept) == len(routes):
        raise ApiError("InvalidRoute.NotFound", f"There is no route for {destination}")
    routes[:] = kept


def _if_ipv6(operation: str, change: Callable[[Params, str], None], original: Any, raw: Mapping[str, Any]) -> Response:
    """Make a change if the destination of the route is an IPv6 network; the rest is ministack's."""
    params = parse(raw)
    if destination := params.get("DestinationIpv6CidrBlock"):
        change(params, destination)
        answer: Response = ec2._xml(200, f"{operation}Response", "<return>true</return>")
    else:
        answer = original(raw)
    return answer


def _routes(params: Params) -> list[Any]:
    table = ec2._route_tables.get(params.get("RouteTableId"))
    if table is None:
        raise ApiError(
            "InvalidRouteTableID.NotFound", f"The routeTable ID '{params.get('RouteTableId')}' does not exist"
        )
    routes: list[Any] = table["Routes"]
    return routes


def _target(params: Params) -> dict[str, str]:
    """The gateway of a route (words about NAT gateways: eksctl-io/eksctl#4603)."""
    if "NatGatewayId" in params:
        raise ApiError(
            "InvalidParameterValue",
            "An interface that is part of a NAT gateway cannot be the next hop for an IPv6 destination CIDR block or "
            "IPv6 prefix list.",
        )
    for member, gateways in _TARGETS.items():
        if (gateway := params.get(member)) is not None:
            if gateway not in gateways:
                raise ApiError("InvalidGatewayID.NotFound", f"The gateway ID '{gateway}' does not exist")
            return {member: gateway}
    raise ApiError("MissingParameter", f"A route needs one of {', '.join(_TARGETS)}")


def create_egress_only_gateway(original: Any, raw: Mapping[str, Any]) -> Response:
    """CreateEgressOnlyInternetGateway in a VPC that exists."""
    vpc = parse(raw).get("VpcId")
    if vpc not in ec2._vpcs:
        raise ApiError("InvalidVpcID.NotFound", f"The vpc ID '{vpc}' does not exist")
    response: Response = original(raw)
    return response


def delete_vpc(original: Any, raw: Mapping[str, Any]) -> Response:
    """DeleteVpc, unless an egress-only gateway is attached to it."""
    vpc = parse(raw).get("VpcId")
    if any(each["VpcId"] == vpc for each in ec2._egress_igws.values()):
        raise ApiError("DependencyViolation", f"The vpc '{vpc}' has dependencies and cannot be deleted.")
    response: Response = original(raw)
    return response


HOOKS: tuple[Hook, ...] = (
    EC2.wrap("CreateVpc", create_vpc),
    EC2.wrap("CreateRouteTable", create_route_table),
    EC2.wrap("CreateSubnet", create_subnet),
    EC2.wrap("ModifySubnetAttribute", modify_subnet_attribute),
    EC2.wrap("CreateRoute", partial(_if_ipv6, "CreateRoute", create_route)),
    EC2.wrap("DeleteRoute", partial(_if_ipv6, "DeleteRoute", delete_route)),
    EC2.wrap("CreateEgressOnlyInternetGateway", create_egress_only_gateway),
    EC2.wrap("DeleteVpc", delete_vpc),
    wrap(ec2, "_vpc_fields_xml", vpc_fields),
    wrap(ec2, "_subnet_fields_xml", subnet_fields),
)
