"""Distinguish private from public subnets, by their route tables and by the addresses that they assign."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

INTERNET_GATEWAY = "igw-"
"""Prefix of the ID of an internet gateway. A subnet with a route to one is public (VPC user guide, "Subnet types")."""


class RouteTable(NamedTuple):
    """A route table of the VPC.

    Attributes:
        subnet_ids: Subnets with an explicit association.
        main: Whether it serves the subnets without an association.
        gateway_ids: IDs of the gateways that it routes to.
    """

    subnet_ids: frozenset[str]
    main: bool
    gateway_ids: frozenset[str]

    @property
    def public(self) -> bool:
        """Return whether it routes to the internet without NAT."""
        return any(each.startswith(INTERNET_GATEWAY) for each in self.gateway_ids)


def private(
    subnet_ids: Sequence[str], without_public_addresses: Collection[str], tables: Sequence[RouteTable]
) -> list[str]:
    """Return the subnets whose nodes the internet cannot reach, in the order given.

    Args:
        subnet_ids: The subnets in question.
        without_public_addresses: Those of them that give no public address to a new instance.
        tables: The main route table of the VPC, and every one that is associated with a subnet in question.
    """
    associated = {subnet: table for table in tables for subnet in table.subnet_ids}
    main = next((table for table in tables if table.main), None)

    def is_private(subnet: str) -> bool:
        table = associated.get(subnet, main)
        return subnet in without_public_addresses and not (table and table.public)

    return [subnet for subnet in subnet_ids if is_private(subnet)]
