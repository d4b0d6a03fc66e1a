"""Filters of DescribeSubnets and DescribeRouteTables: ministack ignores those that it does not know.

A filter that is ignored finds too much, and a program that relies on it passes in the sandbox alone; so the filters by
which programs search for subnets and their tables are evaluated, and all others are refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from functools import partial
from typing import Any

from ministack.services import ec2

from sandbox.aws.errors import ApiError
from sandbox.aws.hooking import Hook
from sandbox.aws.query_protocol import EC2, Response, parse

Reader = Callable[[Mapping[str, Any]], list[str]]
"""The values of one thing that a filter compares with the wanted ones."""


def _member(name: str) -> Reader:
    return lambda thing: [str(thing.get(name, ""))]


def _flag(name: str) -> Reader:
    return lambda thing: [str(bool(thing.get(name))).lower()]


def _inner(outer: str, name: str) -> Reader:
    return lambda thing: [str(each[name]) for each in thing.get(outer, []) if each.get(name)]


# The names with which the API reference (DescribeSubnets, DescribeRouteTables) lists them.
_SUBNET_FILTERS: dict[str, Reader] = {
    "availability-zone": _member("AvailabilityZone"),
    "availabilityZone": _member("AvailabilityZone"),
    "cidr": _member("CidrBlock"),
    "cidr-block": _member("CidrBlock"),
    "cidrBlock": _member("CidrBlock"),
    "map-public-ip-on-launch": _flag("MapPublicIpOnLaunch"),
    "state": _member("State"),
    "subnet-id": _member("SubnetId"),
    "vpc-id": _member("VpcId"),
}
_TABLE_FILTERS: dict[str, Reader] = {
    "association.main": lambda table: [str(any(each.get("Main") for each in table.get("Associations", []))).lower()],
    "association.subnet-id": _inner("Associations", "SubnetId"),
    "route-table-id": _member("RouteTableId"),
    "route.gateway-id": _inner("Routes", "GatewayId"),
    "vpc-id": _member("VpcId"),
}


def _filtered(
    things: str, identity: str, readers: Mapping[str, Reader], original: Callable[..., Response], raw: Mapping[str, Any]
) -> Response:
    """Answer with those things that all filters let through.

    Args:
        things: Name of ministack's table of these things.
        identity: Name of their ID, which is also the parameter that asks for single ones.
        readers: The filters.
        original: ministack's handler.
        raw: The request's parameters.
    """
    conditions = parse(raw).get("Filter", [])
    for condition in conditions:
        if condition["Name"] not in readers and not _of_tags(condition["Name"]):
            raise ApiError("InvalidParameterValue", f"The filter '{condition['Name']}' is invalid")
    asked = parse(raw).get(identity, [])
    table = getattr(ec2, things)
    if not conditions or any(one not in table for one in asked):
        return original(raw)
    found = [each[identity] for each in table.values() if _passes(each, each[identity], conditions, readers)]
    chosen = [one for one in found if one in asked or not asked]
    plain = {name: value for name, value in raw.items() if name.partition(".")[0] not in ("Filter", identity)}
    if not chosen:  # No ID at all would find everything.
        return original({**plain, "Filter.1.Name": ["tag-key"], "Filter.1.Value.1": ["\n"]})
    return original({**plain, **{f"{identity}.{index}": [one] for index, one in enumerate(chosen, 1)}})


def _of_tags(name: str) -> bool:
    return name.startswith("tag:") or name in ("tag-key", "tag-value")


def _passes(thing: Mapping[str, Any], thing_id: str, conditions: Any, readers: Mapping[str, Reader]) -> bool:
    of_tags = {each["Name"]: each.get("Value", []) for each in conditions if _of_tags(each["Name"])}
    return ec2._resource_matches_tag_filters(thing_id, of_tags) and all(
        any(fnmatchcase(value, pattern) for value in readers[each["Name"]](thing) for pattern in each.get("Value", []))
        for each in conditions
        if not _of_tags(each["Name"])
    )


HOOKS: tuple[Hook, ...] = (
    EC2.wrap("DescribeSubnets", partial(_filtered, "_subnets", "SubnetId", _SUBNET_FILTERS)),
    EC2.wrap("DescribeRouteTables", partial(_filtered, "_route_tables", "RouteTableId", _TABLE_FILTERS)),
)
