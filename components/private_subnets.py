"""Find the private subnets of an adopted cluster, where nodes belong."""

from collections.abc import Sequence
from typing import NamedTuple

import pulumi

from .invoking import Refused, ask
from .pure import subnets
from .pure.subnets import RouteTable

SUBNETS = "aws:ec2/getSubnets:getSubnets"
TABLES = "aws:ec2/getRouteTables:getRouteTables"
TABLE = "aws:ec2/getRouteTable:getRouteTable"


class Found(NamedTuple):
    """Private subnets of a cluster.

    Attributes:
        private: Their IDs.
        all: IDs of all subnets of the cluster.
        refused: Why private and public subnets cannot be distinguished; empty if they can.
    """

    private: list[str]
    all: list[str]
    refused: str = ""


async def look_up(owner: pulumi.Resource, vpc_id: str, subnet_ids: Sequence[str]) -> Found:
    """Return the private ones among the subnets of a cluster.

    Three calls, and one for each route table that serves one of the subnets.

    Args:
        owner: Component whose AWS provider is asked.
        vpc_id: VPC of the cluster.
        subnet_ids: Its subnets.
    """
    known = list(subnet_ids)

    def only(**filters: list[str]) -> list[dict[str, object]]:
        return [
            {"name": name.replace("__", ".").replace("_", "-"), "values": values} for name, values in filters.items()
        ]

    try:
        addressless = await ask(owner, SUBNETS, filters=only(subnet_id=known, map_public_ip_on_launch=["false"]))
        associated = await ask(owner, TABLES, vpcId=vpc_id, filters=only(association__subnet_id=known))
        main = await ask(owner, TABLES, vpcId=vpc_id, filters=only(association__main=["true"]))
        ids = dict.fromkeys([*associated["ids"], *main["ids"]])
        tables = [_table(await ask(owner, TABLE, routeTableId=each)) for each in ids]
    except Refused as error:
        return Found([], known, str(error))
    return Found(subnets.private(known, addressless["ids"], tables), known)


def _table(found: dict[str, list[dict[str, object]]]) -> RouteTable:
    return RouteTable(
        frozenset(str(each["subnetId"]) for each in found["associations"] if each["subnetId"]),
        any(each["main"] for each in found["associations"]),
        frozenset(str(each["gatewayId"]) for each in found["routes"] if each["gatewayId"]),
    )
