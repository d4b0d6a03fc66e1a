"""What a subnet's routes and settings mean for instances."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ministack.services import ec2


def public_subnets_without_addresses(subnets: Iterable[str], data: Mapping[str, Any]) -> list[str]:
    """The subnets whose instances could not reach the Internet, nor be reached: a way out, but no public address.

    EKS demands that a public subnet assigns public addresses by itself (EKS user guide, managed-node-groups.adoc),
    unless the launch template asks for one.

    Args:
        subnets: IDs of subnets.
        data: Launch template data.
    """
    interfaces = data.get("NetworkInterfaces") or [{}]
    if str(interfaces[0].get("AssociatePublicIpAddress", "")).lower() == "true":
        return []
    return [one for one in subnets if is_public(one) and not ec2._subnets[one].get("MapPublicIpOnLaunch")]


def is_public(subnet: str) -> bool:
    """Whether the route table that serves a subnet, its own or its VPC's main one, leads to an Internet gateway."""
    tables = [one for one in ec2._route_tables.values() if one["VpcId"] == ec2._subnets[subnet]["VpcId"]]
    own = [one for one in tables if any(each.get("SubnetId") == subnet for each in one["Associations"])]
    main = [one for one in tables if any(each.get("Main") for each in one["Associations"])]
    routes = [route for table in (own or main)[:1] for route in table["Routes"]]
    return any(str(route.get("GatewayId", "")).startswith("igw-") for route in routes)
