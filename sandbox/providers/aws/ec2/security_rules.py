"""Rules of security groups, taken apart: what EC2 and the official provider group differently is the same inside."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from sandbox.providers.aws.resource import Properties
from sandbox.providers.aws.session import Cloud

_PEER_KEYS = {
    "IpRanges": "CidrIp",
    "Ipv6Ranges": "CidrIpv6",
    "PrefixListIds": "PrefixListId",
    "UserIdGroupPairs": "GroupId",
}
_PEER_INPUTS = {
    "IpRanges": "cidrBlocks",
    "Ipv6Ranges": "ipv6CidrBlocks",
    "PrefixListIds": "prefixListIds",
    "UserIdGroupPairs": "securityGroups",
}


@dataclass(frozen=True, order=True)
class Opening:
    """A protocol and its ports, open for one peer.

    Attributes:
        protocol: Name or number; ``-1`` is all of them.
        from_port: First port; 0 for all protocols.
        to_port: Last port; 0 for all protocols.
        kind: What the peer is, as EC2 calls the list of its kind: ``IpRanges`` ...
        peer: The peer: a CIDR block, prefix list or security group.
        description: What it is for.
    """

    protocol: str
    from_port: int
    to_port: int
    kind: str
    peer: str
    description: str = ""


def of_rule(rule: Properties, group_id: str) -> frozenset[Opening]:
    """The openings of a rule of the official provider in a group; ``self`` stands for the group."""
    protocol = "-1" if rule["protocol"] == "all" else rule["protocol"]
    first, last = (0, 0) if protocol == "-1" else (rule["fromPort"], rule["toPort"])
    description = rule.get("description") or ""
    peers = [(kind, peer) for kind, name in _PEER_INPUTS.items() for peer in rule.get(name) or ()]
    if rule.get("self"):
        peers.append(("UserIdGroupPairs", group_id))
    return frozenset(Opening(protocol, first, last, kind, peer, description) for kind, peer in peers)


def of_permission(permission: Any) -> frozenset[Opening]:
    """The openings of one of EC2's permissions."""
    protocol = permission["IpProtocol"]
    first, last = (0, 0) if protocol == "-1" else (permission["FromPort"], permission["ToPort"])
    return frozenset(
        Opening(protocol, first, last, kind, each[key], each.get("Description", ""))
        for kind, key in _PEER_KEYS.items()
        for each in permission.get(kind) or ()
    )


def to_permission(openings: Iterable[Opening]) -> dict[str, Any]:
    """Openings of one protocol and the same ports as one permission of EC2."""
    listed = sorted(openings)
    permission: dict[str, Any] = {"IpProtocol": listed[0].protocol}
    if listed[0].protocol != "-1":
        permission |= {"FromPort": listed[0].from_port, "ToPort": listed[0].to_port}
    for each in listed:
        description = {"Description": each.description} if each.description else {}
        permission.setdefault(each.kind, []).append({_PEER_KEYS[each.kind]: each.peer, **description})
    return permission


def to_rule(permission: Any, group_id: str) -> dict[str, Any]:
    """One of EC2's permissions as a rule of the official provider."""
    openings = sorted(of_permission(permission))
    peers = {kind: [each.peer for each in openings if each.kind == kind] for kind in _PEER_KEYS}
    return {
        **{name: [peer for peer in peers[kind] if peer != group_id] for kind, name in _PEER_INPUTS.items()},
        "description": next((each.description for each in openings if each.description), ""),
        "fromPort": openings[0].from_port if openings else 0,
        "protocol": permission["IpProtocol"],
        "self": group_id in peers["UserIdGroupPairs"],
        "toPort": openings[0].to_port if openings else 0,
    }


def permissions(group: Any, direction: str) -> list[Any]:
    """A group's permissions in one direction, ``ingress`` or ``egress``."""
    return list(group.get("IpPermissionsEgress" if direction == "egress" else "IpPermissions") or [])


def without_descriptions(openings: Iterable[Opening]) -> frozenset[Opening]:
    """Openings by what they open; EC2 knows no two that differ only in their description."""
    return frozenset(replace(each, description="") for each in openings)


def authorize(cloud: Cloud, group_id: str, direction: str, wanted: list[Any]) -> None:
    """Adds permissions to a group."""
    ec2 = cloud.ec2
    call = ec2.authorize_security_group_egress if direction == "egress" else ec2.authorize_security_group_ingress
    call(GroupId=group_id, IpPermissions=wanted)


def revoke(cloud: Cloud, group_id: str, direction: str, unwanted: list[Any]) -> None:
    """Takes permissions from a group."""
    ec2 = cloud.ec2
    call = ec2.revoke_security_group_egress if direction == "egress" else ec2.revoke_security_group_ingress
    call(GroupId=group_id, IpPermissions=unwanted)
